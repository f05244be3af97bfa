"""The HTTP server that the stand-ins are built on."""

import http.client
import socket
from collections.abc import Callable, Iterator

import pytest

from local.http_server import HttpServer, PortTakenError, Request, Response, Routes, json_response
from tests.local.support import until

LIMIT = 1000
Connect = Callable[[], http.client.HTTPConnection]


def answer(request: Request) -> Response | None:
    if request.path == "/close":
        return None
    if request.path == "/fail":
        raise LookupError("our own fault")
    if request.path == "/bad-header":
        return Response(headers=[("x-name", "two\r\nlines")])
    if request.path == "/empty":
        return Response(status=204)
    seen = {"method": request.method, "query": request.query, "body": request.body.decode()}
    return json_response(200, {**seen, "header": request.header("x-name"), "url": request.base_url})


@pytest.fixture
def server() -> Iterator[HttpServer]:
    running = HttpServer(answer, name="test", body_limit=LIMIT)
    yield running
    running.stop()


@pytest.fixture
def connect(server: HttpServer) -> Iterator[Connect]:
    opened: list[http.client.HTTPConnection] = []

    def new() -> http.client.HTTPConnection:
        opened.append(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10))
        return opened[-1]

    yield new
    for connection in opened:
        connection.close()


def fetch(
    connection: http.client.HTTPConnection, method: str, path: str, body: object = b""
) -> tuple[int, bytes]:
    chunks = not isinstance(body, bytes)
    connection.request(method, path, body, {"X-Name": "é"}, encode_chunked=chunks)  # type: ignore[arg-type]
    response = connection.getresponse()
    return response.status, response.read()


def test_request_is_read_and_answered(server: HttpServer, connect: Connect) -> None:
    status, body = fetch(connect(), "POST", "/a%20b?x=1&y=", b"hello")
    assert status == 200
    assert (
        body
        == json_response(
            200,
            {
                "method": "POST",
                "query": {"x": "1", "y": ""},
                "body": "hello",
                "header": "é",
                "url": server.url,
            },
        ).body
    )


def test_connection_serves_several_requests(server: HttpServer, connect: Connect) -> None:
    connection = connect()
    assert [fetch(connection, "POST", "/", b"x")[0] for _ in range(3)] == [200, 200, 200]
    assert server.counts["connections"] == 1


def test_chunked_body_is_put_together(connect: Connect) -> None:
    assert b'"body":"onetwo"' in fetch(connect(), "POST", "/", iter([b"one", b"two"]))[1]


@pytest.mark.parametrize("body", [b"x" * (LIMIT + 1), iter([b"x" * LIMIT, b"x"])], ids=["length", "chunked"])
def test_body_beyond_the_limit_is_413_and_the_connection_goes_on(connect: Connect, body: object) -> None:
    connection = connect()
    assert fetch(connection, "POST", "/", body) == (413, b'{"message":"Request Entity Too Large"}')
    assert fetch(connection, "POST", "/", b"x" * LIMIT)[0] == 200


def test_head_and_204_have_no_body(connect: Connect) -> None:
    connection = connect()
    assert fetch(connection, "HEAD", "/") == (200, b"")
    assert fetch(connection, "GET", "/empty") == (204, b"")
    assert fetch(connection, "GET", "/")[0] == 200


@pytest.mark.parametrize("path", ["/fail", "/bad-header"])
def test_failure_of_the_handler_is_500(connect: Connect, path: str) -> None:
    assert fetch(connect(), "GET", path) == (500, b'{"message":"Internal Server Error"}')


def test_no_answer_closes_the_connection(connect: Connect) -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        fetch(connect(), "GET", "/close")


@pytest.mark.parametrize(
    "sent", [b"no http\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n"]
)
def test_what_is_no_http_is_400_and_closed(server: HttpServer, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(sent)
        received = b"".join(iter(lambda: client.recv(4096), b""))
    assert received.startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_idle_connections_can_be_dropped(server: HttpServer, connect: Connect) -> None:
    connection = connect()
    fetch(connection, "GET", "/")
    until(lambda: server.drop_idle() == 1, "the connection is idle")
    with pytest.raises(http.client.RemoteDisconnected):
        fetch(connection, "GET", "/")


def test_taken_port_is_named(server: HttpServer) -> None:
    with pytest.raises(PortTakenError, match=f"port {server.port} cannot be used"):
        HttpServer(answer, name="second", port=server.port)


def test_stopped_server_has_closed_everything(server: HttpServer, connect: Connect) -> None:
    connection = connect()
    fetch(connection, "GET", "/")
    server.stop()
    server.stop()
    with pytest.raises(ConnectionError):
        fetch(connection, "GET", "/")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=1)


def test_routes_find_names_and_parameters() -> None:
    routes = Routes({"list": ("GET", "/things/"), "get": ("GET", "/things/{name}/")})
    assert routes.find("GET", "/things/") == ("list", {})
    assert routes.find("GET", "/things/a%2Fb/") == ("get", {"name": "a/b"})
    assert routes.find("GET", "/things/a/b/") is None
    assert routes.find("POST", "/things/") is None
    assert routes.has("/things/x/")
    assert not routes.has("/other")
