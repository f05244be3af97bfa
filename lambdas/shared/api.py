"""Requests and responses of API Gateway's HTTP APIs (payload format 2.0).

Everything that arrives here is hostile until it was checked: this module turns an event into checked
values or into a `Refusal`, which names the field and never repeats its value. It knows nothing of callers
or memories.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from shared import logs

MAX_BODY_DEPTH_ERROR = "body is nested too deeply"


class Refusal(Exception):  # noqa: N818 - it is an answer, not a defect
    """A request that is answered with an error status and words for the person who sent it.

    Attributes:
        status: the HTTP status, 4xx for the sender's fault and 5xx for ours.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def bad_request(message: str) -> Refusal:
    """A 400 with `message`."""
    return Refusal(400, message)


def header(event: Mapping[str, Any], name: str) -> str:
    """The header `name` in any spelling of its case, or an empty string.

    API Gateway lower-cases header names and joins repeated headers with a comma; other senders of events
    (tests, the console) do not, so the comparison ignores case.
    """
    headers = event.get("headers")
    if not isinstance(headers, Mapping):
        return ""
    wanted = name.lower()
    for key, value in headers.items():
        if isinstance(key, str) and key.lower() == wanted and isinstance(value, str):
            return value
    return ""


def raw_body(event: Mapping[str, Any]) -> bytes:
    """The body's bytes exactly as they were sent, whether API Gateway passed them as text or base64.

    Raises:
        Refusal: 400, if the event claims base64 and it is none.
    """
    body = event.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise bad_request("body must be text")
    if event.get("isBase64Encoded"):
        try:
            return base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError):
            raise bad_request("body is not valid base64") from None
    # surrogatepass: a lone surrogate must not become a crash here; json and the signature refuse it later
    return body.encode("utf-8", "surrogatepass")


def parse_json(body: bytes) -> Any:
    """The JSON value in `body`.

    Raises:
        Refusal: 400, if it is not JSON in UTF-8, or nested so deeply that it can only be an attack.
    """
    try:
        return json.loads(body.decode("utf-8"))
    except RecursionError:
        raise bad_request(MAX_BODY_DEPTH_ERROR) from None
    except ValueError:  # UnicodeDecodeError and JSONDecodeError are both ValueErrors
        raise bad_request("body is not JSON") from None


def json_object(event: Mapping[str, Any]) -> dict[str, Any]:
    """The body as a JSON object.

    Raises:
        Refusal: 400, if the body is not JSON or not an object.
    """
    value = parse_json(raw_body(event))
    if not isinstance(value, dict):
        raise bad_request(f"body must be a JSON object, not {json_type(value)}")
    return value


def text_field(body: Mapping[str, Any], name: str, *, longest: int, required: bool = True) -> str:
    """The string `body[name]`, checked; an empty string if it is absent and not required.

    Args:
        body: the JSON object.
        name: the field's name, as the sender knows it.
        longest: how many characters it may have.
        required: whether it must be there. A field that is not required may also be null.

    Raises:
        Refusal: 400 that names the field.
    """
    value = body.get(name)
    if name not in body or (value is None and not required):
        if required:
            raise bad_request(f"{name} is missing")
        return ""
    if not isinstance(value, str):
        raise bad_request(f"{name} must be a string, not {json_type(value)}")
    if len(value) > longest:
        raise bad_request(f"{name} is too long: {len(value)} characters, at most {longest} are allowed")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise bad_request(f"{name} is not valid Unicode text") from None
    return value


def json_type(value: object) -> str:
    """JSON's own name for the type of `value`, for error messages."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an array" if isinstance(value, list) else "an object"


def respond(status: int, body: Mapping[str, Any]) -> dict[str, Any]:
    """An HTTP response with a JSON body."""
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": json.dumps(body, ensure_ascii=False, separators=(",", ":")),
    }


def refuse(refusal: Refusal, started: float, *, user_id: str | None, **known: Any) -> dict[str, Any]:
    """The response for `refusal`, logged with what is `known`: an error if the fault is ours.

    Args:
        refusal: what is refused, and why.
        started: when the request came, by `time.monotonic()`.
        user_id: whom it concerns, as far as that is known.
        **known: more keys of the log line.
    """
    log = logs.error if refusal.status >= 500 else logs.warning  # noqa: PLR2004
    known |= {
        "status": refusal.status,
        "reason": str(refusal),
        "duration_ms": logs.milliseconds_since(started),
    }
    log("request refused", user_id=user_id, **known)
    return respond(refusal.status, {"error": str(refusal)})
