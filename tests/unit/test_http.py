"""What comes from outside is checked, and an error names the field and not its value."""

import base64
import json
from typing import Any

import pytest

from shared import logs
from shared.errors import ForbiddenError, InvalidRequestError, UnauthorizedError, UnavailableError
from shared.http import Request, endpoint, text_field


def test_body_may_come_as_text_or_base64() -> None:
    raw = '{"caller_id":"é"}'.encode()
    assert Request({"body": raw.decode()}).body() == raw
    assert Request({"body": base64.b64encode(raw).decode(), "isBase64Encoded": True}).body() == raw
    assert Request({}).body() == b""


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"body": "no json"}, "body is not JSON"),
        ({"body": ""}, "body is not JSON"),
        ({"body": None}, "body is not JSON"),
        ({"body": 1}, "body must be text"),
        ({"body": "%%%", "isBase64Encoded": True}, "body is not valid base64"),
        ({"body": base64.b64encode(b"\xff\xfe").decode(), "isBase64Encoded": True}, "body is not JSON"),
        ({"body": "[1]"}, "body must be a JSON object, not an array"),
        ({"body": '"x"'}, "body must be a JSON object, not a string"),
        ({"body": "null"}, "body must be a JSON object, not null"),
        ({"body": "[" * 200_000}, "body is nested too deeply"),
        ({"body": "1" * 5000}, "body is not JSON"),
        ({"body": '"\ud800'}, "body is not JSON"),
    ],
)
def test_body_that_is_no_json_object_is_a_bad_request(event: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"^{message}$"):
        Request(event).json_object()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (7, "caller_id must be a string, not a number"),
        (None, "caller_id must be a string, not null"),
        (True, "caller_id must be a string, not a boolean"),
        (["+1"], "caller_id must be a string, not an array"),
        ({"ne": "x"}, "caller_id must be a string, not an object"),
        ("x" * 21, "caller_id is too long: 21 characters, at most 20 are allowed"),
        ("\ud800", "caller_id is not valid Unicode text"),
    ],
)
def test_field_of_the_wrong_type_or_length_is_named(value: object, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"^{message}$"):
        text_field({"caller_id": value}, "caller_id", longest=20)


def test_missing_field_is_named_if_it_is_required() -> None:
    with pytest.raises(InvalidRequestError, match="caller_id is missing"):
        text_field({}, "caller_id", longest=20)
    assert text_field({}, "call_sid", longest=20, required=False) == ""
    assert text_field({"call_sid": None}, "call_sid", longest=20, required=False) == ""


def test_header_is_found_in_any_case() -> None:
    assert Request({"headers": {"x-WORKSPACE-key": "k"}}).header("X-Workspace-Key") == "k"
    assert Request({"headers": None}).header("X-Workspace-Key") == ""
    assert Request({}).header("X-Workspace-Key") == ""


def test_response_is_json_in_the_shape_of_payload_2() -> None:
    response = endpoint(lambda _: {"name": "José"})({}, None)
    assert response["statusCode"] == 200
    assert response["headers"]["content-type"] == "application/json"
    assert json.loads(response["body"]) == {"name": "José"}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidRequestError("x"), 400),
        (UnauthorizedError("x"), 401),
        (ForbiddenError("x"), 403),
        (UnavailableError("x"), 500),
    ],
)
def test_error_of_the_logic_becomes_a_status_with_its_words(error: Exception, status: int) -> None:
    response = answer_that_raises(error)
    assert (response["statusCode"], json.loads(response["body"])) == (status, {"error": "x"})


def test_defect_is_a_500_that_tells_nothing_of_what_was_sent(caplog: pytest.LogCaptureFixture) -> None:
    response = answer_that_raises(KeyError("what the caller said"))
    assert response["statusCode"] == 500
    assert "what the caller said" not in response["body"] + " ".join(
        str(vars(line)) for line in caplog.records
    )
    assert caplog.records[0].error_type == "KeyError"  # type: ignore[attr-defined]


def test_next_request_bears_nothing_of_one_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    def fail(_: Request) -> dict[str, Any]:
        logs.bind(user_id="+16125550142")
        logs.defer_metrics(Mem0Latency=7)
        raise SystemExit  # a crash that no handler sees

    with pytest.raises(SystemExit):
        endpoint(fail, done="answered")({}, None)
    endpoint(lambda _: {}, done="answered")({}, None)
    line = vars(caplog.records[-1])
    assert line["user_id"] is None
    assert "Mem0Latency" not in line


def answer_that_raises(error: Exception) -> dict[str, Any]:
    def fail(_: Request) -> dict[str, Any]:
        raise error

    return endpoint(fail)({}, None)
