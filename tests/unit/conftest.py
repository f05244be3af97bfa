"""Handlers run in this process; what they talk to is real HTTP: moto for AWS, the stand-in for Mem0."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from local.mem0.server import Mem0StandIn, start
from shared import aws as aws_client
from shared import (
    mem0_client,  # noqa: F401 - now: it swaps modules while it imports, which no thread may see
    transport,
)

REGION = "eu-north-1"
SECRET_NAME = "agentic-memory/credentials"
SECRET = {
    "MEM0_API_KEY": "local-mem0-key",
    "MEM0_ORG_ID": "local-org",
    "MEM0_PROJECT_ID": "local-project",
    "ELEVENLABS_WORKSPACE_KEY": "local-workspace-key",
    "ELEVENLABS_HMAC_KEY": "local-hmac-key",
}

Load = Callable[..., ModuleType]


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment of a function, and nothing of the developer's."""
    for name in [*SECRET, "MEM0_HOST", "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION"]:
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "MEM0_DIR": str(tmp_path / "mem0"),
        "MEM0_TELEMETRY": "False",
        "MEM0_TIMEOUT": "20",
        "CREDENTIALS_SECRET": SECRET_NAME,
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True)
def containers_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close what a container keeps open for its whole life, when the test that was its life ends."""
    clients: list[transport.Client] = []

    class Remembered(transport.Client):
        def __init__(self, timeout_seconds: float) -> None:
            super().__init__(timeout_seconds)
            clients.append(self)

    monkeypatch.setattr(transport, "Client", Remembered)
    yield
    for client in clients:
        client.close()
    for connection in aws_client._connections.__dict__.pop("pool", {}).values():
        connection.close()


class Aws:
    """moto, emptied, with the secret, the queues and the ledger that the stack makes."""

    def __init__(self, url: str) -> None:
        options: dict[str, Any] = {"endpoint_url": url, "region_name": REGION}
        options |= {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        self.url = url
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
def aws(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Aws:
    httpx.post(f"{moto_url}/moto-api/reset").raise_for_status()
    emptied = Aws(moto_url)
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_url)
    monkeypatch.setenv("CALL_QUEUE_URL", emptied.queue_url)
    monkeypatch.setenv("DEAD_LETTER_QUEUE_URL", emptied.dead_letters_url)
    monkeypatch.setenv("LEDGER_TABLE", "ledger")
    return emptied


@pytest.fixture
def mem0(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mem0StandIn]:
    """The Mem0 stand-in, without memories."""
    with start(tmp_path / "mem0-stand-in") as server:
        monkeypatch.setenv("MEM0_HOST", server.url)
        yield server


@pytest.fixture
def load(aws: Aws, mem0: Mem0StandIn, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Import a module of a function anew, as a starting container does, with changes to its environment."""
    assert aws
    assert mem0

    def import_anew(name: str, **changes: str) -> ModuleType:
        for key, value in changes.items():
            monkeypatch.setenv(key, value)
        package = name.partition(".")[0]
        for loaded in [each for each in sys.modules if each.partition(".")[0] == package]:
            monkeypatch.delitem(sys.modules, loaded)
        return importlib.import_module(name)

    return import_anew


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
