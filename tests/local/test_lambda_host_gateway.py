"""API Gateway's front: routes, limits and its own answers, over real HTTP."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.http_server import PortTakenError
from local.lambda_host import Gateway, Throttle
from local.lambda_host.gateway import MAXIMUM_BODY_BYTES
from tests.local.support import NO_TLS, MakeHost, logged

MakeGateway = Callable[..., Gateway]

# Obeys the body of the request, else it returns the event.
ECHO = """
import json, pathlib, time
def lambda_handler(event, context):
    try:
        wish = json.loads(event.get("body") or "{}")
    except ValueError:
        wish = {}
    if "answer" in wish:
        return wish["answer"]
    if "fail" in wish:
        raise ValueError("secret detail")
    if "wait_for" in wish:
        print("waiting", flush=True)
        while not pathlib.Path(wish["wait_for"]).exists():
            time.sleep(0.002)
    if "size" in wish:
        return len(event["body"])
    return event
"""


@pytest.fixture
def make_gateway(make_host: MakeHost) -> Iterator[MakeGateway]:
    opened: list[Gateway] = []

    def make(spec: dict[str, Any] | None = None, **options: Any) -> Gateway:
        opened.append(Gateway(make_host(ECHO, **(spec or {})), "app", ["POST /app"], **options))
        return opened[-1]

    yield make
    for gateway in opened:
        gateway.stop()


def send(
    gateway: Gateway, wish: object, path: str = "/app", method: str = "POST", **headers: str
) -> httpx.Response:
    body = wish if isinstance(wish, bytes) else json.dumps(wish).encode()
    with httpx.Client(verify=NO_TLS, timeout=30) as client:
        given = {"content-type": "application/json", **headers}
        return client.request(method, gateway.url + path, content=body, headers=given)


def test_request_arrives_as_payload_2_0(make_gateway: MakeGateway) -> None:
    answer = send(make_gateway(), {"a": 1}, "/app?x=1&x=2", **{"X-Key": "K", "User-Agent": "phone"})
    event = answer.json()
    assert answer.status_code == 200
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "POST /app", "/app")
    assert (event["rawQueryString"], event["queryStringParameters"]) == ("x=1&x=2", {"x": "1,2"})
    assert event["headers"]["x-key"] == "K"
    assert (event["body"], event["isBase64Encoded"]) == ('{"a": 1}', False)
    assert event["requestContext"]["http"] == {
        "method": "POST",
        "path": "/app",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "phone",
    }


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/app"), ("PUT", "/app"), ("POST", "/"), ("POST", "/app/")]
)
def test_what_no_route_matches_is_not_found(make_gateway: MakeGateway, method: str, path: str) -> None:
    answer = send(make_gateway(), {}, path, method)
    assert (answer.status_code, answer.text) == (404, '{"message":"Not Found"}')


def test_response_has_the_functions_status_headers_and_cookies(make_gateway: MakeGateway) -> None:
    headers = {"X-Reason": "key", "Content-Type": "text/html"}
    wish = {"statusCode": 401, "headers": headers, "cookies": ["a=1"], "body": "no"}
    answer = send(make_gateway(), {"answer": wish})
    assert (answer.status_code, answer.text) == (401, "no")
    shown = {name: answer.headers[name] for name in ("x-reason", "content-type", "set-cookie")}
    assert shown == {"x-reason": "key", "content-type": "text/html", "set-cookie": "a=1"}


@pytest.mark.parametrize("wish", [{"fail": True}, {"answer": {"statusCode": "soon"}}])
def test_failure_of_the_function_shows_nothing(make_gateway: MakeGateway, wish: object) -> None:
    answer = send(make_gateway(), wish)
    assert (answer.status_code, answer.text) == (500, '{"message":"Internal Server Error"}')


def test_function_slower_than_the_integration_limit_is_503(make_gateway: MakeGateway, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    answer = send(make_gateway(integration_seconds=0.2), {"wait_for": str(gate)})
    gate.touch()
    assert (answer.status_code, answer.text) == (503, '{"message":"Service Unavailable"}')


def test_used_up_reservation_is_503(make_host: MakeHost, tmp_path: Path) -> None:
    host, gate = make_host(ECHO, reserved_concurrency=1), tmp_path / "gate"
    gateway = Gateway(host, "app", ["POST /app"])
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(send, gateway, {"wait_for": str(gate)})
        logged(host, "waiting")
        answer = send(gateway, {})
        gate.touch()
        assert waiting.result(10).status_code == 200
    gateway.stop()
    assert (answer.status_code, answer.text) == (503, '{"message":"Service Unavailable"}')


def test_stage_throttling_is_429(make_gateway: MakeGateway) -> None:
    gateway = make_gateway(throttle=Throttle(rate=0.001, burst=2))
    answers = [send(gateway, {}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].text == '{"message":"Too Many Requests"}'


@pytest.mark.parametrize(
    ("size", "words"),
    [(MAXIMUM_BODY_BYTES + 1, "Request Entity Too Large"), (7_000_000, "Request Too Long")],
    ids=["API Gateway's 10 MB", "Lambda's 6 MB"],
)
def test_body_beyond_a_limit_is_413(make_gateway: MakeGateway, size: int, words: str) -> None:
    answer = send(make_gateway(), b" " * size)
    assert (answer.status_code, answer.json()) == (413, {"message": words})


def test_body_of_five_megabytes_arrives(make_gateway: MakeGateway) -> None:
    wish = {"size": True, "filler": "x" * 5_000_000}
    assert send(make_gateway(), wish).json() == len(json.dumps(wish))


def test_taken_port_is_named(make_gateway: MakeGateway, make_host: MakeHost) -> None:
    taken = make_gateway().port
    with pytest.raises(PortTakenError, match=f"port {taken} cannot be used"):
        Gateway(make_host(), "app", ["POST /app"], port=taken)
