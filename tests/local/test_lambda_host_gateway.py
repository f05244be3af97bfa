"""API Gateway's front: routes, limits and its own answers, over real HTTP."""

import http.client
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.lambda_host import Gateway, Throttle
from local.lambda_host.gateway import MAXIMUM_BODY_BYTES
from tests.local.support import MakeHost, until

Reply = tuple[int, dict[str, str], bytes]
MakeGateway = Callable[..., Gateway]
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def make_gateway(make_host: MakeHost) -> Iterator[MakeGateway]:
    opened: list[Gateway] = []

    def make(spec: dict[str, Any] | None = None, **options: Any) -> Gateway:
        gateway = Gateway(make_host(ECHO, **(spec or {})), "app", ["POST /app"], **options)
        opened.append(gateway)
        return gateway

    yield make
    for gateway in opened:
        gateway.stop()


# Obeys the body of the request: {"answer": ...}, {"wait_for": path}, {"fail": true}; else it returns the
# event.
ECHO = """
import base64, json, pathlib, time
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


def send(
    gateway: Gateway,
    body: bytes | str = b"",
    headers: dict[str, str] | None = None,
    method: str = "POST",
    path: str = "/app",
) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def answer(gateway: Gateway, value: object) -> Reply:
    return send(gateway, json.dumps({"answer": value}), JSON)


def test_request_arrives_as_payload_2_0(make_gateway: MakeGateway) -> None:
    gateway = make_gateway()
    status, _, body = send(
        gateway, '{"a":1}', JSON | {"X-Key": "K", "User-Agent": "phone"}, path="/app?x=1&x=2"
    )
    event = json.loads(body)
    assert status == 200
    assert event["version"] == "2.0"
    assert event["routeKey"] == "POST /app"
    assert event["rawPath"] == "/app"
    assert event["rawQueryString"] == "x=1&x=2"
    assert event["queryStringParameters"] == {"x": "1,2"}
    assert event["headers"]["x-key"] == "K"
    assert event["body"] == '{"a":1}'
    assert event["isBase64Encoded"] is False
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
    status, _, body = send(make_gateway(), method=method, path=path)
    assert (status, body) == (404, b'{"message":"Not Found"}')


def test_response_with_status_headers_and_cookies(make_gateway: MakeGateway) -> None:
    wish = {
        "statusCode": 401,
        "headers": {"X-Reason": "key", "Content-Type": "text/html"},
        "cookies": ["a=1"],
        "body": "no",
    }
    status, headers, body = answer(make_gateway(), wish)
    assert (status, body) == (401, b"no")
    assert headers["x-reason"] == "key"
    assert headers["content-type"] == "text/html"
    assert headers["set-cookie"] == "a=1"


def test_connection_serves_several_requests(make_gateway: MakeGateway) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", make_gateway().port, timeout=30)
    for _ in range(3):
        connection.request("POST", "/app", b"{}", JSON)
        assert json.loads(connection.getresponse().read())["body"] == "{}"
    connection.close()


def test_chunked_body_is_put_together(make_gateway: MakeGateway) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", make_gateway().port, timeout=30)
    connection.request("POST", "/app", iter([b'{"a"', b":1}"]), JSON, encode_chunked=True)
    assert json.loads(connection.getresponse().read())["body"] == '{"a":1}'
    connection.close()


def test_unhandled_error_is_500_without_details(make_gateway: MakeGateway) -> None:
    status, _, body = send(make_gateway(), '{"fail":true}', JSON)
    assert (status, body) == (500, b'{"message":"Internal Server Error"}')


@pytest.mark.parametrize("wrong", [{"statusCode": "?"}, {"statusCode": 200, "body": {}}, {"statusCode": 99}])
def test_result_that_is_no_response_is_500(make_gateway: MakeGateway, wrong: object) -> None:
    assert answer(make_gateway(), wrong)[0] == 500


def test_timeout_of_the_function_is_500(make_gateway: MakeGateway, tmp_path: Path) -> None:
    gateway = make_gateway({"timeout_seconds": 0.2})
    status, _, body = send(gateway, json.dumps({"wait_for": str(tmp_path / "never")}), JSON)
    assert (status, body) == (500, b'{"message":"Internal Server Error"}')


def test_function_slower_than_the_integration_limit_is_503(make_gateway: MakeGateway, tmp_path: Path) -> None:
    gateway, gate = make_gateway(integration_seconds=0.2), tmp_path / "gate"
    status, _, body = send(gateway, json.dumps({"wait_for": str(gate)}), JSON)
    gate.touch()
    assert (status, body) == (503, b'{"message":"Service Unavailable"}')


def test_used_up_reservation_is_503(make_host: MakeHost, tmp_path: Path) -> None:
    host, gate = make_host(ECHO, reserved_concurrency=1), tmp_path / "gate"
    gateway = Gateway(host, "app", ["POST /app"])
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(send, gateway, json.dumps({"wait_for": str(gate)}), JSON)
        until(lambda: "waiting" in host.logs.lines("app"), "the only instance is busy")
        status, _, body = send(gateway, "{}", JSON)
        gate.touch()
        assert waiting.result(10)[0] == 200
    gateway.stop()
    assert (status, body) == (503, b'{"message":"Service Unavailable"}')


def test_stage_throttling_is_429(make_gateway: MakeGateway) -> None:
    gateway = make_gateway(throttle=Throttle(rate=0.001, burst=2))
    replies = [send(gateway, "{}", JSON) for _ in range(3)]
    assert [status for status, _, _ in replies] == [200, 200, 429]
    assert replies[2][2] == b'{"message":"Too Many Requests"}'


def test_body_beyond_ten_megabytes_is_413(make_gateway: MakeGateway) -> None:
    status, _, body = send(make_gateway(), b" " * (MAXIMUM_BODY_BYTES + 1), JSON)
    assert (status, body) == (413, b'{"message":"Request Entity Too Large"}')


def test_body_beyond_lambdas_six_megabytes_is_413(make_gateway: MakeGateway) -> None:
    assert send(make_gateway(), b" " * 7_000_000, JSON)[0] == 413


def test_body_of_five_megabytes_arrives(make_gateway: MakeGateway) -> None:
    wish = json.dumps({"size": True, "filler": "x" * 5_000_000})
    status, _, body = send(make_gateway(), wish, JSON)
    assert (status, int(body)) == (200, len(wish))


def test_taken_port_is_named(make_gateway: MakeGateway, make_host: MakeHost) -> None:
    taken = make_gateway().port
    with pytest.raises(match=f"port {taken} cannot be used"):
        Gateway(make_host(), "app", ["POST /app"], port=taken)
