"""The deadline holds for the whole request, whatever the server does, and over whichever connection."""

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from shared import http_client
from shared.http_client import HttpClient, deadline
from tests.unit.http_servers import PATIENCE, Servers, Treat, drip, ok, replay, say_nothing

DEADLINE = 0.5
HEADERS = {"host": "example"}


@pytest.fixture
def servers() -> Iterator[Servers]:
    made = Servers()
    yield made
    made.stop()


def seconds_until_it_gives_up(origin: str, body: bytes = b"") -> float:
    started = time.monotonic()
    with (
        contextlib.closing(HttpClient(origin, 60)) as client,
        deadline(DEADLINE),
        pytest.raises(TimeoutError),
    ):
        client.request("POST", "/", HEADERS, body)
    return time.monotonic() - started


@pytest.fixture
def connect() -> Iterator[Callable[[str], HttpClient]]:
    made: list[HttpClient] = []

    def to(address: str) -> HttpClient:
        made.append(HttpClient(f"http://{address}", 2))
        return made[-1]

    yield to
    for client in made:
        client.close()


Connect = Callable[[str], HttpClient]


# The deadline


@pytest.mark.parametrize("treat", [say_nothing, drip])
def test_server_that_is_silent_or_slow_is_not_waited_for(servers: Servers, treat: Treat) -> None:
    assert seconds_until_it_gives_up(f"http://{servers.start(treat)}") < PATIENCE


def test_server_that_never_reads_is_not_waited_for(servers: Servers) -> None:
    assert seconds_until_it_gives_up(f"http://{servers.start(say_nothing)}", b"x" * 50_000_000) < PATIENCE


def test_server_that_stalls_in_the_tls_handshake_is_not_waited_for(servers: Servers) -> None:
    assert seconds_until_it_gives_up(f"https://{servers.start(say_nothing)}") < PATIENCE


def test_name_look_up_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = threading.Event()

    def look_up(*_args: object, **_kwargs: object) -> list[object]:
        hanging.wait(PATIENCE * 3)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert seconds_until_it_gives_up("http://mem0.example") < PATIENCE
    hanging.set()


def test_deadline_inside_another_can_only_shorten_it() -> None:
    with deadline(0.0), deadline(50), pytest.raises(TimeoutError):
        http_client.seconds_left(7)
    assert http_client.seconds_left(7) == 7


# Connecting


def addresses(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    rows = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 80)) for host in hosts]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: rows)


def test_second_address_is_tried_while_there_is_time_for_it(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(servers.start(replay(ok())).rpartition(":")[2])

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        if address[0] == "192.0.2.1":  # a black hole: nothing comes back
            threading.Event().wait(timeout)
            raise TimeoutError
        connected = socket.socket()
        connected.connect(address)
        return connected

    addresses(monkeypatch, "192.0.2.1", "127.0.0.1")
    monkeypatch.setattr(socket, "create_connection", connect)
    with contextlib.closing(HttpClient(f"http://mem0.example:{port}", 60)) as client, deadline(PATIENCE):
        assert client.request("GET", "/", HEADERS).status == 200


def test_name_that_does_not_exist_is_an_error(monkeypatch: pytest.MonkeyPatch, connect: Connect) -> None:
    def unknown(*_args: object, **_kwargs: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(socket.gaierror):
        connect("mem0.example").request("GET", "/", HEADERS)


def test_host_that_does_not_listen_is_an_error(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        connect(f"127.0.0.1:{port}").request("GET", "/", HEADERS)


# Responses


def test_responses_of_every_kind_are_read_whole(servers: Servers, connect: Connect) -> None:
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    nothing = b"HTTP/1.1 204 No Content\r\n\r\n"
    until_closed = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nthe rest"
    client = connect(servers.start(replay(ok(b"whole"), chunked, nothing, until_closed, closing=True)))
    bodies = [client.request("GET", "/", HEADERS).body for _ in range(4)]
    assert bodies == [b"whole", b"abcde", b"", b"the rest"]


def test_interim_responses_are_not_taken_for_the_answer(servers: Servers, connect: Connect) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    processing = b"HTTP/1.1 102 Processing\r\n\r\n"
    client = connect(servers.start(replay(hints + ok(b"1"), processing + hints + ok(b"2"), ok(b"3"))))
    assert [client.request("GET", "/", HEADERS).body for _ in range(3)] == [b"1", b"2", b"3"]
    assert servers.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200 + b"\r\n",
    ],
)
def test_what_is_no_response_is_an_error_and_its_connection_is_not_kept(
    servers: Servers, connect: Connect, answer: bytes
) -> None:
    client = connect(servers.start(replay(answer, closing=True), replay(ok())))
    with pytest.raises((OSError, http.client.HTTPException)):
        client.request("GET", "/", HEADERS)
    assert client.request("GET", "/", HEADERS).status == 200


def test_refusal_before_the_body_was_read_is_heard(servers: Servers, connect: Connect) -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n")

    client = connect(servers.start(refuse))
    assert client.request("POST", "/", HEADERS, b"x" * 100_000).status == 413


@pytest.mark.parametrize("hostile", ["a\r\nAuthorization: Token other", "a\nb", "a\0b"])
def test_header_cannot_smuggle_another(servers: Servers, connect: Connect, hostile: str) -> None:
    client = connect(servers.start(replay(ok())))
    with pytest.raises(ValueError, match="line break"):
        client.request("GET", "/", {"X-Name": hostile})
    with pytest.raises(ValueError, match="line break"):
        client.request("GET", f"/{hostile}", HEADERS)


# Kept connections


def test_connection_is_used_again_until_it_was_idle_for_too_long(
    servers: Servers, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect(servers.start(replay(*[ok()] * 3)))
    for _ in range(2):
        client.request("GET", "/", HEADERS)
    assert servers.connections == 1
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + http_client.IDLE_SECONDS + 1)
    client.request("GET", "/", HEADERS)
    assert servers.connections == 2
    assert http_client.IDLE_SECONDS > 240


def test_connection_that_was_opened_ahead_is_used(servers: Servers, connect: Connect) -> None:
    client = connect(servers.start(replay(ok())))
    client.open_connection()
    client.request("GET", "/", HEADERS)
    assert servers.connections == 1


@pytest.mark.parametrize(
    "second",
    [
        replay(ok(), closing=True),  # closed while it was idle
        replay(ok(), b""),  # closed when the next request came, without an answer
        replay(ok(), b"HTTP/1.1 200 OK\r\ncontent-len"),  # or in the middle of one
    ],
)
def test_read_over_a_connection_that_died_is_sent_again_on_a_fresh_one(
    servers: Servers, connect: Connect, second: Treat
) -> None:
    def then_close(connection: socket.socket) -> None:
        second(connection)
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    client = connect(servers.start(then_close, replay(ok(b"fresh"))))
    client.request("GET", "/", HEADERS)
    assert client.request("GET", "/", HEADERS, repeatable=True).body == b"fresh"


def test_read_over_a_connection_that_was_forgotten_is_sent_again_within_the_deadline(
    servers: Servers, connect: Connect
) -> None:
    client = connect(servers.start(replay(ok()), replay(ok(b"fresh"))))
    client.request("GET", "/", HEADERS)
    with deadline(2 * DEADLINE):
        assert client.request("GET", "/", HEADERS, repeatable=True).body == b"fresh"


def test_write_is_not_sent_again_when_its_connection_dies(servers: Servers, connect: Connect) -> None:
    client = connect(servers.start(replay(ok(), b"", closing=True), replay(ok())))
    client.request("GET", "/", HEADERS)
    with pytest.raises((OSError, http.client.HTTPException)):
        client.request("POST", "/", HEADERS, b"{}")
    assert servers.connections == 1


def test_stray_response_answers_no_other_request(servers: Servers, connect: Connect) -> None:
    client = connect(servers.start(replay(ok(b"mine") + ok(b"stray")), replay(ok(b"next"))))
    assert client.request("GET", "/", HEADERS).body == b"mine"
    assert client.request("GET", "/", HEADERS, repeatable=True).body == b"next"
