"""Calls on the page "Try it" in odd orders: forms sent twice or late, workspaces not connected."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from local import phone as module
from local.elevenlabs import Call as ElevenLabsCall
from local.elevenlabs.delivery import Delivery
from local.phone import SimulatedPhone
from local.system import System
from ops.calls import Sources
from tests.console.conftest import ORIGIN
from tests.console.test_pages import text

AGENT = "agent_01lindenstreetvet"
CALLER = "+16125550194"


def ring(console: TestClient, caller_id: str = CALLER) -> str:
    """The address of a call that was begun."""
    answer = console.post("/try", data={"caller_id": caller_id, "agent_id": AGENT})
    assert answer.status_code == 200, answer.text
    return str(answer.url).removeprefix(ORIGIN)


def test_call_that_is_hung_up_by_several_is_delivered_once(
    console: TestClient, phone: SimulatedPhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered = []
    deliver = phone._elevenlabs.end_call

    def end_call(call: ElevenLabsCall) -> Delivery:
        delivered.append(call.conversation_id)
        return deliver(call)

    monkeypatch.setattr(phone._elevenlabs, "end_call", end_call)
    address = ring(console)
    with ThreadPoolExecutor(4) as people:
        answers = list(people.map(lambda _: console.post(f"{address}/hang-up"), range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert delivered == [address.rpartition("/")[2]]


@pytest.mark.parametrize("late", [{"say": "words"}, {"look-up": "query"}, {"hang-up": "nothing"}])
def test_what_comes_after_the_call_shows_the_call(console: TestClient, late: dict[str, str]) -> None:
    address = ring(console)
    console.post(f"{address}/hang-up")
    for what, field in late.items():
        answer = console.post(f"{address}/{what}", data={field: "Am I too late with the zeppelin?"})
        assert answer.status_code == 200
        assert "What became of it" in answer.text
        assert "zeppelin" not in answer.text


def test_call_that_is_long_enough_can_be_hung_up(
    console: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_TURNS", 3)
    address = ring(console)
    for _ in range(2):
        said = console.post(f"{address}/say", data={"words": "And another thing."})
    assert said.status_code == 400
    assert "hang up" in said.text
    assert "What became of it" in console.post(f"{address}/hang-up").text


@pytest.mark.parametrize(
    "caller_id", ["", "   ", "x" * 65, "\u202e+16125550194", "+1612555\x000194"], ids=repr
)
def test_number_that_is_none_is_refused(console: TestClient, caller_id: str) -> None:
    answer = console.post("/try", data={"caller_id": caller_id, "agent_id": AGENT})
    assert answer.status_code == 400
    assert "type a number" in answer.text


@pytest.mark.parametrize("words", ["   ", "\N{GOAT}", "<b>bold</b>", "w" * 2000])
def test_anything_may_be_said(console: TestClient, words: str) -> None:
    address = ring(console)
    answer = console.post(f"{address}/say", data={"words": words})
    assert answer.status_code == 200
    assert text(answer.text).count(words.strip()) or "<b>" in words
    assert "<b>" not in answer.text


def test_workspace_without_a_webhook_is_told_and_nobody_waits(
    console: TestClient, system: System, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sources
    monkeypatch.setattr(system.elevenlabs.workspace, "post_call_webhook", lambda *_: (None, {}))
    address = ring(console)
    answer = console.post(f"{address}/hang-up")
    words = text(answer.text)
    assert "No webhook was delivered" in words
    assert "Not remembered" in words
    assert "A worker takes" not in words
    assert not re.search(r'hx-get="/try', answer.text)


def test_agent_without_the_tool_is_told(console: TestClient, phone: SimulatedPhone) -> None:
    address = ring(console)
    call = phone._lines[address.rpartition("/")[2]].call
    call.agent = replace(call.agent, tools=())
    words = text(console.post(f"{address}/look-up", data={"query": "keys"}).text)
    assert "The agent has no such tool." in words
