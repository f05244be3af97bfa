"""API Gateway's payload format 2.0: from HTTP request to event, from a function's result to HTTP response.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import binascii
import json
import secrets
import time
import uuid
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, unquote

from local.http_server import Request, Response, message
from local.lambda_host.model import ACCOUNT

API_ID = "local"
SOURCE_IP = "127.0.0.1"
# Which bodies arrive as text is not in AWS's documentation; it was measured against the real service by
# https://github.com/ministackorg/ministack/pull/766: these and text/*; all else, no type included, is base64.
TEXT_TYPES = frozenset({"application/json", "application/xml", "application/javascript"})


def joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return pairs as one mapping; the values of a repeated name are joined by commas."""
    result: dict[str, str] = {}
    for name, value in pairs:
        result[name] = f"{result[name]},{value}" if name in result else value
    return result


def to_event(request: Request, route_key: str) -> dict[str, Any]:
    """Return the event that a function gets for a request that a route (e.g. "POST /retrieve") matches."""
    raw_path, _, query = request.target.partition("?")
    headers = joined((name.lower(), value) for name, value in request.headers)
    cookies = [part.strip() for part in headers.pop("cookie", "").split(";") if part.strip()]
    trace = f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    host = headers.get("host", "localhost")
    headers.setdefault("content-length", str(len(request.body)))
    headers |= {
        "x-amzn-trace-id": trace,
        "x-forwarded-for": SOURCE_IP,
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }
    now = time.time()
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": unquote(raw_path),
        "rawQueryString": query,
        "headers": dict(sorted(headers.items())),
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": API_ID,
            "domainName": host,
            "domainPrefix": host.split(".", 1)[0].split(":", 1)[0],
            "http": {
                "method": request.method,
                "path": unquote(raw_path),
                "protocol": "HTTP/1.1",
                "sourceIp": SOURCE_IP,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": route_key,
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    if query:
        event["queryStringParameters"] = joined(parse_qsl(query, keep_blank_values=True))
    if request.body:
        text = _as_text(request.body, headers.get("content-type", ""))
        event["isBase64Encoded"] = text is None
        event["body"] = base64.b64encode(request.body).decode() if text is None else text
    return event


def _as_text(body: bytes, content_type: str) -> str | None:
    kind = content_type.split(";", 1)[0].strip().lower()
    if not (kind in TEXT_TYPES or kind.startswith("text/")):
        return None
    try:
        # A text type whose bytes are no UTF-8 cannot stand in the event as text; what AWS does then is not
        # documented, and base64 is the one form that loses nothing.
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return None


def to_response(payload: bytes) -> Response:
    """Return the HTTP response for what a function returned (JSON bytes).

    A result without `statusCode` is a 200 whose body is the result itself. A result that API Gateway cannot
    use is 500 {"message":"Internal Server Error"}.
    """
    result = json.loads(payload)
    if not (isinstance(result, dict) and "statusCode" in result):
        body = result.encode() if isinstance(result, str) else json.dumps(result).encode()
        return Response(status=200, headers=(("content-type", "application/json"),), body=body)
    try:
        status = int(result["statusCode"])
        body = _body_of(result)
        pairs = [
            (str(name).lower(), _header_value(value)) for name, value in (result.get("headers") or {}).items()
        ]
        cookies = [("set-cookie", str(cookie)) for cookie in result.get("cookies") or []]
    except (TypeError, ValueError, AttributeError, binascii.Error):
        return message(500, "Internal Server Error")
    if not 200 <= status <= 599:  # noqa: PLR2004 - what HTTP calls a final status
        return message(500, "Internal Server Error")
    if not any(name == "content-type" for name, _ in pairs):
        pairs.append(("content-type", "text/plain; charset=utf-8"))
    return Response(status=status, headers=(*pairs, *cookies), body=body)


def _body_of(result: dict[str, Any]) -> bytes:
    body = result.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise TypeError("the body of a response is text")
    return base64.b64decode(body, validate=True) if result.get("isBase64Encoded") else body.encode()


def _header_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise TypeError("the value of a header is text, a number or true/false")
    return str(value)
