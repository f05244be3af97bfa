"""What CDK hands to AWS, made once by the command line as the README tells it."""

import os
import subprocess
from pathlib import Path

import pytest

from stacks.settings import Settings
from tests.infra.conftest import ROOT, synthesised
from tests.infra.deployed import Deployed


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


@pytest.fixture(scope="session")
def deployed() -> Deployed:
    """The template that `tests/infra` states everything of."""
    return synthesised(Settings.from_context({}))
