"""httpx, and so mem0, sends over our connections and gets httpx's own answers and errors."""

import gzip
import http.server
import json
import threading
from collections.abc import Iterator

import httpx
import pytest

from shared.http_client import HttpClient, deadline
from shared.mem0.transport import Transport


class Server:
    """Answers each request with the next of `answers`: a status, headers and a body; None says nothing."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], bytes] | None] = []
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.released = threading.Event()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                server.requests.append((f"{self.command} {self.path}", headers, body))
                answer = server.answers.pop(0)
                if answer is None:
                    server.released.wait(10)
                    return
                status, more, content = answer
                self.send_response(status)
                for name, value in {"content-length": str(len(content)), **more}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = answer  # noqa: N815 - http.server's names

            def log_message(self, *_args: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.released.set()
    made.http.shutdown()
    made.http.server_close()


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    transport = Transport(HttpClient(server.origin, 2))
    with httpx.Client(transport=transport, base_url=f"{server.origin}/prefix", timeout=None) as made:  # noqa: S113 - each test has its own
        yield made


def test_request_is_what_httpx_would_send(server: Server, client: httpx.Client) -> None:
    server.answers = [(200, {}, b"{}")]
    client.headers["Authorization"] = "Token key"
    answer = client.post("/v3/memories/", json={"a": "é"}, params={"page": 1})
    ((line, headers, body),) = server.requests
    assert line == "POST /prefix/v3/memories/?page=1"
    assert headers["host"] == server.origin.removeprefix("http://")
    assert headers["authorization"] == "Token key"
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == str(len(body))
    assert json.loads(body) == {"a": "é"}
    assert answer.request.method == "POST"


def test_options_of_httpx_work(server: Server, client: httpx.Client) -> None:
    server.answers = [(302, {"location": "/elsewhere"}, b""), (200, {}, b"[]"), (200, {}, b"streamed")]
    assert client.get("/x", follow_redirects=True).json() == []
    assert server.requests[1][0] == "GET /elsewhere"
    with client.stream("GET", "/y", headers={"x-name": "value"}) as response:
        assert response.read() == b"streamed"
    assert server.requests[2][1]["x-name"] == "value"


def test_compressed_answer_is_unpacked(server: Server, client: httpx.Client) -> None:
    server.answers = [(200, {"content-encoding": "gzip"}, gzip.compress(b'{"packed": true}'))]
    assert client.get("/").json() == {"packed": True}


def test_status_is_an_error_only_when_asked(server: Server, client: httpx.Client) -> None:
    server.answers = [(429, {"Retry-After": "3"}, b"{}")]
    answer = client.get("/")
    with pytest.raises(httpx.HTTPStatusError) as failure:
        answer.raise_for_status()
    assert failure.value.response.headers["retry-after"] == "3"


def test_timeout_of_a_request_bounds_the_whole_of_it(server: Server, client: httpx.Client) -> None:
    server.answers = [None, None]
    with pytest.raises(httpx.TimeoutException):
        client.get("/", timeout=0.2)
    with pytest.raises(httpx.TimeoutException), deadline(0.2):
        client.get("/")


def test_connection_that_fails_is_an_error_of_httpx(server: Server) -> None:
    with httpx.Client(transport=Transport(HttpClient("http://127.0.0.1:9", 2))) as client:
        with pytest.raises(httpx.NetworkError):
            client.get("http://127.0.0.1:9/")
        with pytest.raises(httpx.LocalProtocolError):
            client.get("http://127.0.0.1:9/", headers={"x": "a\r\nb: c"})
    assert server.requests == []


def test_only_reads_are_repeated_over_a_fresh_connection(server: Server, client: httpx.Client) -> None:
    for path in ("/v3/memories/", "/v3/memories/search/"):
        server.answers = [(200, {}, b"{}"), None, (200, {}, b'{"again": true}')]
        client.post(path, json={})
        assert client.post(path, json={}, timeout=2).json() == {"again": True}
        server.released.set()
        server.released = threading.Event()
    server.answers = [(200, {}, b"{}"), None]
    client.post("/v3/memories/add/", json={})
    with pytest.raises(httpx.TimeoutException):
        client.post("/v3/memories/add/", json={}, timeout=0.5)
