"""Handlers run in this process; what they talk to is real HTTP: moto for AWS, the stand-in for Mem0."""

import importlib
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol
from unittest import mock

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from local.mem0.server import Mem0StandIn, start
from shared import http_client
from shared.aws import AwsClient, Service
from shared.credentials import Credentials
from shared.environment import Environment
from shared.http import Handler
from shared.mem0 import open_store
from shared.mem0.store import MemoryStore

REGION = "eu-north-1"
SECRET_NAME = "agentic-memory/credentials"
SECRET = {
    "MEM0_API_KEY": "local-mem0-key",
    "MEM0_ORG_ID": "local-org",
    "MEM0_PROJECT_ID": "local-project",
    "ELEVENLABS_WORKSPACE_KEY": "local-workspace-key",
    "ELEVENLABS_HMAC_KEY": "local-hmac-key",
}

Variables = dict[str, str]


class Build(Protocol):
    """Makes a function's handler, as a container does when it starts, with changes to its environment."""

    def __call__(self, function: str, **changes: str) -> Handler: ...


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def variables() -> Variables:
    """The environment of a function that reaches nothing; the other fixtures fill it."""
    return {
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "MEM0_HOST": "http://127.0.0.1:9",
        "MEM0_TIMEOUT": "20",
        "CREDENTIALS_SECRET": SECRET_NAME,
    }


@pytest.fixture(autouse=True)
def containers_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close what a container keeps open for its whole life, when the test that was its life ends."""
    clients: list[http_client.HttpClient] = []
    real = http_client.HttpClient.__init__

    def noted(self: http_client.HttpClient, origin: str, timeout: float) -> None:
        real(self, origin, timeout)
        clients.append(self)

    monkeypatch.setattr(http_client.HttpClient, "__init__", noted)
    yield
    for thread in threading.enumerate():
        if thread.name in ("mem0-connect", "mem0-key-check"):  # a container that starts is still connecting
            thread.join(20)
    for client in clients:
        client.close()


class Aws:
    """moto, emptied, with the secret, the queues and the ledger that the stack makes."""

    def __init__(self, url: str) -> None:
        options: dict[str, Any] = {"endpoint_url": url, "region_name": REGION}
        options |= {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        self.url = url
        self._options = options
        self.secrets = boto3.client("secretsmanager", **options)
        self.sqs = boto3.client("sqs", **options)
        self.dynamodb = boto3.client("dynamodb", **options)
        self.secrets.create_secret(Name=SECRET_NAME, SecretString=json.dumps(SECRET))
        fifo = {"FifoQueue": "true"}
        self.queue_url = self.sqs.create_queue(QueueName="calls.fifo", Attributes=fifo)["QueueUrl"]
        self.dead_letters_url = self.sqs.create_queue(QueueName="dead.fifo", Attributes=fifo)["QueueUrl"]
        self.dynamodb.create_table(
            TableName="ledger",
            KeySchema=[{"AttributeName": "conversation_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "conversation_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def client(self, service: str) -> Any:
        """boto3's client of another service."""
        return boto3.client(service, **self._options)

    def set_secret(self, **changes: object) -> None:
        self.secrets.put_secret_value(SecretId=SECRET_NAME, SecretString=json.dumps({**SECRET, **changes}))

    def received(self, url: str) -> list[dict[str, Any]]:
        """The messages in a queue, which stay invisible from now on."""
        answer = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"]
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def ledger_item(self, conversation_id: str) -> dict[str, Any]:
        key = {"conversation_id": {"S": conversation_id}}
        item: dict[str, Any] = self.dynamodb.get_item(TableName="ledger", Key=key).get("Item", {})
        return item


@pytest.fixture
def aws(moto_url: str, variables: Variables) -> Aws:
    httpx.post(f"{moto_url}/moto-api/reset").raise_for_status()
    emptied = Aws(moto_url)
    variables |= {
        "AWS_ENDPOINT_URL": moto_url,
        "CALL_QUEUE_URL": emptied.queue_url,
        "DEAD_LETTER_QUEUE_URL": emptied.dead_letters_url,
        "LEDGER_TABLE": "ledger",
    }
    return emptied


@pytest.fixture
def mem0(tmp_path: Path, variables: Variables) -> Iterator[Mem0StandIn]:
    """The Mem0 stand-in, without memories."""
    with start(tmp_path / "mem0-stand-in") as server:
        variables["MEM0_HOST"] = server.url
        yield server


@pytest.fixture
def build(aws: Aws, mem0: Mem0StandIn, variables: Variables) -> Build:
    """Make a function's handler, which sees later changes of `variables`."""
    assert aws
    assert mem0

    def make(function: str, **changes: str) -> Handler:
        variables.update(changes)
        # The module makes a handler for Lambda when it is imported: here one that reaches nothing.
        with mock.patch.dict(os.environ, {"MEM0_HOST": "http://127.0.0.1:9", "MEM0_API_KEY": "none"}):
            module = importlib.import_module(f"{function}.handler")
        handler: Handler = module.build(variables)
        return handler

    return make


@pytest.fixture
def store(aws: Aws, mem0: Mem0StandIn, variables: Variables) -> MemoryStore:
    assert aws
    assert mem0
    return make_store(variables)


def make_store(variables: Variables) -> MemoryStore:
    environment = Environment.parse(variables)
    return open_store(environment, Credentials(environment, AwsClient(variables)))


def request(body: object, **headers: str) -> dict[str, Any]:
    """An event of API Gateway's HTTP API, payload format 2.0, as far as the handlers read it."""
    return {
        "version": "2.0",
        "requestContext": {"http": {"method": "POST"}},
        "headers": {name.lower().replace("_", "-"): value for name, value in headers.items()},
        "body": body if isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
    }


def body_of(response: dict[str, Any]) -> Any:
    return json.loads(response["body"])


def remember(store: MemoryStore, user_id: str, text: str, **options: Any) -> None:
    """Keep `text` as a memory, word for word."""
    message = {"role": "user", "content": text}
    store.add(user_id, [message], infer=False, not_after=time.time() + 20, **options)


def asked(mem0: Mem0StandIn) -> list[str]:
    """The operations that Mem0 was asked for, but for the check of the key and what `remember` adds."""
    operations = [request["operation"] for request in mem0.requests()]
    return [operation for operation in operations if operation not in {"ping", "add"}]


@pytest.fixture
def aws_calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Mapping[str, Any]]]:
    """What the functions ask of AWS: actions and parameters."""
    noted: list[tuple[str, Mapping[str, Any]]] = []
    real = AwsClient.call

    def note(self: AwsClient, service: Service, action: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        noted.append((action, parameters))
        return real(self, service, action, parameters)

    monkeypatch.setattr(AwsClient, "call", note)
    return noted
