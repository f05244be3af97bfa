"""The deadline holds for the whole request, whatever the server does."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import httpcore
import httpx
import pytest

from shared import transport

DEADLINE = 0.5
PATIENCE = 3.0  # far more than the deadline, far less than any server here would take

Serve = Callable[[Callable[[socket.socket], None]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server that treats each connection as the given function does, and return its address."""
    done = threading.Event()
    listeners: list[socket.socket] = []

    def start(treat: Callable[[socket.socket], None]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def treat_quietly(connection: socket.socket) -> None:
            with contextlib.suppress(OSError):
                treat(connection)
                done.wait(PATIENCE * 3)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=treat_quietly, args=[connection], daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    start.done = done  # type: ignore[attr-defined]
    yield start
    done.set()
    for listener in listeners:
        listener.close()


def seconds_until_it_gives_up(url: str) -> float:
    started = time.monotonic()
    with (
        transport.new_client(60) as client,
        transport.deadline(DEADLINE),
        pytest.raises(httpx.TimeoutException),
    ):
        client.post(url, content=b"x" * 50_000_000 if url.endswith("/upload") else b"x")
    return time.monotonic() - started


def drip(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    pause = threading.Event()
    while not pause.wait(0.1):
        connection.sendall(b"x")


def test_server_that_never_answers(serve: Serve) -> None:
    assert seconds_until_it_gives_up(f"http://{serve(lambda _: None)}") < PATIENCE


def test_server_that_drips_a_byte_at_a_time(serve: Serve) -> None:
    assert seconds_until_it_gives_up(f"http://{serve(drip)}") < PATIENCE


def test_server_that_never_reads(serve: Serve) -> None:
    assert seconds_until_it_gives_up(f"http://{serve(lambda _: None)}/upload") < PATIENCE


def test_server_that_stalls_in_the_tls_handshake(serve: Serve) -> None:
    assert seconds_until_it_gives_up(f"https://{serve(lambda _: None)}") < PATIENCE


def test_name_look_up_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = threading.Event()

    def look_up(*_args: object, **_kwargs: object) -> list[object]:
        hanging.wait(PATIENCE * 3)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert seconds_until_it_gives_up("http://mem0.example") < PATIENCE
    hanging.set()


def test_all_addresses_of_a_host_share_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[float] = []

    def connect(
        _self: object, _host: str, _port: int, timeout: float, *_args: object
    ) -> httpcore.NetworkStream:
        tried.append(timeout)
        threading.Event().wait(timeout / 2)
        raise httpcore.ConnectTimeout

    addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{last}", 80)) for last in range(1, 5)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: addresses)
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    seconds_until_it_gives_up("http://mem0.example")
    assert sum(tried) < DEADLINE * 2.1
    assert tried == sorted(tried, reverse=True)


def test_deadline_ends_with_its_block() -> None:
    with transport.deadline(0.0), transport.deadline(50):
        pass
    assert transport._remaining(7.0, httpcore.ReadTimeout) == 7.0


def test_name_that_does_not_exist_is_a_connect_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: object, **_kwargs: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with transport.new_client(1) as client, pytest.raises(httpx.ConnectError):
        client.get("http://mem0.example")


def test_the_pool_is_the_one_with_the_deadline_and_the_long_memory() -> None:
    """Fails when a new httpx keeps its pool elsewhere, or a new httpcore its backend."""
    stock = httpx.HTTPTransport()
    assert isinstance(stock._pool, httpcore.ConnectionPool)
    pool = transport.new_client(1)._transport._pool  # type: ignore[attr-defined]
    assert isinstance(pool._network_backend, transport._Backend)
    assert pool._keepalive_expiry == transport.KEEPALIVE_SECONDS > 240
