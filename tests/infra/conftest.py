"""One synthesis for all tests of the template that use the same settings."""

import functools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# CDK's own validation takes seconds a synth, and tests/assembly runs it. aws_cdk reads this when imported.
os.environ["CDK_VALIDATION"] = "false"

from stacks.settings import Settings
from tests.infra.deployed import Deployed

ROOT = Path(__file__).resolve().parents[2]
KEY_ARN = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
EVERYTHING = {"snap_start": True, "alarm_email": "voice-team@example.com", "credentials_key_arn": KEY_ARN}

Synthesise = Callable[..., Deployed]


def new_app(**options: Any) -> Any:
    """An app with the flags of cdk.json, which App() alone does not read; it builds no assets."""
    import aws_cdk as cdk  # noqa: PLC0415 -- only once the environment is set

    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    return cdk.App(context={**flags, "aws:cdk:bundling-stacks": []}, **options)


@functools.cache
def synthesised(settings: Settings) -> Deployed:
    """What is deployed with these settings."""
    from stacks.memory_stack import MemoryStack  # noqa: PLC0415 -- it imports aws_cdk

    app = new_app(stack_traces=False, tree_metadata=False)  # no test reads them
    stack = MemoryStack(app, settings=settings)
    return Deployed(app.synth().get_stack_by_name(stack.stack_name).template)


@pytest.fixture(scope="session")
def synthesise() -> Synthesise:
    """Synthesises a stack with settings given by name; equal settings once."""
    return lambda **settings: synthesised(Settings.from_context(settings))


@pytest.fixture(scope="session")
def deployed(synthesise: Synthesise) -> Deployed:
    """What is deployed with the default settings."""
    return synthesise()


@pytest.fixture(scope="session")
def everything(synthesise: Synthesise) -> Deployed:
    """What is deployed with all that is off by default."""
    return synthesise(**EVERYTHING)
