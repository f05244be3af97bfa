"""Calls Secrets Manager, SQS and DynamoDB by AWS's JSON protocol, signed with SigV4.

Not boto3: importing it takes longer than the rest of a cold start. There are no paging and no waiters.
Sources: AWS General Reference, "Signature Version 4"; smithy.io, "AWS JSON 1.0 and 1.1 protocols".
"""

import datetime as dt
import hashlib
import hmac
import http.client
import json
import random
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from shared.errors import UnavailableError
from shared.http_client import HttpClient, deadline, seconds_left

ATTEMPTS = 3
ATTEMPT_SECONDS = 2.0
"""After which an attempt counts as failed. The services' own p99 is far below 0.1 s."""

_EXPIRY_MARGIN_SECONDS = 60  # before the end of temporary credentials, when new ones are asked for
_RETRYABLE = frozenset(
    {
        *("ThrottlingException", "Throttling", "RequestThrottled", "RequestLimitExceeded", "RequestTimeout"),
        *("InternalServerError", "InternalFailure", "ServiceUnavailable", "TransactionInProgressException"),
        "ProvisionedThroughputExceededException",
    }
)
# By the region's first part. Source: botocore's partitions.json.
_DNS_SUFFIXES = {
    "cn": "amazonaws.com.cn",
    "us-iso": "c2s.ic.gov",
    "us-isob": "sc2s.sgov.gov",
    "eu-isoe": "cloud.adc-e.uk",
    "us-isof": "csp.hci.ic.gov",
    "eusc": "amazonaws.eu",
}


class Service(NamedTuple):
    """One AWS service: its endpoint's name, the prefix of its targets, its protocol's version, its id."""

    name: str
    target: str
    version: str
    id: str


SECRETS_MANAGER = Service("secretsmanager", "secretsmanager", "1.1", "SECRETS_MANAGER")
SQS = Service("sqs", "AmazonSQS", "1.0", "SQS")
DYNAMODB = Service("dynamodb", "DynamoDB_20120810", "1.0", "DYNAMODB")


class AwsError(UnavailableError):
    """A call to AWS failed, after its retries.

    Attributes:
        code: AWS's name for it, such as `ConditionalCheckFailedException`; `Unreachable` without an answer.
    """

    def __init__(self, what: str, code: str, message: str) -> None:
        super().__init__(f"{what} failed: {code}: {message}")
        self.code = code


class Signer(NamedTuple):
    """Who signs a request: access key, secret key and session token."""

    access_key: str
    secret_key: str
    token: str


class AwsClient:
    """Calls AWS with the credentials of the function whose environment is `variables`."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._clients: dict[str, HttpClient] = {}
        self._container: tuple[Signer, float] | None = None

    def call(self, service: Service, action: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Call `action` of `service` and return its answer.

        Throttling, 5xx and broken connections are tried again, three times in all, with a short random pause,
        as long as the deadline lets them.

        Raises:
            AwsError: if AWS refuses, or no attempt got an answer.
        """
        what = f"{service.name} {action}"
        body = json.dumps(parameters).encode()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with deadline(ATTEMPT_SECONDS):
                    status, answer = self._post(service, action, body)
            except (OSError, http.client.HTTPException) as error:
                failure = AwsError(what, "Unreachable", type(error).__name__)
                retry = True
            else:
                if status == http.client.OK:
                    return answer
                code = str(answer.get("__type", f"HTTP {status}")).rpartition("#")[2]
                failure = AwsError(what, code, str(answer.get("message", answer.get("Message", ""))))
                retry = status >= http.client.INTERNAL_SERVER_ERROR or code in _RETRYABLE
            if not retry or attempt == ATTEMPTS or not _pause(attempt):
                break
        raise failure

    def close(self) -> None:
        """Close what is idle."""
        for client in self._clients.values():
            client.close()

    def endpoint(self, service: Service) -> str:
        """As AWS's SDKs do: `AWS_ENDPOINT_URL_<SERVICE>`, `AWS_ENDPOINT_URL`, or the region's endpoint."""
        for name in (f"AWS_ENDPOINT_URL_{service.id}", "AWS_ENDPOINT_URL"):
            if url := self._variables.get(name):
                return url.rstrip("/") + "/"
        parts = self._region.split("-")
        suffix = _DNS_SUFFIXES.get("-".join(parts[:2])) or _DNS_SUFFIXES.get(parts[0]) or "amazonaws.com"
        return f"https://{service.name}.{self._region}.{suffix}/"

    @property
    def _region(self) -> str:
        return self._variables.get("AWS_REGION") or self._variables.get("AWS_DEFAULT_REGION") or "us-east-1"

    def _post(self, service: Service, action: str, body: bytes) -> tuple[int, dict[str, Any]]:
        url = urlsplit(self.endpoint(service))
        headers = {
            "host": url.netloc,
            "content-type": f"application/x-amz-json-{service.version}",
            "x-amz-target": f"{service.target}.{action}",
        }
        path = url.path or "/"
        headers |= self._signature(service, path, headers, body)
        # Every action of ours may come twice: a claim and a message each have an identity of their own.
        response = self._client(url.scheme, url.netloc).request("POST", path, headers, body, repeatable=True)
        return response.status, _json_object(response.body)

    def _client(self, scheme: str, netloc: str) -> HttpClient:
        origin = f"{scheme}://{netloc}"
        return self._clients.setdefault(origin, HttpClient(origin, ATTEMPT_SECONDS))

    def _signature(self, service: Service, path: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
        """The headers that sign a request."""
        now = dt.datetime.now(dt.UTC)
        stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        added = {"x-amz-date": stamp}
        signer = self._signer()
        if signer.token:
            added["x-amz-security-token"] = signer.token
        signed = dict(sorted((headers | added).items()))
        names = ";".join(signed)
        canonical = "\n".join(
            [
                "POST",
                path,
                "",
                *(f"{name}:{value}" for name, value in signed.items()),
                "",
                names,
                _sha256(body),
            ]
        )
        scope = f"{day}/{self._region}/{service.name}/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{_sha256(canonical.encode())}"
        key = ("AWS4" + signer.secret_key).encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        digest = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        added["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={signer.access_key}/{scope}, SignedHeaders={names}, "
            f"Signature={digest}"
        )
        return added

    def _signer(self) -> Signer:
        """The function's own credentials.

        Lambda puts them into the environment; with SnapStart, whose snapshot would keep them, it names
        an address to ask instead. Source: boto3 docs, "Credentials", container provider.
        """
        get = self._variables.get
        url = get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        if not url or "AWS_ACCESS_KEY_ID" in self._variables:
            return Signer(
                get("AWS_ACCESS_KEY_ID", ""), get("AWS_SECRET_ACCESS_KEY", ""), get("AWS_SESSION_TOKEN", "")
            )
        if self._container is None or time.time() >= self._container[1]:
            self._container = self._ask_container(url)
        return self._container[0]

    def _ask_container(self, url: str) -> tuple[Signer, float]:
        parts = urlsplit(url)
        headers = {
            "host": parts.netloc,
            "authorization": self._variables.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", ""),
        }
        response = self._client(parts.scheme, parts.netloc).request(
            "GET", parts.path, headers, repeatable=True
        )
        answer = _json_object(response.body)
        try:
            signer = Signer(*(_text(answer[name]) for name in ("AccessKeyId", "SecretAccessKey", "Token")))
            expires = dt.datetime.fromisoformat(answer["Expiration"]).timestamp()
        except (KeyError, TypeError, ValueError):
            raise AwsError(
                "container credentials", f"HTTP {response.status}", "no credentials in the answer"
            ) from None
        return signer, expires - _EXPIRY_MARGIN_SECONDS


def _pause(attempt: int) -> bool:
    """Wait before another attempt; False if the deadline leaves no time for one."""
    seconds = random.uniform(0.02, 0.1) * attempt  # noqa: S311 - jitter, not cryptography
    try:
        if seconds_left(ATTEMPT_SECONDS) <= seconds:
            return False
    except TimeoutError:
        return False
    time.sleep(seconds)
    return True


def _json_object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw) if raw else {}
    except ValueError:
        value = {}
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
