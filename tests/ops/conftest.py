"""The operator's commands run in this process, against moto and the stand-ins."""

import json
from pathlib import Path

import pytest

from ops import dead_letters
from tests.unit.conftest import REGION, Aws, aws, containers_end, mem0, moto_url, variables

__all__ = ["aws", "containers_end", "mem0", "moto_url", "variables"]

STAGE = "dev"


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


def deploy(aws: Aws) -> None:
    """Make a stack whose outputs are those of a deployed stage."""
    outputs = {
        "CallQueueUrl": aws.queue_url,
        "DeadLetterQueueUrl": aws.dead_letters_url,
        "LedgerTable": "ledger",
        "Environment": json.dumps({}),
    }
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {}}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    aws.client("cloudformation").create_stack(
        StackName=f"AgenticMemory-{STAGE}", TemplateBody=json.dumps(template)
    )
