"""AWS's JSON protocol in one small module: Secrets Manager, SQS and DynamoDB, signed with SigV4.

boto3 would do the same and more, but importing it and making one client takes longer than everything else
that a cold start of ours does (`bench/` measures it), while somebody listens to a ringing phone. The three
services speak the same protocol: a POST with `X-Amz-Target`. That is all that is here: no paging, no
waiters, no credentials other than those that Lambda gives to a function.

Sources: AWS General Reference, "Signature Version 4"; smithy.io, "AWS JSON 1.0 and 1.1 protocols".
"""

import contextlib
import datetime as dt
import hashlib
import hmac
import http.client
import json
import os
import random
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

ATTEMPTS = 3
CONNECT_AND_READ_SECONDS = 2.0
"""Longest silence of a service before an attempt counts as failed. Their own p99 is far below 0.1 s."""

_EXPIRY_MARGIN_SECONDS = 60  # before the end of temporary credentials, when new ones are asked for
_RETRYABLE = frozenset(
    [
        "ThrottlingException",
        "Throttling",
        "RequestThrottled",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "InternalServerError",
        "InternalFailure",
        "ServiceUnavailable",
        "RequestTimeout",
        "TransactionInProgressException",
    ]
)


@dataclass(frozen=True)
class Service:
    """One AWS service: its endpoint's name, the prefix of its targets, and its protocol's version."""

    name: str
    target: str
    version: str


SECRETS_MANAGER = Service("secretsmanager", "secretsmanager", "1.1")
SQS = Service("sqs", "AmazonSQS", "1.0")
DYNAMODB = Service("dynamodb", "DynamoDB_20120810", "1.0")


class AwsError(Exception):
    """A call to AWS failed for good.

    Attributes:
        code: AWS's name for it, such as `ConditionalCheckFailedException`; `Unreachable` without an answer.
        body: the rest of AWS's answer.
    """

    def __init__(self, service: Service, action: str, code: str, message: str, body: dict[str, Any]) -> None:
        super().__init__(f"{service.name} {action} failed: {code}: {message}")
        self.code = code
        self.body = body


_connections = threading.local()


def call(
    service: Service, action: str, parameters: dict[str, Any], *, once_within: float | None = None
) -> dict[str, Any]:
    """Call `action` of `service` and return its answer.

    Throttling, 5xx and broken connections are tried again, three times in all, with a short random pause.

    Args:
        service: whom to call.
        action: what to do, by AWS's name.
        parameters: of the action, as JSON takes them.
        once_within: try once only, and wait for so many seconds: where there is a way without the answer.

    Raises:
        AwsError: if AWS refuses, or no attempt got an answer.
    """
    body = json.dumps(parameters).encode()
    attempts, seconds = (ATTEMPTS, CONNECT_AND_READ_SECONDS) if once_within is None else (1, once_within)
    for attempt in range(1, attempts + 1):
        try:
            status, answer = _post(service, action, body, seconds)
        except (OSError, http.client.HTTPException, ssl.SSLError) as error:
            failure = AwsError(service, action, "Unreachable", type(error).__name__, {})
            retry = True
        else:
            if status == http.client.OK:
                return answer
            code = str(answer.get("__type", f"HTTP {status}")).rpartition("#")[2]
            message = str(answer.get("message", answer.get("Message", "")))
            failure = AwsError(service, action, code, message, answer)
            retry = status >= http.client.INTERNAL_SERVER_ERROR or code in _RETRYABLE
        if not retry or attempt == attempts:
            raise failure
        time.sleep(random.uniform(0.02, 0.1) * attempt)  # noqa: S311 - jitter, not cryptography
    raise AssertionError("unreachable")  # pragma: no cover


def _post(service: Service, action: str, body: bytes, seconds: float) -> tuple[int, dict[str, Any]]:
    url = urlsplit(_endpoint(service))
    headers = {
        "host": url.netloc,
        "content-type": f"application/x-amz-json-{service.version}",
        "x-amz-target": f"{service.target}.{action}",
    }
    path = url.path or "/"
    headers |= _signature(service, path, headers, body)
    key = f"{url.scheme}://{url.netloc}"
    pool: dict[str, http.client.HTTPConnection] = _connections.__dict__.setdefault("pool", {})
    connection = pool.pop(key, None)
    if connection is not None:
        if connection.sock is not None:
            connection.sock.settimeout(seconds)
        try:
            answer = _exchange(connection, path, body, headers)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            connection.close()  # the service closed it while we were idle; a new one is no retry
        else:
            pool[key] = connection
            return answer
    connection = _connect(url.scheme, url.netloc, seconds)
    try:
        answer = _exchange(connection, path, body, headers)
    except BaseException:
        connection.close()
        raise
    pool[key] = connection
    return answer


def _exchange(
    connection: http.client.HTTPConnection, path: str, body: bytes, headers: dict[str, str]
) -> tuple[int, dict[str, Any]]:
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    raw = response.read()
    try:
        answer = json.loads(raw) if raw else {}
    except ValueError:
        answer = {}
    return response.status, answer if isinstance(answer, dict) else {}


def _connect(
    scheme: str, netloc: str, seconds: float = CONNECT_AND_READ_SECONDS
) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(netloc, timeout=seconds, context=ssl.create_default_context())
    return http.client.HTTPConnection(netloc, timeout=seconds)


def _endpoint(service: Service) -> str:
    """`AWS_ENDPOINT_URL` if it is set, as AWS's own SDKs do, else the service's regional endpoint."""
    override = os.environ.get("AWS_ENDPOINT_URL")
    if override:
        return override.rstrip("/") + "/"
    region = _region()
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://{service.name}.{region}.{suffix}/"


def _region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"


def _signature(service: Service, path: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
    """The headers that sign a request with the function's own credentials."""
    now = dt.datetime.now(dt.UTC)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    added = {"x-amz-date": stamp}
    identity, secret, token = _own_credentials()
    if token:
        added["x-amz-security-token"] = token
    signed = dict(sorted((headers | added).items()))
    names = ";".join(signed)
    canonical = "\n".join(
        ["POST", path, "", *(f"{name}:{value}" for name, value in signed.items()), "", names, _sha256(body)]
    )
    scope = f"{day}/{_region()}/{service.name}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{_sha256(canonical.encode())}"
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    digest = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    added["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={identity}/{scope}, SignedHeaders={names}, Signature={digest}"
    )
    return added


def _own_credentials() -> tuple[str, str, str]:
    """The function's access key, secret key and session token.

    Lambda puts them into the environment; with SnapStart, whose snapshot would keep them for ever, it names
    an address to ask instead. Source: boto3 docs, "Credentials", container provider.
    """
    url = os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    if url and "AWS_ACCESS_KEY_ID" not in os.environ:
        return _container_credentials(url)
    get = os.environ.get
    return get("AWS_ACCESS_KEY_ID", ""), get("AWS_SECRET_ACCESS_KEY", ""), get("AWS_SESSION_TOKEN", "")


_container: dict[str, Any] = {"until": 0.0}


def _container_credentials(url: str) -> tuple[str, str, str]:
    if time.time() >= _container["until"]:
        parts = urlsplit(url)
        connection = _connect(parts.scheme, parts.netloc)
        with contextlib.closing(connection):
            headers = {"authorization": os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")}
            connection.request("GET", parts.path, headers=headers)
            answer = json.loads(connection.getresponse().read())
        found = (answer["AccessKeyId"], answer["SecretAccessKey"], answer["Token"])
        expires = dt.datetime.fromisoformat(answer["Expiration"]).timestamp()
        _container.update(found=found, until=expires - _EXPIRY_MARGIN_SECONDS)
    credentials: tuple[str, str, str] = _container["found"]
    return credentials


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
