"""The HTTP/1.1 server that every stand-in is built on: one thread for each connection, on 127.0.0.1 only.

h11 reads and writes the protocol. Accepting and sending is done here because a stand-in must be able to fail
below HTTP: refuse a connection, say nothing, send slowly, stop in the middle, reset.
"""

import json
import logging
import re
import select
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import responses
from typing import Any
from urllib.parse import parse_qsl, unquote

import h11

HANDSHAKE_SECONDS = 30.0
HEAD_BYTES = 64 * 1024
READ_BYTES = 256 * 1024
# A body beyond the limit is still read up to this size, so that its sender sees the answer, not a reset.
DRAINED_BYTES = 64 * 1024 * 1024
WITHOUT_BODY = (204, 304)

log = logging.getLogger(__name__)
Pairs = Sequence[tuple[str, str]]


class PortTakenError(OSError):
    """A port is in use. The message says which, and what to do."""


class Connection:
    """One client's connection; `number` counts from 1, `busy` says whether a request is being answered."""

    def __init__(self, plain: socket.socket, number: int) -> None:
        self.socket = plain
        self.number = number
        self.busy = False
        self.protocol = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer may wait 40 ms

    def is_gone(self) -> bool:
        """Whether the client has closed its end."""
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        if not poll.poll(0):
            return False
        if isinstance(self.socket, ssl.SSLSocket):
            return True  # what comes now is the goodbye of TLS
        try:
            return not self.socket.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def shut_down(self) -> None:
        """End the connection in both directions."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """End the connection by a TCP reset, which the client sees as an error."""
        with suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that was read to its end.

    Attributes:
        target: path and query string as they were sent, percent-encoded.
        headers: in their order, repeated ones included; names in lower case.
    """

    method: str
    target: str
    headers: Pairs
    body: bytes = b""
    connection: Connection | None = None

    @property
    def path(self) -> str:
        """The target without its query string, percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The values of the query string; of a repeated name the last."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def base_url(self) -> str:
        """What the client calls this server, without a slash at the end."""
        secure = self.connection is not None and isinstance(self.connection.socket, ssl.SSLSocket)
        return f"{'https' if secure else 'http'}://{self.header('host')}"

    def header(self, name: str) -> str:
        """The value of a header (name in lower case), or an empty string."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass(frozen=True, kw_only=True)
class Response:
    """An answer. `send(connection, head, body)` may put the bytes on the connection in another way."""

    status: int = 200
    headers: Pairs = ()
    body: bytes = b""
    send: Callable[[Connection, bytes, bytes], None] | None = field(default=None, repr=False)


def json_response(status: int, content: Any, headers: Pairs = ()) -> Response:
    """Return a response whose body is compact JSON."""
    body = json.dumps(content, separators=(",", ":")).encode()
    return Response(status=status, headers=(("content-type", "application/json"), *headers), body=body)


def message(status: int, words: str) -> Response:
    """Return a response in API Gateway's form: {"message":"Not Found"}."""
    return json_response(status, {"message": words})


class HttpServer:
    """A running server.

    Args:
        handler: answers a request; None closes the connection without an answer.
        name: for the names of its threads.
        port: 0 takes a free one.
        tls: with a context, connections are TLS.
        body_limit: bytes of a body; a longer one is answered 413.
        error: makes the answer to what is no proper request, from a status and words.
        on_connect: called with each new connection, before TLS; False ends it.

    Attributes:
        port, url: where it listens; the URL has no slash at the end.
        counts: `connections` and `tls_handshakes` so far.

    Raises:
        PortTakenError: the port is in use.
    """

    def __init__(  # noqa: PLR0913 - keyword-only settings with defaults
        self,
        handler: Callable[[Request], Response | None],
        *,
        name: str,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        body_limit: int = 20_000_000,
        error: Callable[[int, str], Response] = message,
        on_connect: Callable[[Connection], bool] = lambda _connection: True,
    ) -> None:
        self._handler = handler
        self._name = name
        self._tls = tls
        self._body_limit = body_limit
        self._error = error
        self._on_connect = on_connect
        self._open: set[Connection] = set()
        self._lock = threading.Lock()
        self._stopping = False
        self.counts: Counter[str] = Counter()
        try:
            # 300 callers at once must not meet a refused connection.
            self._listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        except OSError as taken:
            raise PortTakenError(
                f"port {port} cannot be used ({taken.strerror}): stop what uses it, or choose another"
            ) from taken
        self.port = int(self._listener.getsockname()[1])
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, name=f"{name}-http", daemon=True)
        self._thread.start()

    def connections(self) -> list[Connection]:
        """The open connections."""
        with self._lock:
            return list(self._open)

    def drop_idle(self) -> int:
        """Close all connections without a request under way, as a load balancer does; return how many."""
        idle = [connection for connection in self.connections() if not connection.busy]
        for connection in idle:
            connection.shut_down()
        return len(idle)

    def stop(self) -> None:
        """Stop listening and close every connection. Safe to call twice."""
        if not self._stopping:
            self._stopping = True
            with suppress(OSError):  # a blocked accept is not woken by close, but by a connection
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        self._thread.join(timeout=5)
        for connection in self.connections():
            connection.shut_down()

    def _accept(self) -> None:
        with self._listener:
            while True:
                try:
                    client, _ = self._listener.accept()
                except OSError:  # too many open files, or a client that was gone already
                    time.sleep(0.01)
                    continue
                if self._stopping:
                    client.close()
                    return
                with self._lock:
                    self.counts["connections"] += 1
                    connection = Connection(client, self.counts["connections"])
                    self._open.add(connection)
                name = f"{self._name}-connection"
                threading.Thread(target=self._serve, args=(connection,), name=name, daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        try:
            with suppress(OSError):  # a client that goes away is no error of ours
                if self._on_connect(connection):
                    self._shake_hands(connection)
                    while self._answer_next(connection):
                        connection.protocol.start_next_cycle()
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.socket.close()

    def _shake_hands(self, connection: Connection) -> None:
        if self._tls is not None:
            connection.socket.settimeout(HANDSHAKE_SECONDS)
            connection.socket = self._tls.wrap_socket(connection.socket, server_side=True)
            connection.socket.settimeout(None)
            with self._lock:
                self.counts["tls_handshakes"] += 1

    def _answer_next(self, connection: Connection) -> bool:
        """Read and answer one request; return whether another may follow."""
        try:
            request = self._read(connection)
        except h11.RemoteProtocolError as error:
            self._send(connection, self._error(error.error_status_hint, str(error)))
            return False
        if request is None:
            return False
        connection.busy = True
        response = self._call_handler(request)
        if response is None:
            return False
        # Whoever has an answer may rely on its connection being idle; only a slow one takes time.
        connection.busy = response.send is not None
        self._send(connection, response, without_body=request.method == "HEAD")
        connection.busy = False
        return connection.protocol.our_state is connection.protocol.their_state is h11.DONE

    def _call_handler(self, request: Request) -> Response | None:
        if len(request.body) > self._body_limit:
            return self._error(413, "Request Entity Too Large")
        try:
            return self._handler(request)
        except Exception:
            if self._stopping:
                return None
            log.exception("the handler of %s failed", self._name)  # without the path, which may hold a number
            return self._error(500, "Internal Server Error")

    def _read(self, connection: Connection) -> Request | None:
        """Return the next request; None when the client has closed the connection, or sends without end."""
        protocol = connection.protocol
        head: h11.Request | None = None
        body = bytearray()
        size = 0
        while True:
            event = protocol.next_event()
            if event is h11.NEED_DATA:
                if protocol.they_are_waiting_for_100_continue:
                    connection.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                    protocol.send(h11.InformationalResponse(status_code=100, headers=[]))
                protocol.receive_data(connection.socket.recv(READ_BYTES))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data) and size <= DRAINED_BYTES:
                size += len(event.data)
                if len(body) <= self._body_limit:
                    body += event.data
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return Request(
                    method=head.method.decode(),
                    target=head.target.decode("latin-1"),
                    headers=[(name.decode(), value.decode("latin-1")) for name, value in head.headers],
                    body=bytes(body),
                    connection=connection,
                )
            else:
                return None

    def _send(self, connection: Connection, response: Response, *, without_body: bool = False) -> None:
        content = b"" if response.status in WITHOUT_BODY else response.body
        pairs = [*response.headers, ("content-length", str(len(content)))]
        try:
            event = h11.Response(
                status_code=response.status,
                headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs],
                reason=responses.get(response.status, "Unknown").encode(),
            )
        except (h11.LocalProtocolError, UnicodeEncodeError):  # e.g. a line break in a header
            self._send(connection, self._error(500, "Internal Server Error"))
            return
        head, body = connection.protocol.send(event) or b"", b""
        if content and not without_body:
            body = connection.protocol.send(h11.Data(data=content)) or b""
        connection.protocol.send(h11.EndOfMessage())
        if response.send:
            response.send(connection, head, body)
        else:
            connection.socket.sendall(head + body)


class Routes:
    """Maps requests to names.

    Args:
        routes: name to method and path, e.g. `{"get": ("GET", "/v1/memories/{id}/")}`; a `{parameter}`
            stands for one segment of the path.
    """

    def __init__(self, routes: Mapping[str, tuple[str, str]]) -> None:
        self._routes = [
            (name, method, re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path)))
            for name, (method, path) in routes.items()
        ]

    def find(self, method: str, path: str) -> tuple[str, dict[str, str]] | None:
        """Return the name for a request, and the path's parameters without percent-encoding."""
        for name, verb, pattern in self._routes:
            if verb == method and (found := pattern.fullmatch(path)):
                return name, {key: unquote(value) for key, value in found.groupdict().items()}
        return None

    def has(self, path: str) -> bool:
        """Whether any method has this path."""
        return any(pattern.fullmatch(path) for _, _, pattern in self._routes)
