"""The console over a running system: its pages without a browser, and its server for one."""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
from starlette.testclient import TestClient

from console.app import build
from local.demo.connect import connect
from local.elevenlabs import Call, CallScript, ElevenLabs, Turn, load_script
from local.lambda_host.toolchain import ROOT
from local.phone import SimulatedPhone
from local.system import System
from ops import dead_letters, forget
from ops.calls import Sources
from ops.deployment import Deployment
from ops.workspace import Workspace
from tests.local.support import until

PORT = 8190
ORIGIN = f"http://127.0.0.1:{PORT}"
TOKEN = "token-of-a-test"
MARIA = "+16125550142"
DAY = 86_400
Open = Callable[..., TestClient]


@pytest.fixture(scope="session")
def system() -> Iterator[System]:
    """A system that is connected, and the environment of its operator."""
    with System(deliver_logs=True) as running, mock.patch.dict(os.environ, running.operator_environment):
        connect(running)
        yield running


@pytest.fixture(scope="session")
def sources(system: System) -> Iterator[Sources]:
    deployment = Deployment(region=system.operator_environment["AWS_REGION"])
    workspace = Workspace(system.elevenlabs.api_key, system.elevenlabs.url)
    with closing(workspace), Sources(deployment, workspace) as opened:
        yield opened


@pytest.fixture(scope="session")
def phone(system: System) -> Iterator[SimulatedPhone]:
    with SimulatedPhone(system) as made:
        yield made


@pytest.fixture(scope="session")
def elevenlabs(system: System) -> Iterator[ElevenLabs]:
    with ElevenLabs(system.elevenlabs.workspace, sleep=lambda _seconds: None) as calls:
        yield calls


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for other machines' clocks need not wait here."""
    monkeypatch.setattr(dead_letters, "WAIT_SECONDS", 0)
    monkeypatch.setattr(forget, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(forget, "POLL_SECONDS", 0.01)


@pytest.fixture
def open_console(sources: Sources, phone: SimulatedPhone) -> Iterator[Open]:
    """Open a console, and be let in: `open_console(allow_changes=False, phone=None)`."""
    clients: list[TestClient] = []

    def make(**options: Any) -> TestClient:
        app = build(sources, token=TOKEN, port=PORT, **{"allow_changes": True, "phone": phone, **options})
        client = TestClient(app, base_url=ORIGIN, headers={"Origin": ORIGIN})
        clients.append(client)
        client.get(f"/?token={TOKEN}", follow_redirects=False)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def console(open_console: Open) -> TestClient:
    """The console of this machine, with everything allowed."""
    return open_console()


@pytest.fixture(scope="session")
def maria(system: System, elevenlabs: ElevenLabs, sources: Sources) -> list[Call]:
    """Maria's two calls, nine days apart; both are remembered."""
    made = []
    for which, days in (("first", 9), ("second", 0)):
        script = load_script(ROOT / "local" / "calls" / f"maria-{which}.json")
        made.append(elevenlabs.run_call(replace(script, start=int(time.time()) - days * DAY)))
        until(lambda: _is_remembered(system, sources, made[-1].conversation_id), "the call is remembered", 30)
    return made


def _is_remembered(system: System, sources: Sources, conversation_id: str) -> bool:
    system.aws.advance_clock(1)  # the worker waits in the queue until Mem0 has extracted the facts
    table = sources.deployment.output("LedgerTable")
    key = {"conversation_id": {"S": conversation_id}}
    return "closed_at" in sources.dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True).get(
        "Item", {}
    )


def call_of(caller_id: str, *words: str, **more: Any) -> CallScript:
    """A call in which the caller says `words`."""
    turns = [
        turn
        for said in words
        for turn in (Turn(role="agent", message="Yes?"), Turn(role="user", message=said))
    ]
    return CallScript(
        kind="phone", caller_id=caller_id, start=int(time.time()) - 60, turns=tuple(turns), summary="", **more
    )


def reference(page: str) -> str:
    """The first caller's reference in a page."""
    found = re.search(r"/callers/([0-9a-f]{24})", page)
    assert found, page
    return found[1]
