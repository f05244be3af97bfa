"""The sample calls have the platform's shape, and show what each is there to show."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from elevenlabs.types.get_conversation_response_model import GetConversationResponseModel

from local.elevenlabs import CallScript, encode, load_script, post_call_event

CALLS = Path(__file__).parents[2] / "local" / "calls"
FILES = sorted(CALLS.glob("*.json"))
TALKS = [file for file in FILES if file.stem not in ("audio", "failure")]


def data_of(name: str) -> dict[str, Any]:
    event = post_call_event(load_script(CALLS / f"{name}.json"), "conv_sample")
    data: dict[str, Any] = event["data"]
    return data


def test_all_samples_are_there() -> None:
    assert {file.stem for file in FILES} == {
        "agent-only",
        "audio",
        "failure",
        "long",
        "maria-first",
        "maria-second",
        "sip",
        "web",
        "withheld",
    }


def test_readme_names_each_of_them() -> None:
    readme = (CALLS / "README.md").read_text(encoding="utf-8")
    assert all(f"`{file.name}`" in readme for file in FILES)


@pytest.mark.parametrize("file", TALKS, ids=lambda file: file.stem)
def test_payload_is_what_the_sdk_reads(file: Path) -> None:
    data = data_of(file.stem)
    parsed = GetConversationResponseModel.model_validate(data)
    assert len(parsed.transcript) == len(data["transcript"])
    assert not parsed.model_extra
    assert not any(turn.model_extra for turn in parsed.transcript)
    assert not parsed.metadata.model_extra
    if data["metadata"]["phone_call"]:
        assert parsed.metadata.phone_call
        assert parsed.metadata.phone_call.type == data["metadata"]["phone_call"]["type"]


@pytest.mark.parametrize("file", TALKS, ids=lambda file: file.stem)
def test_calls_times_rise_and_end_with_the_call(file: Path) -> None:
    data = data_of(file.stem)
    times = [turn["time_in_call_secs"] for turn in data["transcript"]]
    assert times == sorted(times)
    assert times[-1] <= data["metadata"]["call_duration_secs"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_event_is_one_envelope_of_json(file: Path) -> None:
    event = post_call_event(load_script(file), "conv_sample")
    assert json.loads(encode(event)) == event
    assert event.keys() == {"type", "event_timestamp", "data"}
    assert isinstance(event["event_timestamp"], int)


def test_long_call_has_every_kind_of_turn() -> None:
    script = load_script(CALLS / "long.json")
    turns = data_of("long")["transcript"]
    messages = [turn["message"] for turn in turns]
    assert len(script.turns) > 150
    assert {None, "", "..."} <= set(messages)
    assert sum(1 for message in messages if message in (None, "", "...")) > 10
    cut = [turn for turn in turns if turn["interrupted"]]
    assert len(cut) >= 5
    assert all(turn["original_message"].startswith(turn["message"]) for turn in cut)
    assert (
        sum(len(turn["tool_calls"]) for turn in turns) == sum(len(turn["tool_results"]) for turn in turns) > 5
    )
    assert any(result["is_error"] for turn in turns for result in turn["tool_results"])
    assert any(turn["source_medium"] == "dtmf" for turn in turns)
    assert len(set(spoken(script))) > 0.97 * len(spoken(script)), "the long call repeats itself"
    assert len(encode(post_call_event(script, "conv_sample"))) > 100_000


def test_web_call_has_no_phone_and_a_user() -> None:
    data = data_of("web")
    assert data["metadata"]["phone_call"] is None
    assert data["user_id"]
    assert data["conversation_initiation_client_data"]["dynamic_variables"]["system__caller_id"] is None


def test_sip_call_spells_its_caller_in_two_ways() -> None:
    data = data_of("sip")
    assert data["metadata"]["phone_call"]["type"] == "sip_trunking"
    assert data["metadata"]["phone_call"]["external_number"] == "447700900123"
    caller = data["conversation_initiation_client_data"]["dynamic_variables"]["system__caller_id"]
    assert caller.startswith("sip:447700900123@")


def test_withheld_call_names_nobody() -> None:
    data = data_of("withheld")
    assert data["metadata"]["phone_call"]["external_number"] == "+266696687"
    assert data["user_id"] is None


def test_in_the_agent_only_call_the_caller_says_nothing() -> None:
    data = data_of("agent-only")
    assert data["analysis"] is None
    assert not [word for word in spoken(load_script(CALLS / "agent-only.json"), "user") if word.strip(". ")]


def test_events_without_a_conversation() -> None:
    audio = post_call_event(load_script(CALLS / "audio.json"), "conv_sample")
    assert audio["type"] == "post_call_audio"
    assert base64.b64decode(audio["data"]["full_audio"], validate=True)[:2] == b"\xff\xfb"
    failure = post_call_event(load_script(CALLS / "failure.json"), "conv_sample")
    assert failure["type"] == "call_initiation_failure"
    assert failure["data"]["failure_reason"] == "no-answer"
    assert "transcript" not in failure["data"]


def test_second_call_looks_for_what_was_said_in_the_first() -> None:
    first, second = (load_script(CALLS / f"maria-{name}.json") for name in ("first", "second"))
    said = " ".join(spoken(first, "user"))
    assert first.caller_id == second.caller_id
    assert first.start < second.start
    assert first.remember
    assert all(word in said for word in first.remember)
    assert all(word in said for tool in second.tools for word in tool.expect)
    assert [word for tool in second.tools for word in tool.expect]
    before = " ".join(spoken(second)[: [turn.tool is not None for turn in second.turns].index(True)])
    assert not [word for tool in second.tools for word in tool.expect if word in before]


def spoken(script: CallScript, role: str | None = None) -> list[str]:
    return [turn.message for turn in script.turns if turn.message and role in (None, turn.role)]
