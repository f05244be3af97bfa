"""The little HTTP/1.1 that the Runtime API needs, on a bare socket.

Every warm call passes here twice, so each answer is one write on a socket without Nagle's delay (with it a
call takes 90 ms longer). It serves Lambda's runtime client on the loopback and nothing else: it refuses what
that never sends.
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass

MAXIMUM_HEAD_BYTES = 64 * 1024
REASONS = {200: "OK", 202: "Accepted", 404: "Not Found", 413: "Payload Too Large"}


@dataclass(frozen=True)
class Request:
    """One request of the runtime client; header names are lower-case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """One connection of a runtime client."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._buffer = b""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def read(self, timeout: float | None = None) -> Request | None:
        """Return the next request, or None when the client closed the connection.

        Raises:
            TimeoutError: no complete request within `timeout` seconds of silence.
            ValueError: what came is not HTTP as the runtime client speaks it.
        """
        self._socket.settimeout(timeout)
        while b"\r\n\r\n" not in self._buffer:
            if len(self._buffer) > MAXIMUM_HEAD_BYTES or not self._more():
                return None
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _version = first.split(" ", 2)
        pairs = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        if headers.get("expect", "").lower() == "100-continue":
            self._socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = self._chunks()
        else:
            body = self._exactly(int(headers.get("content-length") or 0))
        return None if body is None else Request(method, path, headers, body)

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        """Send one response in one write.

        Raises:
            OSError: the client is gone.
        """
        lines = [f"HTTP/1.1 {status} {REASONS[status]}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self._socket.settimeout(None)
        self._socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def _more(self) -> bool:
        data = self._socket.recv(256 * 1024)
        self._buffer += data
        return bool(data)

    def _exactly(self, count: int) -> bytes | None:
        while len(self._buffer) < count:
            if not self._more():
                return None
        body, self._buffer = self._buffer[:count], self._buffer[count:]
        return body

    def _chunks(self) -> bytes | None:
        whole = b""
        while True:
            while b"\r\n" not in self._buffer:
                if not self._more():
                    return None
            size, self._buffer = self._buffer.split(b"\r\n", 1)
            count = int(size.split(b";")[0], 16)
            part = self._exactly(count + 2)
            if part is None:
                return None
            if count == 0:
                return whole
            whole += part[:-2]
