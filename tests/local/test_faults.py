"""Each fault that a rule can make, as an HTTP client meets it."""

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from local.faults import FaultRule, Faults
from local.http_server import HttpServer, Request, Response, json_response
from tests.local.support import NO_TLS, until

HONEST = {"padding": "x" * 200}


class Server:
    """A server whose requests are operations by their path, and that counts what it has done."""

    def __init__(self) -> None:
        self.faults = Faults(FaultRule, ["read", "write"])
        self.done: list[str] = []
        self.http = HttpServer(self.answer, name="test", on_connect=self.faults.admits)

    def answer(self, request: Request) -> Response | None:
        operation = request.path.strip("/")
        rule = self.faults.pick(operation, request.body)
        if rule is None:
            return self.work(operation)
        return rule.respond(request.connection, lambda: self.work(operation))

    def work(self, operation: str) -> Response:
        self.done.append(operation)
        return json_response(200, HONEST)

    def ask(self, operation: str = "read", body: str = "", timeout: float = 5.0) -> httpx.Response:
        with httpx.Client(timeout=timeout, verify=NO_TLS) as client:
            return client.post(f"{self.http.url}/{operation}", content=body)


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.faults.replace([])
    running.http.stop()


@pytest.mark.parametrize(
    ("rule", "status", "text"),
    [
        ({"status": 503}, 503, '{"detail":"Service Unavailable"}'),
        ({"status": 400, "body": {"error": "no"}}, 400, '{"error":"no"}'),
        ({"status": 200, "body": "oops"}, 200, "oops"),
        ({"html": True}, 200, "<!DOCTYPE html>"),
        ({"garbage": True, "status": 500}, 500, '{"results": ['),
    ],
)
def test_rule_replaces_the_answer_and_nothing_is_done(
    server: Server, rule: dict[str, Any], status: int, text: str
) -> None:
    server.faults.replace({**rule, "headers": {"Retry-After": "7"}})
    answer = server.ask()
    assert (answer.status_code, answer.text[: len(text)]) == (status, text)
    assert answer.headers["retry-after"] == "7"
    assert server.done == []


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ({"refuse": True}, httpx.RemoteProtocolError),
        ({"reset": True}, httpx.ReadError),
        ({"hang": 0.05}, httpx.RemoteProtocolError),
        ({"hang": True}, httpx.ReadTimeout),
        ({"truncate": True}, httpx.RemoteProtocolError),
        ({"operation": "connect", "refuse": True}, httpx.TransportError),
        ({"operation": "connect", "hang": True}, httpx.ReadTimeout),
    ],
    ids=str,
)
def test_rule_fails_below_http(server: Server, rule: dict[str, Any], error: type[Exception]) -> None:
    server.faults.replace(rule)
    with pytest.raises(error):
        server.ask(timeout=0.3)
    server.faults.replace([])
    assert server.ask().json() == HONEST


@pytest.mark.parametrize("rule", [{"refuse": True}, {"status": 504}, {"hang": 0.01}], ids=str)
def test_work_can_be_done_without_the_client_knowing(server: Server, rule: dict[str, Any]) -> None:
    server.faults.replace({**rule, "after_work": True, "count": 1})
    with suppress(httpx.TransportError):
        assert server.ask().status_code == 504
    assert server.done == ["read"]


def test_latency_delays_the_honest_answer(server: Server) -> None:
    server.faults.replace({"latency_seconds": 0.1})
    began = time.monotonic()
    assert server.ask().json() == HONEST
    assert time.monotonic() - began >= 0.1


def test_drip_sends_the_whole_answer_slowly(server: Server) -> None:
    server.faults.replace({"drip_bytes_per_second": 2000})
    began = time.monotonic()
    answer = server.ask()
    assert answer.json() == HONEST
    assert time.monotonic() - began >= len(answer.content) / 2000 * 0.8


def test_dripping_head_defeats_a_timeout_for_each_read_and_ends_with_its_rule(server: Server) -> None:
    server.faults.replace({"drip_bytes_per_second": 60, "drip_headers": True})
    with (
        httpx.Client(timeout=0.5, verify=NO_TLS) as hasty,
        hasty.stream("POST", f"{server.http.url}/read") as answer,
    ):
        server.faults.replace([])
        assert answer.read()


def test_hanging_request_is_let_go_when_the_client_leaves(server: Server) -> None:
    server.faults.replace({"hang": True})
    with pytest.raises(httpx.ReadTimeout):
        server.ask(timeout=0.05)
    until(lambda: not server.http.connections(), "the connection is gone")


def test_rule_is_for_its_operation_and_its_text(server: Server) -> None:
    server.faults.replace([{"operation": ["wri*"], "status": 503}, {"contains": ["a", "b"], "status": 500}])
    asked = [("read", ""), ("write", ""), ("read", "a"), ("read", "ab")]
    assert [server.ask(*request).status_code for request in asked] == [200, 503, 200, 500]


def test_rules_count(server: Server) -> None:
    server.faults.replace({"after": 1, "count": 2, "status": 503})
    assert [server.ask().status_code for _ in range(5)] == [200, 503, 503, 200, 200]
    (rule,) = server.faults.describe()
    assert (rule["matched"], rule["fired"]) == (5, 2)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("x", "valid dictionary"),
        ({"statsu": 500}, "statsu: Extra inputs are not permitted"),
        ({"status": "500"}, "status: Input should be a valid integer"),
        ({"count": True}, "count: Input should be a valid integer"),
        ({"drip_bytes_per_second": 0}, "drip_bytes_per_second: Input should be greater than 0"),
        ({"operation": "raed"}, "unknown operation 'raed'"),
    ],
    ids=str,
)
def test_wrong_rule_is_an_error_that_names_the_field(server: Server, rule: object, words: str) -> None:
    with pytest.raises(ValueError, match="fault rule") as error:
        server.faults.replace([rule])
    assert words in str(error.value)
    assert server.faults.describe() == []
