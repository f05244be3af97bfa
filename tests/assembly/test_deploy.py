"""Deployment: `cdk bootstrap` and `cdk deploy` of this very stack, against a local moto server.

moto knows neither API Gateway's HTTP APIs nor X-Ray nor alarms, so what it cannot make is stated by the
template's tests alone.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from tests.infra.conftest import ROOT

ACCOUNT = "123456789012"
REGION = "eu-central-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION}
# A process of its own, because moto's state is one per process. It ends when its input does, so none is left
# behind.
MOTO = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """The address of an empty moto; "localhost", because to other names CDK would prefix the bucket's."""
    server = subprocess.Popen(
        [sys.executable, "-c", MOTO],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout
    with server:
        yield f"http://localhost:{int(server.stdout.readline())}"
        server.terminate()


def cdk(aws: str, home: Path, *arguments: str) -> None:
    done = subprocess.run(
        ["npx", "cdk", *arguments],  # noqa: S607 -- as the README tells it
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "AWS_ENDPOINT_URL": aws, **CREDENTIALS},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def account(aws: str, assembly: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An AWS account with the stack in it; gives clients by service name."""
    home = tmp_path_factory.mktemp("home")
    cdk(aws, home, "bootstrap", f"aws://{ACCOUNT}/{REGION}", "--app", str(assembly))
    cdk(aws, home, "deploy", "--require-approval", "never", "--app", str(assembly))

    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=aws,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    return client


def test_stack_is_complete(account: Any) -> None:
    stack = account("cloudformation").describe_stacks(StackName="AgenticMemory-prod")["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert {tag["Key"]: tag["Value"] for tag in stack["Tags"]} == {
        "project": "agentic-memory",
        "stage": "prod",
    }


def test_three_functions_are_there_with_their_code(account: Any) -> None:
    functions = account("lambda").list_functions()["Functions"]
    assert sorted(function["FunctionName"] for function in functions) == [
        "agentic-memory-prod-client-data",
        "agentic-memory-prod-post-call",
        "agentic-memory-prod-retrieve",
    ]
    assert all(function["CodeSize"] > 1000 for function in functions)


def test_queues_and_table_are_those_that_post_call_was_told_of(account: Any) -> None:
    told = account("lambda").get_function(FunctionName="agentic-memory-prod-post-call")["Configuration"]
    environment = told["Environment"]["Variables"]
    told_of = [environment["CALL_QUEUE_URL"], environment["DEAD_LETTER_QUEUE_URL"]]
    there = account("sqs").list_queues()["QueueUrls"]
    assert sorted(urlsplit(url).path for url in there) == sorted(urlsplit(url).path for url in told_of)
    assert account("dynamodb").list_tables()["TableNames"] == [environment["LEDGER_TABLE"]]


def test_queue_feeds_post_call(account: Any) -> None:
    source = account("lambda").list_event_source_mappings()["EventSourceMappings"][0]
    assert source["EventSourceArn"].endswith(":agentic-memory-prod-calls.fifo")
    assert source["FunctionArn"].endswith(":agentic-memory-prod-post-call")


def test_layer_is_published(account: Any) -> None:
    layers = account("lambda").list_layers()["Layers"]
    assert [layer["LatestMatchingVersion"]["CompatibleRuntimes"] for layer in layers] == [["python3.13"]]


def test_topic_of_the_alarms_is_there_and_encrypted(account: Any) -> None:
    (topic,) = account("sns").list_topics()["Topics"]
    assert topic["TopicArn"].endswith(":agentic-memory-prod-alarms")
    attributes = account("sns").get_topic_attributes(TopicArn=topic["TopicArn"])["Attributes"]
    assert attributes["KmsMasterKeyId"].startswith("arn:aws:kms:")
