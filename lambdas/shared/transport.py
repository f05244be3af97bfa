"""HTTP to Mem0 under one deadline for the whole request, over a connection that is kept.

httpx bounds each read, not the request: a server that sends a byte a second is waited for without end, while
a caller listens to silence. Here every step of a request (name look-up, connect, TLS handshake, each write
and read) gets only what is left until the deadline of the thread that makes it.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore
import httpx

KEEPALIVE_SECONDS = 330.0
"""How long an idle connection is kept. httpx's 5 s would mean a handshake for nearly every call. A connection
that the server closed in the meantime is noticed before it is used; NAT gateways forget after 350 s."""

_WRITE_BYTES = 65_536
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


def _remaining(timeout: float | None, exceeded: type[Exception]) -> float | None:
    """Seconds that the next step may take."""
    until: float | None = getattr(_current, "until", None)
    if until is None:
        return timeout
    left = until - time.monotonic()
    if left <= 0:
        raise exceeded("deadline exceeded")
    return left if timeout is None else min(left, timeout)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _remaining(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_BYTES):
            chunk = buffer[start : start + _WRITE_BYTES]
            self._stream.write(chunk, _remaining(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _remaining(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def __init__(self) -> None:
        self._sync = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        # One address after the other: the library would give each of them the whole timeout.
        for address in _resolve(host, port, _remaining(timeout, httpcore.ConnectTimeout)):
            left = _remaining(timeout, httpcore.ConnectTimeout)
            try:
                return _Stream(self._sync.connect_tcp(address, port, left, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


def _resolve(host: str, port: int, timeout: float | None) -> list[str]:
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
        raise httpcore.ConnectTimeout(f"no address for {host} in time")
    if isinstance(found[0], OSError):
        raise httpcore.ConnectError(f"{host} has no address")
    return found[0]


class _Transport(httpx.HTTPTransport):
    """httpx's own transport over a pool whose sockets know the deadline.

    httpx has no public way to pass a network backend; `tests/unit/test_transport.py` fails if a new version
    renames the attribute.
    """

    def __init__(self) -> None:
        context = httpx.create_ssl_context()
        super().__init__(verify=context)
        self._pool = httpcore.ConnectionPool(
            ssl_context=context, keepalive_expiry=KEEPALIVE_SECONDS, network_backend=_Backend()
        )


def new_client(timeout_seconds: float) -> httpx.Client:
    """A client whose every step takes at most `timeout_seconds`, all together no longer than `deadline`."""
    return httpx.Client(transport=_Transport(), timeout=timeout_seconds)
