"""`amem explain` and the calls behind it, against the running system: what callers left and agents were told."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.elevenlabs import Call, CallScript, ElevenLabs, ToolUse, Turn, load_script
from local.memories import Memories
from local.system import System
from ops import dead_letters
from ops.calls import Sources, call, caller, calls, look_up, search, told_now
from ops.cli import main
from ops.deployment import Deployment
from ops.errors import OperatorError
from ops.workspace import Workspace
from tests.local.support import until

CALLS = Path("local/calls")
NOW = int(time.time())
DAY = 86_400
MARIA = "+16125550142"
KINDS = {"factual", "semantic"}
CARD = "4111 1111 1111 1111"
OPENING_DOORS = Turn(role="user", message="Please open the window of the west wing tomorrow morning.")


@pytest.fixture(autouse=True)
def operator(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator's environment, for the running system instead of the other tests' stack."""
    use(system, monkeypatch)


def use(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": system.aws.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "ELEVENLABS_API_KEY": system.elevenlabs.api_key,
        "ELEVENLABS_BASE_URL": system.elevenlabs.url,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(dead_letters, "WAIT_SECONDS", 0)


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with System(deliver_logs=True, environment={"RETRY_DELAYS": "1", "TRIES": "1"}) as running:
        running.elevenlabs.workspace.connect(running.endpoints)
        yield running


@pytest.fixture(scope="module")
def elevenlabs(system: System) -> Iterator[ElevenLabs]:
    with ElevenLabs(system.elevenlabs.workspace, sleep=lambda _seconds: None) as calls_:
        yield calls_


@pytest.fixture(scope="module")
def maria(system: System, elevenlabs: ElevenLabs) -> list[Call]:
    """Maria's two calls, nine days apart; the second is told of the first and looks something up."""
    scripts = [load_script(CALLS / f"maria-{which}.json") for which in ("first", "second")]
    made = []
    with Memories(system.endpoints) as memories:
        for script, days in zip(scripts, (9, 0), strict=True):
            made.append(elevenlabs.run_call(replace(script, start=NOW - days * DAY)))
            assert memories.wait_for(made[-1].conversation_id, KINDS, 30)
    return made


@pytest.fixture
def sources(system: System, operator: None) -> Sources:
    return Sources(Deployment("prod"), Workspace.from_environment())


def script(caller_id: str | None, *turns: Turn, **more: Any) -> CallScript:
    return CallScript(
        kind="phone", caller_id=caller_id, start=NOW - 60, turns=turns or (OPENING_DOORS,), summary="", **more
    )
