"""The operator's commands run in this process, against moto and the stand-ins."""

import functools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import pytest

from local.elevenlabs import WorkspaceServer
from ops import dead_letters
from tests.unit.conftest import (
    REGION,
    SECRET_NAME,
    Aws,
    aws,
    build,
    containers_end,
    mem0,
    moto_url,
    variables,
)

__all__ = ["aws", "build", "containers_end", "mem0", "moto_url", "variables"]

STAGE = "dev"
URLS = {
    "ClientDataUrl": "https://one.example.com/client-data",
    "RetrieveUrl": "https://two.example.com/retrieve",
    "PostCallUrl": "https://three.example.com/post-call",
}


@pytest.fixture(scope="session", autouse=True)
def quick_sessions() -> Iterator[None]:
    """One boto3 session for all commands with the same credentials: each would read the services anew."""
    real = boto3.Session

    @functools.cache
    def session(_access_key: str | None, **options: Any) -> Any:
        return real(**options)

    def with_credentials(**options: Any) -> Any:
        return session(os.environ.get("AWS_ACCESS_KEY_ID"), **options)

    with mock.patch("boto3.Session", with_credentials):
        yield


@pytest.fixture
def elevenlabs(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkspaceServer]:
    """A workspace in which nothing is connected, and the operator's key of it."""
    with WorkspaceServer() as server:
        monkeypatch.setenv("ELEVENLABS_API_KEY", server.api_key)
        monkeypatch.setenv("ELEVENLABS_BASE_URL", server.url)
        yield server


@pytest.fixture(autouse=True)
def operator(aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The operator's environment, and nothing of the developer's; the stack of the stage `dev` is there."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(dead_letters, "WAIT_SECONDS", 0)
    deploy(aws)


def subscribed_topic(aws: Aws) -> str:
    """The topic of alarms, with somebody who is told of them."""
    sns = aws.client("sns")
    arn: str = sns.create_topic(Name="alarms")["TopicArn"]
    sns.subscribe(TopicArn=arn, Protocol="email", Endpoint="ops@example.com")
    return arn


def deploy(aws: Aws, **environment: str) -> None:
    """Make a stack whose outputs are those of a deployed stage, or make it anew with another environment."""
    outputs = {
        "CallQueueUrl": aws.queue_url,
        "DeadLetterQueueUrl": aws.dead_letters_url,
        "LedgerTable": "ledger",
        "Environment": json.dumps({"CREDENTIALS_SECRET": SECRET_NAME} | environment),
        "AlarmTopicArn": subscribed_topic(aws),
        **URLS,
    }
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {}}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    cloudformation = aws.client("cloudformation")
    cloudformation.delete_stack(StackName=f"AgenticMemory-{STAGE}")
    cloudformation.create_stack(StackName=f"AgenticMemory-{STAGE}", TemplateBody=json.dumps(template))
