"""HTTP/1.1 to one host over kept connections, with one deadline for the whole request.

Built on the standard library's `http.client`: httpcore's timeouts are for each read, so a server that sends a
byte a second could hold a caller for minutes, and its import is paid at each cold start.
"""

import contextlib
import contextvars
import functools
import http.client
import io
import socket
import ssl
import threading
import time
import types
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

IDLE_SECONDS = 330.0
"""How long an idle connection is kept: a NAT gateway of AWS forgets it after 350 s."""

_PIECE = 65_536
_IDLE_SHARE = 0.6  # of the time that is left: a connection that a NAT forgot takes what it gets
_deadline: contextvars.ContextVar[float] = contextvars.ContextVar("deadline")


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Let every request inside the block end within `seconds` from now; an outer block may shorten it."""
    until = time.monotonic() + seconds
    token = _deadline.set(min(until, _deadline.get(until)))
    try:
        yield
    finally:
        _deadline.reset(token)


def seconds_left(at_most: float) -> float:
    """Seconds until the deadline, but not more than `at_most`.

    Raises:
        TimeoutError: if none are left.
    """
    left = min(at_most, _deadline.get(float("inf")) - time.monotonic())
    if left <= 0:
        raise TimeoutError("deadline exceeded")
    return left


class Response(NamedTuple):
    """A whole response: header names in small letters, the `body` as it was sent, maybe compressed."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class HttpClient:
    """Sends requests to one host. Safe to use from many threads.

    Args:
        origin: `https://host`, maybe with a port; a path is ignored.
        timeout: seconds that each step of a request may take; all together end by the `deadline`.
    """

    def __init__(self, origin: str, timeout: float) -> None:
        url = urlsplit(origin)
        self._tls = url.scheme == "https"
        self._address = url.hostname or "", url.port or (443 if self._tls else 80)
        self._timeout = timeout
        self._idle: list[_Connection] = []

    def request(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        repeatable: bool = False,
    ) -> Response:
        """Send a request and read the whole response.

        Args:
            method: GET, POST and so on.
            target: path and query.
            headers: all of them but the length of the body.
            body: of the request.
            repeatable: whether sending it twice does no harm. Then it is sent once more, on a fresh
                connection, if an idle one turns out to be dead or silent.

        Raises:
            TimeoutError: if the deadline came first.
            OSError, http.client.HTTPException: if there is no connection, or no HTTP comes over it.
            ValueError: if a header or the target holds a line break.
        """
        message = _encode(method, target, headers, body)
        share = seconds_left(self._timeout) * (_IDLE_SHARE if repeatable else 1)
        if idle := self._take_idle():
            try:
                with deadline(share):
                    return self._exchange(idle, method, message)
            except (OSError, http.client.HTTPException):
                if not repeatable:
                    raise
        return self._exchange(self._connect(), method, message)

    def open_connection(self) -> None:
        """Open a connection ahead of the first request.

        Raises:
            OSError: if that fails.
        """
        self._idle.append(self._connect())

    def close(self) -> None:
        """Close what is idle. A connection in use is closed by its request."""
        while self._idle:
            self._idle.pop().close()

    def _take_idle(self) -> "_Connection | None":
        with contextlib.suppress(IndexError):
            while True:
                connection = self._idle.pop()
                if connection.is_usable():
                    return connection
                connection.close()
        return None

    def _exchange(self, connection: "_Connection", method: str, message: bytes) -> Response:
        try:
            connection.send(message)
            response, reusable = connection.receive(method)
        except BaseException:
            connection.close()
            raise
        if reusable:
            self._idle.append(connection)
        else:
            connection.close()
        return response

    def _connect(self) -> "_Connection":
        host, port = self._address
        addresses = _resolve(host, port, seconds_left(self._timeout))
        for untried, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            try:  # The addresses share the time, so that a silent first one does not use it up.
                plain = socket.create_connection((address, port), seconds_left(self._timeout) / untried)
            except OSError:
                if untried == 1:
                    raise
            else:
                return _Connection(self._secure(plain), self._timeout)
        raise OSError(f"{host} has no address")

    def _secure(self, plain: socket.socket) -> socket.socket:
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.settimeout(seconds_left(self._timeout))
            return tls_context().wrap_socket(plain, server_hostname=self._address[0]) if self._tls else plain
        except BaseException:
            plain.close()
            raise


class _Connection:
    """A socket each of whose steps ends by the deadline."""

    def __init__(self, connection: socket.socket, timeout: float) -> None:
        self._socket = connection
        self._timeout = timeout
        self._idle_since = time.monotonic()

    def send(self, message: bytes) -> None:
        # A server may refuse before it has read everything; its response says why.
        with contextlib.suppress(BrokenPipeError):
            for start in range(0, len(message), _PIECE):
                self._socket.settimeout(seconds_left(self._timeout))
                self._socket.sendall(message[start : start + _PIECE])

    def receive(self, method: str) -> tuple[Response, bool]:
        """The response, and whether the connection may be used again."""
        raw = _Reader(self)
        reader = io.BufferedReader(raw, _PIECE)
        source = cast("socket.socket", types.SimpleNamespace(makefile=lambda _mode: reader))
        parsers: list[http.client.HTTPResponse] = []  # all kept: one that is collected closes the reader
        while not parsers or 100 <= parsers[-1].status < 200:  # noqa: PLR2004 - interim responses come first
            parsers.append(http.client.HTTPResponse(source, method=method))
            parsers[-1].begin()
            if raw.has_ended:  # http.client takes half a head for a whole one
                raise http.client.RemoteDisconnected("the connection ended in the middle of a response")
        final = parsers[-1]
        headers = [(name.lower(), value) for name, value in final.getheaders()]
        response = Response(final.status, headers, final.read())
        self._idle_since = time.monotonic()
        return response, not final.will_close

    def receive_into(self, buffer: Any) -> int:
        self._socket.settimeout(seconds_left(self._timeout))
        return self._socket.recv_into(buffer)

    def is_usable(self) -> bool:
        """Whether it was not idle for too long, and nothing came: neither its end nor a stray response."""
        if time.monotonic() - self._idle_since > IDLE_SECONDS:
            return False
        self._socket.settimeout(0)
        try:
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):  # TLS may have sent tickets, which are no data
            return True
        except OSError:
            pass
        return False

    def close(self) -> None:
        self._socket.close()


class _Reader(io.RawIOBase):
    """What `http.client` reads a response from; closing it leaves the connection open."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self.has_ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._connection.receive_into(buffer)
        self.has_ended = not count
        return count


def _encode(method: str, target: str, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if any(character in line for line in lines for character in "\r\n\0"):
        raise ValueError("a header or the target of a request holds a line break")
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode("latin-1") + body


def _resolve(host: str, port: int, timeout: float) -> list[str]:
    """The addresses of `host`. The C library's look-up has no timeout, so a thread waits for it."""
    found: list[list[str] | OSError] = []

    def look_up() -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.append([str(row[4][0]) for row in rows])
        except OSError as error:
            found.append(error)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(timeout)
    if not found:
        raise TimeoutError(f"no address for {host} in time")
    if isinstance(found[0], OSError):
        raise found[0]
    return found[0]


@functools.lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """Made once: reading the certificate authorities takes as long as a handshake."""
    return ssl.create_default_context()
