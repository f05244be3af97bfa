"""The deadline holds for the whole request, whatever the server does."""

import ast
import contextlib
import gzip
import importlib.util
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

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
    threads: list[threading.Thread] = []

    def start(treat: Callable[[socket.socket], None]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def treat_quietly(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                treat(connection)
                done.wait(PATIENCE * 3)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    thread = threading.Thread(target=treat_quietly, args=[connection], daemon=True)
                    threads.append(thread)
                    thread.start()

        threading.Thread(target=accept, daemon=True).start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    start.done = done  # type: ignore[attr-defined]
    yield start
    done.set()
    for listener in listeners:
        listener.close()
    for thread in threads:
        thread.join(PATIENCE)


def client_of(url: str, timeout_seconds: float) -> transport.Client:
    client = transport.Client(timeout_seconds)
    client.base_url = httpx.URL(url)
    return client


def seconds_until_it_gives_up(url: str) -> float:
    started = time.monotonic()
    with (
        client_of(url, 60) as client,
        transport.deadline(DEADLINE),
        pytest.raises(httpx.TimeoutException),
    ):
        client.post("/", json="x" * (50_000_000 if url.endswith("/upload") else 1))
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

    def connect(_address: object, timeout: float) -> socket.socket:
        tried.append(timeout)
        threading.Event().wait(timeout / 2)
        raise TimeoutError

    addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{last}", 80)) for last in range(1, 5)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: addresses)
    monkeypatch.setattr(socket, "create_connection", connect)
    seconds_until_it_gives_up("http://mem0.example")
    assert sum(tried) < DEADLINE * 2.1
    assert tried == sorted(tried, reverse=True)


def test_deadline_ends_with_its_block() -> None:
    with transport.deadline(0.0), transport.deadline(50):
        pass
    assert transport._left(7.0) == 7.0


def test_name_that_does_not_exist_is_a_connect_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: object, **_kwargs: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with client_of("http://mem0.example", 1) as client, pytest.raises(httpx.ConnectError):
        client.get("/")


# What the client does with an honest server, and with one that is not


def replay(*answers: bytes, closing: bool = True) -> Callable[[socket.socket], None]:
    """A server that gives these answers, one a request, whatever it is asked, and then closes or waits."""

    def treat(connection: socket.socket) -> None:
        for answer in answers:
            asked = b""
            while not asked.endswith((b"\r\n\r\n", b"}")):
                received = connection.recv(65536)
                if not received:
                    return
                asked += received
            requests.append(asked)
            connection.sendall(answer)
        if closing:
            connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    requests: list[bytes] = []
    treat.requests = requests  # type: ignore[attr-defined]
    return treat


def ok(body: bytes = b"{}", *headers: str) -> bytes:
    head = ["HTTP/1.1 200 OK", f"content-length: {len(body)}", "content-type: application/json", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


@pytest.fixture
def client() -> Iterator[transport.Client]:
    with transport.Client(2) as made:
        yield made


def test_request_is_what_httpx_would_send(serve: Serve, client: transport.Client) -> None:
    server = replay(ok(), closing=False)
    client.base_url = httpx.URL(f"http://{serve(server)}/prefix")
    client.headers["Authorization"] = "Token key"
    answer = client.post("/v3/memories/", json={"a": "é"}, params={"page": 1, "all": True})
    head, _, body = server.requests[0].partition(b"\r\n\r\n")  # type: ignore[attr-defined]
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert first == "POST /prefix/v3/memories/?page=1&all=true HTTP/1.1"
    assert headers["host"] == client.base_url.netloc.decode()
    assert headers["authorization"] == "Token key"
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == str(len(body))
    assert body == '{"a":"é"}'.encode()
    assert answer.request.method == "POST"
    assert str(answer.request.url) == f"{client.base_url}v3/memories/?page=1&all=true"


def test_answers_of_every_kind_are_read_whole(serve: Serve, client: transport.Client) -> None:
    packed = gzip.compress(b'{"packed": true}')
    chunked = (
        b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{"a\r\n4\r\n": 1\r\n1\r\n}\r\n0\r\n\r\n'
    )
    nothing = b"HTTP/1.1 204 No Content\r\n\r\n"
    until_closed = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n[1, 2]"
    treat = replay(ok(packed, "content-encoding: gzip"), chunked, nothing, until_closed)
    client.base_url = httpx.URL(f"http://{serve(treat)}")
    assert client.get("/").json() == {"packed": True}
    assert client.get("/").json() == {"a": 1}
    assert client.get("/").content == b""
    assert client.get("/").json() == [1, 2]


def test_status_is_an_error_only_when_asked(serve: Serve, client: transport.Client) -> None:
    refused = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 3\r\ncontent-length: 2\r\n\r\n{}"
    client.base_url = httpx.URL(f"http://{serve(replay(refused))}")
    answer = client.get("/")
    with pytest.raises(httpx.HTTPStatusError) as failure:
        answer.raise_for_status()
    assert failure.value.response.headers["Retry-After"] == "3"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", httpx.RemoteProtocolError),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{}", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200 + b"\r\n", httpx.RemoteProtocolError),
        (ok(b"not gzip", "content-encoding: gzip"), httpx.DecodingError),
    ],
)
def test_what_is_no_answer_is_an_error_of_httpx(
    serve: Serve, client: transport.Client, answer: bytes, error: type[Exception]
) -> None:
    client.base_url = httpx.URL(f"http://{serve(replay(answer))}")
    with pytest.raises(error):
        client.get("/")
    assert not client._idle


def test_refusal_before_the_body_was_read_is_heard(serve: Serve, client: transport.Client) -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n")

    client.base_url = httpx.URL(f"http://{serve(refuse)}")
    assert client.post("/", json={"long": "x" * 100_000}).status_code == 413


def test_nobody_listens(client: transport.Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client.base_url = httpx.URL(f"http://127.0.0.1:{port}")
    with pytest.raises(httpx.ConnectError):
        client.get("/")


def test_connection_is_used_again_until_it_was_idle_for_too_long(
    serve: Serve, client: transport.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = replay(*[ok()] * 3, closing=False)
    client.base_url = httpx.URL(f"http://{serve(server)}")
    client.get("/")
    first = client._idle[0]
    client.get("/")
    assert client._idle == [first]
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + transport.KEEPALIVE_SECONDS + 1)
    client.get("/")
    assert first not in client._idle
    assert transport.KEEPALIVE_SECONDS > 240


def test_connection_that_the_server_closed_is_not_used_again(serve: Serve, client: transport.Client) -> None:
    client.base_url = httpx.URL(f"http://{serve(replay(ok()))}")
    client.get("/")
    deadline = time.monotonic() + PATIENCE
    while client._idle[0].is_fit() and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    client.get("/")


def test_header_cannot_smuggle_another(serve: Serve, client: transport.Client) -> None:
    client.base_url = httpx.URL(f"http://{serve(replay(ok()))}")
    with pytest.raises(ValueError, match="header"):
        client.get("/", headers={"X-Name": "a\r\nAuthorization: Token other"})


def test_only_what_mem0_uses_is_there(client: transport.Client) -> None:
    with pytest.raises(TypeError, match="follow_redirects"):
        client.get("/", follow_redirects=True)
    with pytest.raises(ValueError, match="path"):
        client.get("http://127.0.0.1/")
    with pytest.raises(NotImplementedError), client.stream("GET", "http://127.0.0.1/"):
        pass


def test_mem0_uses_nothing_else() -> None:
    """Fails when a new mem0ai sends a request in another way, or with an option that the client refuses."""
    main = Path(str(importlib.util.find_spec("mem0").origin)).parent / "client" / "main.py"  # type: ignore[union-attr]
    tree = ast.parse(main.read_text())
    sync = next(each for each in tree.body if isinstance(each, ast.ClassDef) and each.name == "MemoryClient")
    used: set[str] = set()
    for call in (each for each in ast.walk(sync) if isinstance(each, ast.Call)):
        if ast.unparse(call.func).startswith("self.client."):
            used |= {ast.unparse(call.func).removeprefix("self.client.")}
            used |= {f"{keyword.arg}=" for keyword in call.keywords}
    assert used <= {"get", "post", "put", "patch", "delete", "request", "json=", "params=", "headers="}
    assert {"get", "post", "json=", "params="} <= used
