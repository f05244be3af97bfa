"""One synthesis for all tests of the template, and one by the command line for the others."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# CDK's own validation takes seconds a synth; the one by the command line keeps it. aws_cdk reads this as it
# is imported.
os.environ["CDK_VALIDATION"] = "false"

from stacks.memory_stack import MemoryStack
from stacks.settings import Settings
from tests.infra.deployed import Deployed

ROOT = Path(__file__).resolve().parents[2]

Synthesise = Callable[..., Deployed]


def new_app(**options: Any) -> Any:
    """An app with the flags of cdk.json, which App() alone does not read; it builds no layer."""
    import aws_cdk as cdk  # noqa: PLC0415 -- only once the environment is set

    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    return cdk.App(context={**flags, "aws:cdk:bundling-stacks": []}, **options)


@pytest.fixture(scope="session")
def synthesise() -> Synthesise:
    """Synthesises a stack with settings given by name."""

    def with_settings(**settings: Any) -> Deployed:
        app = new_app()
        stack = MemoryStack(app, settings=Settings.from_context(settings))
        return Deployed(app.synth().get_stack_by_name(stack.stack_name).template)

    return with_settings


@pytest.fixture(scope="session")
def deployed(synthesise: Synthesise) -> Deployed:
    """What is deployed with the default settings."""
    return synthesise()


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `npx cdk synth` writes on a machine with no credentials and no environment: only PATH and HOME."""
    home = tmp_path_factory.mktemp("home")
    out = tmp_path_factory.mktemp("assembly") / "cdk.out"
    subprocess.run(
        ["npx", "cdk", "synth", "--quiet", "--output", str(out)],  # noqa: S607 -- as the README tells it
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return out
