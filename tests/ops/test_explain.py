"""`amem explain` and the library behind it, against the running system."""

import datetime as dt
import hashlib
import itertools
import json
import time
import unicodedata
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.elevenlabs import Call, CallScript, ElevenLabs, ToolUse, Turn, load_script, post_call_event
from local.memories import Memories
from local.system import System
from ops import dead_letters
from ops.calls import Sources, call, caller, calls, look_up, search, told_now
from ops.cli import main
from ops.deployment import Deployment
from ops.errors import OperatorError
from ops.workspace import Workspace
from post_call.ledger import FORGOTTEN
from tests.local.support import until

CALLS = Path("local/calls")
NOW = int(time.time())
DAY = 86_400
MARIA = "+16125550142"
KINDS = frozenset({"factual", "semantic"})
CARD = "4111 1111 1111 1111"
WINDOW = Turn(role="user", message="Please open the window of the west wing tomorrow morning.")


@pytest.fixture(autouse=True)
def operator(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator's environment, for the running system instead of the other tests' stack."""
    for name, value in system.operator_environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(dead_letters, "WAIT_SECONDS", 0)


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with System(deliver_logs=True, environment={"RETRY_DELAYS": "1,60"}) as running:
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
def sources() -> Iterator[Sources]:
    with closing(Workspace.from_environment()) as workspace, Sources(Deployment(), workspace) as opened:
        yield opened


def script(caller_id: str | None, *turns: Turn, **more: Any) -> CallScript:
    return CallScript(
        kind="phone", caller_id=caller_id, start=NOW - 60, turns=turns or (WINDOW,), summary="", **more
    )


def explained(capsys: pytest.CaptureFixture[str], conversation_id: str, *options: str) -> dict[str, Any]:
    """What the command writes as JSON."""
    assert main(["explain", conversation_id, "--json", *options]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def comes_to(sources: Sources, conversation_id: str, state: str) -> str:
    """Wait until a call has come to `state`; return why."""
    until(lambda: call(sources, conversation_id).overview.outcome.state == state, f"it is {state}", 30)
    return call(sources, conversation_id).overview.outcome.reason


@contextmanager
def failing_adds(system: System, status: int) -> Iterator[None]:
    """Let every add fail with `status`."""
    faults = f"{system.mem0_url}/_faults"
    httpx.put(faults, json=[{"operation": "add", "status": status}], trust_env=False).raise_for_status()
    yield
    httpx.delete(faults, trust_env=False).raise_for_status()


def test_each_line_that_the_agent_was_told_names_the_call_it_comes_from(
    maria: list[Call], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = maria
    assert explained(capsys, first.conversation_id)["told"]["lines"] == []
    lines = explained(capsys, second.conversation_id)["told"]["lines"]
    assert {line["memory"]["conversation_id"] for line in lines} == {first.conversation_id}
    assert {line["memory"]["kind"] for line in lines} == {"fact", "summary", "passage"}
    assert {line["section"] for line in lines} == {"Facts:", "Earlier calls:", "What was said:"}


def test_prompt_and_variables_are_those_of_the_call(maria: list[Call], sources: Sources) -> None:
    told = call(sources, maria[1].conversation_id).told
    assert told
    assert maria[1].initiation
    assert told.prompt == maria[1].initiation.prompt
    assert told.variables["memory_count"] == "16"
    assert not [name for name in told.variables if name.startswith(("secret__", "system__"))]


def test_look_ups_are_told_with_what_was_found(maria: list[Call], sources: Sources) -> None:
    (used,) = call(sources, maria[1].conversation_id).look_ups
    assert (used.tool, used.query) == ("recall_memory", "who has the spare key and can let the doctor in")
    assert used.memories
    assert "Piotr" in used.memories[0]["memory"]


def test_what_a_call_left_is_told_by_kind(maria: list[Call], sources: Sources) -> None:
    comes_to(sources, maria[0].conversation_id, "remembered")
    found = call(sources, maria[0].conversation_id)
    kinds = [memory.kind for memory in found.left.memories]
    assert found.overview.outcome.state == "remembered"
    assert kinds == sorted(kinds, key=["fact", "summary", "passage"].index)
    assert {memory.conversation_id for memory in found.left.memories} == {maria[0].conversation_id}
    assert found.overview.left == len(kinds)


def test_times_of_every_step_are_known(maria: list[Call], sources: Sources) -> None:
    comes_to(sources, maria[1].conversation_id, "remembered")
    until(lambda: call(sources, maria[1].conversation_id).times.webhook, "the log is delivered")
    until(lambda: call(sources, maria[1].conversation_id).times.remembered, "the worker has noted it", 30)
    times = call(sources, maria[1].conversation_id).times
    assert times.rang
    assert times.client_data_ms
    assert times.webhook
    assert times.accepted
    assert times.remembered
    assert times.rang <= times.webhook
    assert times.accepted <= times.remembered


def test_text_is_readable_and_holds_no_number(maria: list[Call], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", maria[1].conversation_id, "--search-again"]) == 0
    text = capsys.readouterr().out
    headings = [line for line in text.splitlines() if line and not line.startswith(" ")][2:]
    assert headings == [
        "What the agent was told before the call",
        "What it looked up",
        "What the call left in memory",
        "Times (UTC)",
    ]
    assert f"from {maria[0].conversation_id}, " in text
    assert "as of now, who has the spare key" in text
    assert MARIA not in text


@pytest.mark.usefixtures("maria")
def test_look_up_done_again_says_what_is_chosen_and_why_not_the_rest(sources: Sources) -> None:
    found = look_up(sources, MARIA, "who has the spare key")
    assert any("Piotr" in answer.text for answer in found.answers)
    assert {candidate.chosen for candidate in found.candidates} == {True, False}
    assert all(candidate.reason for candidate in found.candidates)
    stated = [
        candidate for candidate in found.candidates if candidate.memory.text == "You think of everything."
    ]
    assert [candidate.chosen for candidate in stated] == [False], "it only stands in a passage"
    assert "says it already" in stated[0].reason


def test_told_now_is_what_the_function_answers(maria: list[Call], system: System, sources: Sources) -> None:
    body = {"caller_id": MARIA, "agent_id": maria[0].script.agent_id, "called_number": "", "call_sid": ""}
    key = {"X-Workspace-Key": system.endpoints.workspace_key}
    answer = httpx.post(system.endpoints.client_data_url, json=body, headers=key, trust_env=False).json()
    now = told_now(sources, "+1 (612) 555-0142", maria[0].script.agent_id)
    assert now.prompt == answer["conversation_config_override"]["agent"]["prompt"]["prompt"]
    assert now.variables == {
        name: value for name, value in answer["dynamic_variables"].items() if name != "secret__memory_token"
    }


@pytest.mark.usefixtures("maria")
def test_search_is_what_the_function_answers(system: System, sources: Sources) -> None:
    body = {"user_id": MARIA, "query": "spare key"}
    answer = httpx.post(system.endpoints.retrieve_url, json=body, trust_env=False).json()["memories"]
    found = search(sources, MARIA, "spare key")
    assert [(item["memory"], item["score"]) for item in answer] == [(one.text, one.score) for one in found]


def test_caller_has_the_newest_call_first(maria: list[Call], sources: Sources) -> None:
    found = caller(sources, MARIA).memories
    assert found[0].kind == "fact"
    assert [key for key, _ in itertools.groupby(memory.conversation_id for memory in found)] == [
        maria[1].conversation_id,
        maria[0].conversation_id,
    ]


@pytest.mark.parametrize("nobody", ["*", "", "anonymous"])
def test_nobody_has_no_memories(sources: Sources, nobody: str) -> None:
    with pytest.raises(OperatorError):
        caller(sources, nobody)


def test_secrets_are_counted_and_not_shown(
    elevenlabs: ElevenLabs, capsys: pytest.CaptureFixture[str]
) -> None:
    said = Turn(role="user", message=f"My card number is {CARD}, please book the cabin with the stove.")
    made = elevenlabs.run_call(script("+16125550150", said))
    found = explained(capsys, made.conversation_id)
    assert found["left"]["redacted"] == {"[card number]": 1}
    assert CARD not in json.dumps(found)


def test_terminal_is_sent_nothing_that_it_could_obey(
    elevenlabs: ElevenLabs, capsys: pytest.CaptureFixture[str]
) -> None:
    query = {"query": "\x1b]0;owned\x07 \x9b31m red \u202e"}
    asked = Turn(role="agent", message="Let me see.", tool=ToolUse(name="recall_memory", arguments=query))
    made = elevenlabs.run_call(script("+16125550151", WINDOW, asked))
    for options in ([], ["--json"]):
        assert main(["explain", made.conversation_id, *options]) == 0
        output = capsys.readouterr().out
        assert "owned" in output
        assert not [sign for sign in output if unicodedata.category(sign) == "Cc" and sign != "\n"]


@pytest.mark.parametrize(
    ("caller_id", "said", "reason"),
    [
        ("anonymous", WINDOW, "withheld"),
        ("+16125550152", Turn(role="user", message="Hello?"), "said nothing but a greeting"),
        ("+16125550153", Turn(role="agent", message="Hello, this is Nora."), "said nothing"),
    ],
)
def test_call_that_is_left_out_says_why(
    elevenlabs: ElevenLabs, sources: Sources, caller_id: str, said: Turn, reason: str
) -> None:
    made = elevenlabs.run_call(script(caller_id, said))
    found = call(sources, made.conversation_id)
    assert found.overview.outcome.state == "left out"
    assert reason in found.overview.outcome.reason
    assert not found.left.memories


def test_dead_letter_has_its_reason(system: System, elevenlabs: ElevenLabs, sources: Sources) -> None:
    with failing_adds(system, 400):
        made = elevenlabs.run_call(script("+16125550154"))
        assert "400" in comes_to(sources, made.conversation_id, "dead letter")


def test_call_that_is_tried_again_is_waiting(
    system: System, elevenlabs: ElevenLabs, sources: Sources
) -> None:
    with failing_adds(system, 503):
        made = elevenlabs.run_call(script("+16125550155"))
        assert "it is in the queue" in comes_to(sources, made.conversation_id, "waiting")


def test_call_without_a_webhook_is_for_backfill(system: System, sources: Sources) -> None:
    event = post_call_event(script("+16125550156"), "conv_without_webhook")
    system.elevenlabs.workspace.seed([event["data"]])
    outcome = call(sources, "conv_without_webhook").overview.outcome
    assert outcome.state == "no webhook"
    assert "amem backfill" in outcome.reason


def test_call_that_mem0_still_extracts_is_waiting(
    system: System, elevenlabs: ElevenLabs, sources: Sources
) -> None:
    """Though its passages are there already."""
    faults = f"{system.mem0_url}/_faults"
    rule = {"operation": "infer", "latency_seconds": 4}
    httpx.put(faults, json=[rule], trust_env=False).raise_for_status()
    made = elevenlabs.run_call(script("+16125550196"))
    httpx.delete(faults, trust_env=False).raise_for_status()
    until(lambda: call(sources, made.conversation_id).left.memories, "its passages are there", 30)
    until(lambda: call(sources, made.conversation_id).times.accepted, "Mem0 has accepted it", 30)
    outcome = call(sources, made.conversation_id).overview.outcome
    assert (outcome.state, "Mem0" in outcome.reason) == ("waiting", True)


def test_call_of_a_forgotten_caller_is_forgotten(
    system: System, elevenlabs: ElevenLabs, sources: Sources
) -> None:
    user_id = "+16125550157"
    key = FORGOTTEN + hashlib.sha256(user_id.encode()).hexdigest()
    item = {"conversation_id": {"S": key}, "forgotten_until": {"N": str(NOW + DAY)}}
    sources.dynamodb.put_item(TableName=system.ledger_table, Item=item)
    made = elevenlabs.run_call(script(user_id))
    comes_to(sources, made.conversation_id, "forgotten")


def test_calls_are_listed_newest_first_and_each_once(system: System, sources: Sources) -> None:
    ids = [f"conv_same_second_{number}" for number in range(5)]
    events = [
        post_call_event(replace(script("+16125550158"), start=NOW - 30 * DAY), id_)["data"] for id_ in ids
    ]
    system.elevenlabs.workspace.seed(events)
    listed, before = [], (dt.datetime.fromtimestamp(NOW - 29 * DAY, dt.UTC), "")
    while page := list(calls(sources, 2, before=before)):
        listed += page
        before = (page[-1].began, page[-1].conversation_id)
    assert sorted(brief.conversation_id for brief in listed) == ids
    newest = list(calls(sources, 3))
    assert len(newest) == 3
    assert newest == sorted(newest, key=lambda brief: brief.began, reverse=True)


def test_call_that_was_deleted_meanwhile_is_passed_over(system: System, sources: Sources) -> None:
    event = post_call_event(script("+16125550159"), "conv_deleted")
    system.elevenlabs.workspace.seed([event["data"]])
    system.elevenlabs.set_faults({"operation": "conversations.get", "status": 404})
    assert list(calls(sources, 1)) == []
    system.elevenlabs.set_faults()
    assert len(list(calls(sources, 1))) == 1


def test_overview_counts_what_the_agent_was_told(maria: list[Call], sources: Sources) -> None:
    comes_to(sources, maria[1].conversation_id, "remembered")
    found = {brief.conversation_id: brief for brief in calls(sources, 100)}
    second = found[maria[1].conversation_id]
    assert (second.user_id, second.told, second.outcome.state) == (MARIA, 16, "remembered")


@pytest.mark.parametrize(("conversation_id", "code"), [("conv_unknown", 1), ("../../v1/user", 2)])
def test_conversation_that_is_not_there_is_an_error(
    capsys: pytest.CaptureFixture[str], conversation_id: str, code: int
) -> None:
    assert main(["explain", conversation_id]) == code
    assert capsys.readouterr().err.startswith("error: ")
