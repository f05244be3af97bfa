"""What comes from outside is checked, and a refusal names the field and not its value."""

import base64
import json
from typing import Any

import pytest

from shared import api


def refusal_of(event: dict[str, Any]) -> api.Refusal:
    with pytest.raises(api.Refusal) as refused:
        api.json_object(event)
    return refused.value


def test_body_may_come_as_text_or_base64() -> None:
    raw = '{"caller_id":"é"}'.encode()
    assert api.raw_body({"body": raw.decode()}) == raw
    assert api.raw_body({"body": base64.b64encode(raw).decode(), "isBase64Encoded": True}) == raw
    assert api.raw_body({}) == b""


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
    refused = refusal_of(event)
    assert (refused.status, str(refused)) == (400, message)


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
    with pytest.raises(api.Refusal, match=f"^{message}$") as refused:
        api.text_field({"caller_id": value}, "caller_id", longest=20)
    assert refused.value.status == 400


def test_missing_field_is_named_if_it_is_required() -> None:
    with pytest.raises(api.Refusal, match="caller_id is missing"):
        api.text_field({}, "caller_id", longest=20)
    assert api.text_field({}, "call_sid", longest=20, required=False) == ""
    assert api.text_field({"call_sid": None}, "call_sid", longest=20, required=False) == ""


def test_header_is_found_in_any_case() -> None:
    assert api.header({"headers": {"x-WORKSPACE-key": "k"}}, "X-Workspace-Key") == "k"
    assert api.header({"headers": None}, "X-Workspace-Key") == ""
    assert api.header({}, "X-Workspace-Key") == ""


def test_response_is_json_in_the_shape_of_payload_2() -> None:
    response = api.respond(200, {"name": "José"})
    assert response["statusCode"] == 200
    assert response["headers"]["content-type"] == "application/json"
    assert json.loads(response["body"]) == {"name": "José"}
