"""Call scripts, what becomes of them as payloads, and payloads that users have saved."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from elevenlabs.types.get_conversation_response_model import GetConversationResponseModel

from local.elevenlabs import (
    CallScript,
    ScriptError,
    encode,
    is_script,
    load_saved,
    load_script,
    parse_saved,
    parse_script,
    post_call_event,
)

CALLS = Path(__file__).parents[2] / "local" / "calls"
FILES = sorted(CALLS.glob("*.json"))
CONVERSATIONS = [file for file in FILES if file.stem not in ("audio", "failure")]
GOOD: dict[str, Any] = {
    "kind": "phone",
    "start": "2026-11-10T22:40:00Z",
    "caller_id": "+16125550142",
    "turns": [{"role": "agent", "message": "Hello"}],
}


def event_of(name: str) -> dict[str, Any]:
    return post_call_event(load_script(CALLS / f"{name}.json"), "conv_sample")


def data_of(name: str) -> dict[str, Any]:
    data: dict[str, Any] = event_of(name)["data"]
    return data


def spoken(script: CallScript, role: str | None = None) -> list[str]:
    return [turn.message for turn in script.turns if turn.message and role in (None, turn.role)]


def test_script_has_defaults_and_a_time_without_an_offset_is_utc() -> None:
    script = parse_script({**GOOD, "start": "2026-11-10T22:40:00"})
    assert script.start == parse_script(GOOD).start == 1794350400
    turn = script.turns[0]
    assert (turn.medium, turn.interrupted, turn.tool, turn.at) == ("audio", False, None, None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "fax"}, "kind: Input should be 'phone', 'sip', 'web', 'audio' or 'failure', not 'fax'"),
        ({"start": "soon"}, "start: Value error, Invalid isoformat string: 'soon'"),
        ({"start": None}, "start: Input should be a valid integer"),
        ({"caller_id": None}, "a phone call has a caller_id"),
        ({"caller": "+16125550142"}, "caller: Unexpected keyword argument"),
        ({"turns": []}, "a call has at least one turn"),
        ({"turns": ["Hello"]}, "turns.0: Input should be an object"),
        ({"turns": [{"role": "caller"}]}, "turns.0.role: Input should be 'user' or 'agent'"),
        ({"turns": [{"role": "user", "massage": "x"}]}, "turns.0.massage: Unexpected keyword argument"),
        ({"turns": [{"role": "user", "tool": {"name": "x"}}]}, "only the agent uses tools"),
        ({"turns": [{"role": "agent", "interrupted": 1}]}, "turns.0.interrupted: Input should be"),
        ({"turns": [{"role": "agent", "at": True}]}, "turns.0.at: Input should be a valid integer"),
        ({"collected": {"name": ["x"]}}, "collected.name"),
        ({"remember": [""]}, "remember.0: String should match pattern"),
        ({"kind": "audio"}, "an audio event has audio"),
        ({"kind": "failure"}, "a failure has a failure_reason"),
    ],
)
def test_wrong_script_is_an_error_that_names_the_place(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ScriptError, match=r"^script: ") as error:
        parse_script({**GOOD, **change})
    assert words in str(error.value)


@pytest.mark.parametrize("load", [load_script, load_saved])
def test_unreadable_file_is_an_error(tmp_path: Path, load: Any) -> None:
    with pytest.raises(ScriptError, match="cannot be read"):
        load(tmp_path / "nowhere.json")
    (tmp_path / "broken.json").write_bytes(b"\xff{")
    with pytest.raises(ScriptError, match="is not JSON"):
        load(tmp_path / "broken.json")


def test_readme_names_each_sample() -> None:
    readme = (CALLS / "README.md").read_text(encoding="utf-8")
    assert len(FILES) == 9
    assert all(f"`{file.name}`" in readme for file in FILES)


@pytest.mark.parametrize("file", CONVERSATIONS, ids=lambda file: file.stem)
def test_payload_is_what_the_sdk_reads(file: Path) -> None:
    event = event_of(file.stem)
    assert event.keys() == {"type", "event_timestamp", "data"}
    data = event["data"]
    parsed = GetConversationResponseModel.model_validate(data)
    assert len(parsed.transcript) == len(data["transcript"])
    assert not parsed.model_extra
    assert not parsed.metadata.model_extra
    assert not any(turn.model_extra for turn in parsed.transcript)
    if data["metadata"]["phone_call"]:
        assert parsed.metadata.phone_call
        assert parsed.metadata.phone_call.type == data["metadata"]["phone_call"]["type"]
    times = [turn["time_in_call_secs"] for turn in data["transcript"]]
    assert times == sorted(times)
    assert times[-1] <= data["metadata"]["call_duration_secs"]


def test_long_call_has_every_kind_of_turn() -> None:
    script = load_script(CALLS / "long.json")
    turns = data_of("long")["transcript"]
    messages = [turn["message"] for turn in turns]
    assert len(script.turns) > 150
    assert {None, "", "..."} <= set(messages)
    cut = [turn for turn in turns if turn["interrupted"]]
    assert len(cut) >= 5
    assert all(turn["original_message"].startswith(turn["message"]) for turn in cut)
    results = [result for turn in turns for result in turn["tool_results"]]
    assert len(results) == sum(len(turn["tool_calls"]) for turn in turns) > 5
    assert any(result["is_error"] for result in results)
    assert any(turn["source_medium"] == "dtmf" for turn in turns)
    assert len(set(spoken(script))) > 0.97 * len(spoken(script)), "the long call repeats itself"
    assert len(encode(event_of("long"))) > 100_000


def test_samples_show_the_spellings_of_a_caller() -> None:
    web, sip, withheld = data_of("web"), data_of("sip"), data_of("withheld")
    variables = [data["conversation_initiation_client_data"]["dynamic_variables"] for data in (web, sip)]
    assert web["metadata"]["phone_call"] is None
    assert (bool(web["user_id"]), variables[0]["system__caller_id"]) == (True, None)
    assert sip["metadata"]["phone_call"]["external_number"] == "447700900123"
    assert variables[1]["system__caller_id"].startswith("sip:447700900123@")
    assert (withheld["metadata"]["phone_call"]["external_number"], withheld["user_id"]) == (
        "+266696687",
        None,
    )


def test_samples_show_calls_without_words_and_events_without_a_call() -> None:
    assert data_of("agent-only")["analysis"] is None
    assert not [word for word in spoken(load_script(CALLS / "agent-only.json"), "user") if word.strip(". ")]
    audio, failure = event_of("audio"), event_of("failure")
    assert audio["type"] == "post_call_audio"
    assert base64.b64decode(audio["data"]["full_audio"], validate=True)[:2] == b"\xff\xfb"
    assert (failure["type"], failure["data"]["failure_reason"]) == ("call_initiation_failure", "no-answer")
    assert "transcript" not in failure["data"]


def test_second_call_looks_for_what_was_said_in_the_first() -> None:
    first, second = (load_script(CALLS / f"maria-{name}.json") for name in ("first", "second"))
    expected = [word for tool in second.tools for word in tool.expect]
    assert (first.caller_id, first.start < second.start) == (second.caller_id, True)
    assert expected
    said = " ".join(spoken(first, "user"))
    assert all(word in said for word in [*expected, *first.remember])
    before = " ".join(spoken(second)[: [turn.tool is not None for turn in second.turns].index(True)])
    assert not [word for word in expected if word in before]


def save(folder: Path, content: object) -> Path:
    file = folder / "saved.json"
    file.write_text(json.dumps(content, indent=2), encoding="utf-8")
    return file


@pytest.mark.parametrize("wrapped", [False, True], ids=["event", "array of one"])
def test_saved_event_is_delivered_byte_for_byte(tmp_path: Path, wrapped: bool) -> None:
    event = event_of("maria-first")
    file = save(tmp_path, [event] if wrapped else event)
    saved = load_saved(file)
    assert saved.body == file.read_bytes()
    assert (saved.conversation_id, saved.caller, saved.spoken) == ("conv_sample", "+16125550142", 6)
    assert saved.leaves_memories
    assert not saved.note


def test_bare_conversation_is_put_into_an_event(tmp_path: Path) -> None:
    data = data_of("maria-first")
    saved = load_saved(save(tmp_path, data))
    sent = json.loads(saved.body)
    assert (sent["type"], sent["data"]) == ("post_call_transcription", data)
    metadata = data["metadata"]
    assert sent["event_timestamp"] == metadata["start_time_unix_secs"] + metadata["call_duration_secs"]
    assert "bare conversation" in saved.note


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], "list of 0"),
        ([{}, {}], "list of 2"),
        ("text", "saved.json: Input should be a valid dictionary"),
        ({}, "saved.json: type: Field required"),
        ({"type": 1, "data": {}}, "saved.json: type: Input should be a valid string"),
        ({"type": "post_call_transcription"}, "saved.json: data: Field required"),
        ({"type": "post_call_transcription", "data": {}}, "data: conversation_id: Field required"),
        ({"type": "post_call_transcription", "data": {"conversation_id": "c"}}, "data: transcript: Field"),
        ({"conversation_id": "c", "transcript": []}, "metadata: start_time_unix_secs: Field required"),
    ],
)
def test_what_is_no_payload_is_an_error_that_names_the_place(
    tmp_path: Path, content: object, words: str
) -> None:
    with pytest.raises(ScriptError, match="saved") as error:
        load_saved(save(tmp_path, content))
    assert words in str(error.value)


@pytest.mark.parametrize("name", ["withheld", "agent-only", "audio", "failure"])
def test_no_memory_is_expected_of_anonymous_or_silent_callers(name: str) -> None:
    assert not parse_saved(event_of(name), b"").leaves_memories


def test_web_user_is_known_by_user_id_and_a_script_is_no_payload() -> None:
    event = event_of("web")
    assert parse_saved(event, b"").caller == "reader-20817"
    assert is_script({"kind": "phone"})
    assert not is_script(event)
    assert not is_script(event["data"])
