"""Our small AWS client against moto, and against servers that misbehave."""

import datetime as dt
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from shared import aws as client
from tests.unit.conftest import REGION, SECRET, SECRET_NAME, Aws


def test_reads_a_secret(aws: Aws) -> None:
    assert aws
    answer = client.call(client.SECRETS_MANAGER, "GetSecretValue", {"SecretId": SECRET_NAME})
    assert json.loads(answer["SecretString"]) == SECRET


def test_sends_a_message(aws: Aws) -> None:
    parameters = {"QueueUrl": aws.queue_url, "MessageBody": "é", "MessageGroupId": "g"}
    client.call(client.SQS, "SendMessage", {**parameters, "MessageDeduplicationId": "d"})
    (message,) = aws.received(aws.queue_url)
    assert message["Body"] == "é"


def test_writes_and_reads_an_item(aws: Aws) -> None:
    item = {"conversation_id": {"S": "c"}, "n": {"N": "1"}}
    client.call(client.DYNAMODB, "PutItem", {"TableName": "ledger", "Item": item})
    assert aws.ledger_item("c") == item


def test_refusal_carries_the_code_of_aws(aws: Aws) -> None:
    assert aws
    with pytest.raises(client.AwsError) as refused:
        client.call(client.SECRETS_MANAGER, "GetSecretValue", {"SecretId": "missing"})
    assert refused.value.code == "ResourceNotFoundException"


class Script:
    """An HTTP server that answers as it was told, one answer after the other, and keeps what it was sent."""

    def __init__(self, *answers: tuple[int, dict[str, Any]]) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.connections = 0
        remaining = list(answers)
        script = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                script.connections += 1

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                script.requests.append(({k.lower(): v for k, v in self.headers.items()}, body))
                status, answer = remaining.pop(0)
                raw = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    started: list[Script] = []

    def make(*answers: tuple[int, dict[str, Any]]) -> Script:
        started.append(Script(*answers))
        monkeypatch.setenv("AWS_ENDPOINT_URL", started[-1].url)
        return started[-1]

    yield make
    for script in started:
        script.server.shutdown()
        script.server.server_close()


def test_throttling_and_server_errors_are_tried_again(scripted: Any) -> None:
    script = scripted((400, {"__type": "x#ThrottlingException"}), (500, {}), (200, {"ok": 1}))
    assert client.call(client.SQS, "SendMessage", {}) == {"ok": 1}
    assert len(script.requests) == 3


def test_it_gives_up_after_three_attempts(scripted: Any) -> None:
    script = scripted(*[(503, {})] * 4)
    with pytest.raises(client.AwsError, match="HTTP 503"):
        client.call(client.SQS, "SendMessage", {})
    assert len(script.requests) == 3


def test_refusal_is_not_tried_again(scripted: Any) -> None:
    script = scripted((400, {"__type": "AccessDeniedException", "message": "no"}))
    with pytest.raises(client.AwsError, match="AccessDeniedException"):
        client.call(client.SQS, "SendMessage", {})
    assert len(script.requests) == 1


def test_connection_is_kept(scripted: Any) -> None:
    script = scripted(*[(200, {})] * 3)
    for _ in range(3):
        client.call(client.SQS, "SendMessage", {})
    assert script.connections == 1


def test_credentials_come_from_the_containers_address_where_lambda_gives_none(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers['authorization']}")
            expires = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)).isoformat()
            answer = {"AccessKeyId": "ak", "SecretAccessKey": "sk", "Token": "st", "Expiration": expires}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_args: object) -> None:
            pass

    assert aws
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/credentials"
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "let me in")
        for _ in range(2):
            client.call(client.SECRETS_MANAGER, "GetSecretValue", {"SecretId": SECRET_NAME})
        assert client._own_credentials() == ("ak", "sk", "st")
        server.shutdown()
    assert asked == ["/credentials let me in"]


def test_service_that_cannot_be_reached_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(client.AwsError) as failed:
        client.call(client.SQS, "SendMessage", {})
    assert failed.value.code == "Unreachable"


@pytest.mark.parametrize("token", ["", "a session token"])
def test_signature_is_the_one_that_botocore_makes(
    scripted: Any, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    script = scripted((200, {}))
    client.call(client.DYNAMODB, "GetItem", {"TableName": "é"})
    (headers, body) = script.requests[0]
    names = ("host", "content-type", "x-amz-target", "x-amz-date")
    theirs = AWSRequest("POST", script.url + "/", data=body, headers={name: headers[name] for name in names})
    signer = SigV4Auth(Credentials("testing", "testing", token or None), "dynamodb", REGION)
    theirs.context["timestamp"] = headers["x-amz-date"]
    if token:
        theirs.headers["X-Amz-Security-Token"] = token
    canonical = signer.canonical_request(theirs)
    signature = signer.signature(signer.string_to_sign(theirs, canonical), theirs)
    assert headers["authorization"].endswith(f"Signature={signature}")


@pytest.mark.parametrize(
    ("region", "endpoint"),
    [
        ("eu-north-1", "https://sqs.eu-north-1.amazonaws.com/"),
        ("cn-north-1", "https://sqs.cn-north-1.amazonaws.com.cn/"),
    ],
)
def test_endpoint_is_the_regions(monkeypatch: pytest.MonkeyPatch, region: str, endpoint: str) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_REGION", region)
    assert client._endpoint(client.SQS) == endpoint
