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
    event = to_event(request("größer".encode(), ("Content-Type", kind)), "POST /x")
    assert event["body"] == "größer"
    assert event["isBase64Encoded"] is False


@pytest.mark.parametrize(
    "kind",
    [
        "application/octet-stream",
        "audio/mpeg",
        "application/x-www-form-urlencoded",
        "application/problem+json",
    ],
)
def test_other_type_arrives_as_base64(kind: str) -> None:
    event = to_event(request(b"{}", ("Content-Type", kind)), "POST /x")
    assert base64.b64decode(event["body"]) == b"{}"
    assert event["isBase64Encoded"] is True


def test_body_without_a_type_arrives_as_base64() -> None:
    assert to_event(request(b"{}"), "POST /x")["isBase64Encoded"] is True


def test_bytes_that_are_no_utf_8_arrive_as_base64_whatever_the_type() -> None:
    event = to_event(request(b"\xff\xfe", ("Content-Type", "application/json")), "POST /x")
    assert base64.b64decode(event["body"]) == b"\xff\xfe"
    assert event["isBase64Encoded"] is True


def test_empty_body_is_absent() -> None:
    event = to_event(request(), "POST /x")
    assert "body" not in event
    assert event["isBase64Encoded"] is False


def test_repeated_headers_are_joined_by_commas_and_lower_case() -> None:
    event = to_event(request(b"", ("X-Two", "a"), ("x-two", "b")), "POST /x")
    assert event["headers"]["x-two"] == "a,b"


def test_cookies_stand_apart() -> None:
    event = to_event(request(b"", ("Cookie", "a=1; b=2")), "POST /x")
    assert event["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in event["headers"]


def test_caller_stands_in_the_forwarding_headers() -> None:
    headers = to_event(request(), "POST /x")["headers"]
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-amzn-trace-id"].startswith("Root=1-")


def response(result: object) -> tuple[int, dict[str, str], bytes]:
    made = to_response(json.dumps(result).encode())
    return made.status, dict(made.headers), made.body


def test_result_without_status_is_200_and_itself_the_body() -> None:
    assert response({"memories": []}) == (200, {"content-type": "application/json"}, b'{"memories": []}')


def test_text_alone_is_the_body() -> None:
    assert response("hello")[2] == b"hello"


def test_body_in_base64_is_decoded() -> None:
    assert response({"statusCode": 200, "body": "/w==", "isBase64Encoded": True})[2] == b"\xff"


def test_response_without_a_type_is_plain_text() -> None:
    assert response({"statusCode": 204})[1] == {"content-type": "text/plain; charset=utf-8"}


def test_header_values_are_written_as_json_would() -> None:
    assert response({"statusCode": 200, "headers": {"A": True, "B": 3}})[1].items() >= {
        ("a", "true"),
        ("b", "3"),
    }


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
    assert response(wrong) == (
        500,
        {"content-type": "application/json"},
        b'{"message":"Internal Server Error"}',
    )
