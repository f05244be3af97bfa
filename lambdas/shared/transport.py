"""HTTP to Mem0 under one deadline for the whole request, over a connection that is kept.

httpx bounds each read, not the request: a server that sends a byte a second is waited for without end, while
a caller listens to silence. Here every step of a request (name look-up, connect, TLS handshake, each write
and read) gets only what is left until the deadline of the thread that makes it.

`Client` is an `httpx.Client`, because that is what mem0 takes. It sends by the standard library's HTTP, which
is loaded anyway for AWS: httpx's own way through httpcore and h11 takes longer than all the rest of a warm
call, and most of it goes into what a JSON API never uses (cookies, redirects, authentication flows, proxies).
"""

import contextlib
import functools
import http.client
import io
import json
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import httpx

KEEPALIVE_SECONDS = 330.0
"""How long an idle connection is kept. httpx's 5 s would mean a handshake for nearly every call. A connection
that the server closed in the meantime is noticed before it is used; NAT gateways forget after 350 s."""

_BYTES_AT_ONCE = 65_536
_current = threading.local()


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Let every request that this thread makes inside the block end within `seconds` from now.

    A block inside another can only shorten what is left.
    """
    before: float | None = getattr(_current, "until", None)
    until = time.monotonic() + seconds
    _current.until = until if before is None else min(until, before)
    try:
        yield
    finally:
        _current.until = before


def _left(timeout: float) -> float:
    """Seconds that the next step may take: `timeout`, or less if the deadline comes before it.

    Raises:
        TimeoutError: if nothing is left.
    """
    until: float | None = getattr(_current, "until", None)
    if until is None:
        return timeout
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("deadline exceeded")
    return min(left, timeout)


class _Reader(io.RawIOBase):
    """One answer, as `http.client` reads it."""

    def __init__(self, owner: "_Socket") -> None:
        self._owner = owner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._owner.receive_into(buffer)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._owner.let_go()


class _Socket:
    """What `http.client` wants of a socket, each step within what is left.

    It stays open until both the connection and the answer that is being read have closed it: `http.client`
    closes the connection first where the server said so, and reads on.
    """

    def __init__(self, connection: socket.socket, timeout: float) -> None:
        self._socket = connection
        self._timeout = timeout
        self._users = 1

    def sendall(self, data: bytes) -> None:
        for start in range(0, len(data), _BYTES_AT_ONCE):
            self._socket.settimeout(_left(self._timeout))
            self._socket.sendall(data[start : start + _BYTES_AT_ONCE])

    def receive_into(self, buffer: Any) -> int:
        self._socket.settimeout(_left(self._timeout))
        return self._socket.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        self._users += 1
        return io.BufferedReader(_Reader(self), _BYTES_AT_ONCE)

    def has_something_to_read(self) -> bool:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def let_go(self) -> None:
        self._users -= 1
        if not self._users:
            self._socket.close()

    close = let_go


class _Connection(http.client.HTTPConnection):
    """A connection to one host, which knows the deadline."""

    sock: _Socket | None  # what http.client uses of a socket

    def __init__(self, url: httpx.URL, tls: ssl.SSLContext, timeout: float) -> None:
        self._tls = tls if url.scheme == "https" else None
        super().__init__(url.host, url.port or (443 if self._tls else 80))
        self._seconds = timeout
        self._unsent = bytearray()
        self.idle_since = 0.0

    def connect(self) -> None:
        failure = OSError(f"{self.host} has no address")
        # One address after the other: create_connection would give each of them the whole timeout.
        for address in _resolve(self.host, self.port, _left(self._seconds)):
            try:
                connection = socket.create_connection((address, self.port), _left(self._seconds))
            except OSError as error:
                failure = error
            else:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.sock = _Socket(self._encrypted(connection), self._seconds)
                return
        raise failure

    def _encrypted(self, connection: socket.socket) -> socket.socket:
        if self._tls is None:
            return connection
        try:
            connection.settimeout(_left(self._seconds))
            return self._tls.wrap_socket(connection, server_hostname=self.host)
        except BaseException:
            connection.close()
            raise

    def send(self, data: Any) -> None:
        """Keep a piece of the request for `flush`: head and body leave in one packet, not in two."""
        self._unsent += data

    def flush(self) -> None:
        """Send what there is."""
        unsent, self._unsent = bytes(self._unsent), bytearray()
        if self.sock is not None:
            self.sock.sendall(unsent)

    def is_fit(self) -> bool:
        """Whether it may be used again: not idle for too long, and not closed by the server."""
        if time.monotonic() - self.idle_since > KEEPALIVE_SECONDS:
            return False
        return self.sock is not None and not self.sock.has_something_to_read()


def _resolve(host: str, port: int, timeout: float) -> list[str]:
    """The addresses of `host`. The C library's look-up knows no timeout, so a thread waits for it."""
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


class _NoOtherWay(httpx.BaseTransport):
    """Stands where httpx would make its own transport. Whatever does not come through `request` fails."""

    def handle_request(self, request: httpx.Request) -> NoReturn:
        raise NotImplementedError(f"{request.method} {request.url.path}: only Client.request is there")


class Client(httpx.Client):
    """An `httpx.Client` for a JSON API on one host. Safe to use from many threads.

    It does what mem0 asks of it: `get`, `post`, `put`, `patch` and `delete` with `json`, `params` and
    `headers`, an answer that can `raise_for_status`, and httpx's exceptions. It follows no redirect and keeps
    no cookie.

    Args:
        timeout_seconds: what each step may take at most; all together end by the thread's `deadline`.
    """

    def __init__(self, timeout_seconds: float) -> None:
        super().__init__(transport=_NoOtherWay(), timeout=timeout_seconds, trust_env=False)
        self._seconds = timeout_seconds
        self._tls = httpx.create_ssl_context()
        self._idle: list[_Connection] = []

    def request(  # type: ignore[override]  # fewer options
        self,
        method: str,
        url: httpx.URL | str,
        *,
        json: object = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        """Send a request and return the whole answer.

        Raises:
            httpx.TimeoutException: if the deadline came first.
            httpx.TransportError: if there is no connection, or what comes over it is no HTTP.
            TypeError: for an option of httpx that this client does not know.
            ValueError: if `url` is no path on the client's host.
        """
        _check_unused(more)
        path = str(url)
        if not path.startswith("/"):
            raise ValueError("the url must be a path on the client's own host")
        target = self.base_url.raw_path.decode().rstrip("/") + path
        if params:
            target += f"?{httpx.QueryParams(params)}"
        sent = {**self.headers, "accept-encoding": "gzip", **(headers or {})}
        body = None
        if json is not None:
            body = _JSON.encode(json).encode()
            sent["content-type"] = "application/json"
        answer = self._exchange(method, target, body, sent)
        answer.request = _request(method, self.base_url, target)
        return answer

    def _exchange(
        self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]
    ) -> httpx.Response:
        connection = self._connected()
        try:
            # A server may refuse before it has read everything; its answer says why.
            with _as_httpx(httpx.WriteTimeout, httpx.WriteError), contextlib.suppress(BrokenPipeError):
                connection.request(method, target, body, headers)
                connection.flush()
            with _as_httpx(httpx.ReadTimeout, httpx.ReadError):
                response = connection.getresponse()
                content = response.read()
            answer = httpx.Response(response.status, headers=response.getheaders(), content=content)
        except BaseException:
            connection.close()
            raise
        if connection.sock is not None:  # http.client has closed it if the server wishes so
            connection.idle_since = time.monotonic()
            self._idle.append(connection)
        return answer

    def _connected(self) -> _Connection:
        with contextlib.suppress(IndexError):
            while True:
                connection = self._idle.pop()
                if connection.is_fit():
                    return connection
                connection.close()
        connection = _Connection(self.base_url, self._tls, self._seconds)
        with _as_httpx(httpx.ConnectTimeout, httpx.ConnectError):
            connection.connect()
        return connection

    def close(self) -> None:
        """Close what is idle. A connection that is in use is closed by its request."""
        super().close()
        while self._idle:
            self._idle.pop().close()


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _check_unused(options: Mapping[str, Any]) -> None:
    """Refuse an option that was given: `get`, `post` and so on pass all on, also those that nobody gave."""
    unset = (None, httpx.USE_CLIENT_DEFAULT)
    if given := [name for name, value in options.items() if value not in unset]:
        raise TypeError(f"this client knows no {', '.join(given)}")


@functools.lru_cache(maxsize=64)
def _request(method: str, base_url: httpx.URL, target: str) -> httpx.Request:
    """What an answer names as its request; made once, because httpx parses a URL more slowly than we ask."""
    return httpx.Request(method, base_url.join(target))


@contextlib.contextmanager
def _as_httpx(timeout: type[httpx.TimeoutException], failure: type[httpx.NetworkError]) -> Iterator[None]:
    """What goes wrong inside the block as the exception that httpx, and so mem0, has for it."""
    try:
        yield
    except http.client.HTTPException as error:
        raise httpx.RemoteProtocolError(type(error).__name__) from None
    except TimeoutError as error:
        raise timeout(str(error)) from None
    except OSError as error:
        raise failure(type(error).__name__) from None
