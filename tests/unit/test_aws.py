"""Our small AWS client against moto, and against servers that misbehave."""

import contextlib
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

from shared.aws import DYNAMODB, SECRETS_MANAGER, SQS, AwsClient, AwsError
from shared.http_client import deadline
from tests.unit.conftest import REGION, SECRET, SECRET_NAME, Aws, Variables


@pytest.fixture
def client(variables: Variables) -> AwsClient:
    return AwsClient(variables)


def test_reads_a_secret(aws: Aws, client: AwsClient) -> None:
    assert aws
    answer = client.call(SECRETS_MANAGER, "GetSecretValue", {"SecretId": SECRET_NAME})
    assert json.loads(answer["SecretString"]) == SECRET


def test_sends_a_message(aws: Aws, client: AwsClient) -> None:
    parameters = {"QueueUrl": aws.queue_url, "MessageBody": "é", "MessageGroupId": "g"}
    client.call(SQS, "SendMessage", {**parameters, "MessageDeduplicationId": "d"})
    (message,) = aws.received(aws.queue_url)
    assert message["Body"] == "é"


def test_writes_and_reads_an_item(aws: Aws, client: AwsClient) -> None:
    item = {"conversation_id": {"S": "c"}, "n": {"N": "1"}}
    client.call(DYNAMODB, "PutItem", {"TableName": "ledger", "Item": item})
    assert aws.ledger_item("c") == item


def test_refusal_carries_the_code_of_aws(aws: Aws, client: AwsClient) -> None:
    assert aws
    with pytest.raises(AwsError) as refused:
        client.call(SECRETS_MANAGER, "GetSecretValue", {"SecretId": "missing"})
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
def scripted(variables: Variables) -> Iterator[Any]:
    started: list[Script] = []

    def make(*answers: tuple[int, dict[str, Any]]) -> Script:
        started.append(Script(*answers))
        variables["AWS_ENDPOINT_URL"] = started[-1].url
        return started[-1]

    yield make
    for script in started:
        script.server.shutdown()
        script.server.server_close()


def test_throttling_and_server_errors_are_tried_again(scripted: Any, client: AwsClient) -> None:
    script = scripted((400, {"__type": "x#ThrottlingException"}), (500, {}), (200, {"ok": 1}))
    assert client.call(SQS, "SendMessage", {}) == {"ok": 1}
    assert len(script.requests) == 3


def test_it_gives_up_after_three_attempts(scripted: Any, client: AwsClient) -> None:
    script = scripted(*[(503, {})] * 4)
    with pytest.raises(AwsError, match="HTTP 503"):
        client.call(SQS, "SendMessage", {})
    assert len(script.requests) == 3


def test_refusal_is_not_tried_again(scripted: Any, client: AwsClient) -> None:
    script = scripted((400, {"__type": "AccessDeniedException", "message": "no"}))
    with pytest.raises(AwsError, match="AccessDeniedException"):
        client.call(SQS, "SendMessage", {})
    assert len(script.requests) == 1


def test_connection_is_kept(scripted: Any, client: AwsClient) -> None:
    script = scripted(*[(200, {})] * 3)
    for _ in range(3):
        client.call(SQS, "SendMessage", {})
    assert script.connections == 1


class Container:
    """The address that Lambda gives a function for its credentials; it answers as it is told."""

    def __init__(self, status: int, answer: bytes) -> None:
        self.asked: list[str] = []
        container = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                container.asked.append(f"{self.path} {self.headers['authorization']}")
                self.send_response(status)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def use_container(variables: Variables, container: Container) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del variables[name]
    variables |= {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{container.server.server_port}/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "let me in",
    }


def test_credentials_come_from_the_containers_address_where_lambda_gives_none(
    scripted: Any, client: AwsClient, variables: Variables
) -> None:
    expires = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)).isoformat()
    answer = {"AccessKeyId": "ak", "SecretAccessKey": "sk", "Token": "st", "Expiration": expires}
    script = scripted((200, {}), (200, {}))
    with contextlib.closing(Container(200, json.dumps(answer).encode())) as container:
        use_container(variables, container)
        for _ in range(2):
            client.call(SQS, "SendMessage", {})
    assert container.asked == ["/credentials let me in"]
    headers, _body = script.requests[0]
    assert "Credential=ak/" in headers["authorization"]
    assert headers["x-amz-security-token"] == "st"


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        *((500, b"{}"), (500, b"oops"), (200, b"text"), (200, b"[]"), (200, b""), (200, b"\xff")),
        (200, b'{"AccessKeyId": "a"}'),
        (
            200,
            b'{"AccessKeyId": 1, "SecretAccessKey": "s", "Token": "t", "Expiration": "2030-01-01T00:00:00Z"}',
        ),
        (200, b'{"AccessKeyId": "a", "SecretAccessKey": null, "Token": "t", "Expiration": "2030-01-01"}'),
        (200, b'{"AccessKeyId": "a", "SecretAccessKey": "s", "Token": "t", "Expiration": "soon"}'),
    ],
)
def test_container_without_credentials_is_an_aws_error(
    client: AwsClient, variables: Variables, status: int, answer: bytes
) -> None:
    with contextlib.closing(Container(status, answer)) as container:
        use_container(variables, container)
        with pytest.raises(AwsError, match="container credentials"):
            client.call(SQS, "SendMessage", {})


def test_deadline_ends_the_attempts(scripted: Any, client: AwsClient) -> None:
    script = scripted(*[(503, {})] * 3)
    with deadline(0.001), pytest.raises(AwsError):
        client.call(SQS, "SendMessage", {})
    assert len(script.requests) < 3


def test_service_that_cannot_be_reached_is_an_error(client: AwsClient) -> None:
    with pytest.raises(AwsError) as failed:
        client.call(SQS, "SendMessage", {})
    assert failed.value.code == "Unreachable"


@pytest.mark.parametrize("token", ["", "a session token"])
def test_signature_is_the_one_that_botocore_makes(
    scripted: Any, client: AwsClient, variables: Variables, token: str
) -> None:
    variables["AWS_SESSION_TOKEN"] = token
    script = scripted((200, {}))
    client.call(DYNAMODB, "GetItem", {"TableName": "é"})
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
        ("us-gov-west-1", "https://sqs.us-gov-west-1.amazonaws.com/"),
        ("cn-north-1", "https://sqs.cn-north-1.amazonaws.com.cn/"),
        ("us-iso-east-1", "https://sqs.us-iso-east-1.c2s.ic.gov/"),
        ("us-isob-east-1", "https://sqs.us-isob-east-1.sc2s.sgov.gov/"),
        ("eusc-de-east-1", "https://sqs.eusc-de-east-1.amazonaws.eu/"),
    ],
)
def test_endpoint_is_the_regions(region: str, endpoint: str) -> None:
    assert AwsClient({"AWS_REGION": region}).endpoint(SQS) == endpoint


def test_endpoint_may_be_set_for_one_service_or_for_all() -> None:
    variables = {"AWS_ENDPOINT_URL": "http://all:1", "AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://secrets:2/"}
    client = AwsClient(variables)
    assert client.endpoint(SECRETS_MANAGER) == "http://secrets:2/"
    assert client.endpoint(SQS) == "http://all:1/"
