"""API Gateway's payload format 2.0: what becomes of headers, bodies and results."""

import base64
import json

import pytest

from local.http_server import Request
from local.lambda_host.payload import to_event, to_response


def request(body: bytes = b"", *headers: tuple[str, str]) -> Request:
    return Request(method="POST", target="/x", headers=headers, body=body)


@pytest.mark.parametrize(
    "kind",
    ["application/json", "application/json; charset=utf-8", "text/plain", "TEXT/HTML", "application/xml"],
)
def test_text_type_arrives_as_text(kind: str) -> None:
    event = to_event(request("größer".encode(), ("content-type", kind)), "POST /x")
    assert (event["body"], event["isBase64Encoded"]) == ("größer", False)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/octet-stream", b"{}"),
        ("application/x-www-form-urlencoded", b"a=1"),
        ("application/problem+json", b"{}"),
        ("", b"{}"),
        ("application/json", b"\xff\xfe"),  # no UTF-8
    ],
)
def test_other_bodies_arrive_as_base64(kind: str, body: bytes) -> None:
    event = to_event(request(body, *([("content-type", kind)] if kind else [])), "POST /x")
    assert (base64.b64decode(event["body"]), event["isBase64Encoded"]) == (body, True)


def test_empty_body_is_absent() -> None:
    event = to_event(request(), "POST /x")
    assert "body" not in event
    assert event["isBase64Encoded"] is False


def test_headers_are_joined_and_cookies_stand_apart() -> None:
    event = to_event(request(b"", ("x-two", "a"), ("x-two", "b"), ("cookie", "a=1; b=2")), "POST /x")
    assert event["headers"]["x-two"] == "a,b"
    assert event["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in event["headers"]


def test_caller_stands_in_the_forwarding_headers() -> None:
    headers = to_event(request(), "POST /x")["headers"]
    assert (headers["x-forwarded-for"], headers["x-forwarded-proto"]) == ("127.0.0.1", "https")
    assert headers["x-amzn-trace-id"].startswith("Root=1-")


JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("result", "status", "headers", "body"),
    [
        ({"memories": []}, 200, JSON, b'{"memories": []}'),
        ("hello", 200, JSON, b"hello"),
        ({"statusCode": 200, "body": "/w==", "isBase64Encoded": True, "headers": JSON}, 200, JSON, b"\xff"),
        ({"statusCode": 204}, 204, {"content-type": "text/plain; charset=utf-8"}, b""),
        (
            {"statusCode": 200, "headers": {**JSON, "A": True, "B": 3}},
            200,
            {**JSON, "a": "true", "b": "3"},
            b"",
        ),
    ],
)
def test_result_becomes_a_response(result: object, status: int, headers: dict[str, str], body: bytes) -> None:
    made = to_response(json.dumps(result).encode())
    assert (made.status, dict(made.headers), made.body) == (status, headers, body)


@pytest.mark.parametrize(
    "wrong",
    [
        {"statusCode": None},
        {"statusCode": 1000},
        {"statusCode": 200, "body": ["x"]},
        {"statusCode": 200, "headers": ["x"]},
        {"statusCode": 200, "headers": {"x": None}},
        {"statusCode": 200, "body": "???", "isBase64Encoded": True},
    ],
)
def test_unusable_result_is_an_internal_error(wrong: object) -> None:
    made = to_response(json.dumps(wrong).encode())
    assert (made.status, made.body) == (500, b'{"message":"Internal Server Error"}')
