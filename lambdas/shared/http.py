"""The lifecycle of a request of API Gateway's HTTP APIs (payload format 2.0): parse, act, log once, answer.

Errors of the logic become statuses here and nowhere else.
"""

import base64
import binascii
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from shared import logs
from shared.errors import ForbiddenError, InvalidRequestError, UnauthorizedError, UnavailableError

Handler = Callable[[Mapping[str, Any], object], dict[str, Any]]

_STATUSES: dict[type[Exception], int] = {
    InvalidRequestError: 400,
    UnauthorizedError: 401,
    ForbiddenError: 403,
    UnavailableError: 500,
}
_TOO_DEEP = "body is nested too deeply"


class Request:
    """One HTTP request."""

    def __init__(self, event: Mapping[str, Any]) -> None:
        self._event = event

    def header(self, name: str) -> str:
        """The header `name`, in any case, or an empty string. Repeated headers are joined by a comma."""
        headers = self._event.get("headers")
        if not isinstance(headers, Mapping):
            return ""
        for key, value in headers.items():
            if isinstance(key, str) and key.lower() == name.lower() and isinstance(value, str):
                return value
        return ""

    def body(self) -> bytes:
        """The body's bytes exactly as they were sent, whether API Gateway passed them as text or base64.

        Raises:
            InvalidRequestError: if the event claims base64 and it is none.
        """
        body = self._event.get("body")
        if body is None:
            return b""
        if not isinstance(body, str):
            raise InvalidRequestError("body must be text")
        if self._event.get("isBase64Encoded"):
            try:
                return base64.b64decode(body, validate=True)
            except (binascii.Error, ValueError):
                raise InvalidRequestError("body is not valid base64") from None
        # surrogatepass: a lone surrogate must not become a crash here; json and the signature refuse it later
        return body.encode("utf-8", "surrogatepass")

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            InvalidRequestError: if the body is not JSON or not an object.
        """
        value = parse_json(self.body())
        if not isinstance(value, dict):
            raise InvalidRequestError(f"body must be a JSON object, not {json_type(value)}")
        return value


def endpoint(answer: Callable[[Request], Mapping[str, Any]], *, done: str | None = None) -> Handler:
    """A Lambda handler that answers with what `answer` returns, or with the status of what it raises.

    Args:
        answer: turns a request into the body of a 200. What it binds to the log is on the request's line.
        done: the message of the line for a request that was answered; None if `answer` logs it.
    """

    def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
        started = time.monotonic()
        logs.start()
        try:
            body = answer(Request(event))
        except tuple(_STATUSES) as error:
            return _refuse(error, started)
        except Exception as error:  # noqa: BLE001 - a defect of ours is a 500 with words, not a stack trace
            logs.defect("request failed", error)
            return _respond(500, {"error": "the function failed; its log says where"})
        if done:
            logs.info(done, duration_ms=logs.milliseconds_since(started))
        return _respond(200, body)

    return handler


def parse_json(body: bytes) -> Any:
    """The JSON value in `body`.

    Raises:
        InvalidRequestError: if it is not JSON in UTF-8, or nested so deeply that it can only be an attack.
    """
    try:
        return json.loads(body.decode("utf-8"))
    except RecursionError:
        raise InvalidRequestError(_TOO_DEEP) from None
    except ValueError:  # UnicodeDecodeError and JSONDecodeError are both ValueErrors
        raise InvalidRequestError("body is not JSON") from None


def text_field(body: Mapping[str, Any], name: str, *, longest: int, required: bool = True) -> str:
    """The string `body[name]`, checked; an empty string if it is absent and not required.

    Args:
        body: the JSON object.
        name: the field's name, as the sender knows it.
        longest: how many characters it may have.
        required: whether it must be there. A field that is not required may also be null.

    Raises:
        InvalidRequestError: with the name of the field.
    """
    value = body.get(name)
    if name not in body or (value is None and not required):
        if required:
            raise InvalidRequestError(f"{name} is missing")
        return ""
    if not isinstance(value, str):
        raise InvalidRequestError(f"{name} must be a string, not {json_type(value)}")
    if len(value) > longest:
        raise InvalidRequestError(
            f"{name} is too long: {len(value)} characters, at most {longest} are allowed"
        )
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidRequestError(f"{name} is not valid Unicode text") from None
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


def _refuse(error: Exception, started: float) -> dict[str, Any]:
    status = next(status for kind, status in _STATUSES.items() if isinstance(error, kind))
    log = logs.error if isinstance(error, UnavailableError) else logs.warning
    log("request refused", status=status, reason=str(error), duration_ms=logs.milliseconds_since(started))
    return _respond(status, {"error": str(error)})


def _respond(status: int, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": json.dumps(body, ensure_ascii=False, separators=(",", ":")),
    }
