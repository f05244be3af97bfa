"""A whole call against a small system: what is sent before, during and after it."""

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from local.elevenlabs import CallScript, ElevenLabs, ToolUse, Turn, Workspace
from tests.local.fake_system import NAMES, FakeSystem, client_data

ASK = ToolUse(name="recall_memory", arguments={"query": "where is the spare key", "user_id": "+447700900999"})
SCRIPT = CallScript(
    kind="phone",
    caller_id="+16125550142",
    start=1_790_000_000,
    turns=(
        Turn(role="agent", message="Hello, how can I help you?"),
        Turn(role="user", message="The spare key is under the blue pot."),
        Turn(role="agent", message="Let me look.", tool=ASK),
        Turn(role="agent", message=None, tool=ToolUse(name="end_call", result="ok")),
    ),
    summary="The spare key is under the blue pot.",
)


def run(system: FakeSystem, script: CallScript = SCRIPT) -> Any:
    waits: list[float] = []
    rng = random.Random(1)
    with ElevenLabs(Workspace.connected(system.endpoints), sleep=waits.append, rng=rng) as elevenlabs:
        return elevenlabs.run_call(script)


def test_before_the_call_client_data_is_asked_with_the_documented_fields() -> None:
    with FakeSystem() as system:
        call = run(system)
    (request,) = system.to("/client-data")
    assert call.accepted
    assert request.header("x-workspace-key") == "local-workspace-key"
    assert request.header("content-type") == "application/json"
    assert json.loads(request.body) == {
        "caller_id": "+16125550142",
        "agent_id": SCRIPT.agent_id,
        "called_number": SCRIPT.called_number,
        "call_sid": call.event["data"]["metadata"]["phone_call"]["call_sid"],
    }


def test_during_the_call_the_llm_cannot_choose_whose_memory_it_reads() -> None:
    with FakeSystem() as system:
        run(system)
    (request,) = system.to("/retrieve")
    assert json.loads(request.body) == {"query": "where is the spare key", "user_id": "+16125550142"}
    assert request.header("x-memory-token") == "token-of-+16125550142"


def test_after_the_call_the_payload_tells_all_of_it() -> None:
    with FakeSystem() as system:
        call = run(system)
        again = run(system)
    data = call.event["data"]
    results = [result for turn in data["transcript"] for result in turn["tool_results"]]
    assert [result["tool_name"] for result in results] == ["recall_memory", "end_call"]
    assert results[0]["result_value"] == '{"memories":[]}'
    assert "blue pot" in again.tool_results[0].result
    variables = data["conversation_initiation_client_data"]["dynamic_variables"]
    assert variables["secret__memory_token"] == "<REDACTED>"
    assert variables["system__caller_id"] == "+16125550142"
    assert call.conversation_id != again.conversation_id
    assert "token-of" not in system.to("/post-call")[0].body.decode()


def test_delivery_that_fails_is_tried_again() -> None:
    with FakeSystem(statuses=[500, 503, 429]) as system:
        call = run(system)
    assert call.accepted
    assert [attempt.reply.status for attempt in call.delivery.attempts] == [500, 503, 429, 200]
    assert len({request.body for request in system.to("/post-call")}) == 1


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (500, {"error": "Mem0 is down"}),
        (201, client_data(dict.fromkeys(NAMES, "x"))),
        (200, client_data({})),
        (200, b"<html>"),
    ],
)
def test_call_that_cannot_start_does_not_take_place(status: int, answer: Any) -> None:
    with FakeSystem(client_data=(status, answer)) as system:
        call = run(system)
    assert call.problem
    assert not call.accepted
    assert not system.to("/retrieve")
    assert not system.to("/post-call")


def test_web_call_asks_nobody_and_names_its_user() -> None:
    script = replace(SCRIPT, kind="web", caller_id=None, user_id="reader-1", turns=SCRIPT.turns[:2])
    with FakeSystem() as system:
        call = run(system, script)
    assert not system.to("/client-data")
    assert call.event["data"]["metadata"]["phone_call"] is None
    assert call.event["data"]["user_id"] == "reader-1"
    assert system.memories[0]["user_id"] == "reader-1"


def test_unreachable_system_is_a_problem_and_no_exception() -> None:
    with FakeSystem() as system:
        endpoints = system.endpoints
    with ElevenLabs(Workspace.connected(endpoints)) as elevenlabs:
        assert "initiation webhook" in elevenlabs.run_call(SCRIPT).problem
        delivery = elevenlabs.deliver(b"{}", "post_call_transcription")
    assert delivery.last.status is None
    assert len(delivery.attempts) == 1
