"""Payloads that users have saved: which are taken, as what, and what is said of the others."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.elevenlabs import ScriptError, is_script, load_saved, load_script, parse_saved, post_call_event

CALLS = Path(__file__).parents[2] / "local" / "calls"


@pytest.fixture
def event() -> dict[str, Any]:
    return post_call_event(load_script(CALLS / "maria-first.json"), "conv_saved")


def save(path: Path, content: object) -> Path:
    file = path / "saved.json"
    file.write_text(json.dumps(content, indent=2), encoding="utf-8")
    return file


def test_envelope_is_delivered_byte_for_byte(tmp_path: Path, event: dict[str, Any]) -> None:
    file = save(tmp_path, event)
    saved = load_saved(file)
    assert saved.body == file.read_bytes()
    assert saved.conversation_id == "conv_saved"
    assert saved.caller == "+16125550142"
    assert saved.spoken == 6
    assert saved.leaves_memories
    assert not saved.note


def test_array_of_one_is_delivered_byte_for_byte(tmp_path: Path, event: dict[str, Any]) -> None:
    file = save(tmp_path, [event])
    assert load_saved(file).body == file.read_bytes()


def test_bare_conversation_gets_its_envelope(tmp_path: Path, event: dict[str, Any]) -> None:
    saved = load_saved(save(tmp_path, event["data"]))
    sent = json.loads(saved.body)
    assert sent["type"] == "post_call_transcription"
    assert sent["data"] == event["data"]
    metadata = event["data"]["metadata"]
    assert sent["event_timestamp"] == metadata["start_time_unix_secs"] + metadata["call_duration_secs"]
    assert "bare conversation" in saved.note


@pytest.mark.parametrize(
    ("content", "said"),
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
def test_what_is_no_payload_is_refused_with_the_place(tmp_path: Path, content: object, said: str) -> None:
    with pytest.raises(ScriptError, match="saved") as error:
        load_saved(save(tmp_path, content))
    assert said in str(error.value)


def test_what_is_no_json_and_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="cannot be read"):
        load_saved(tmp_path / "nowhere.json")
    file = tmp_path / "broken.json"
    file.write_bytes(b"\xff{")
    with pytest.raises(ScriptError, match="is not JSON"):
        load_saved(file)


@pytest.mark.parametrize("name", ["withheld", "agent-only", "audio", "failure"])
def test_no_memory_is_expected_of_nobody_and_of_silence(name: str) -> None:
    event = post_call_event(load_script(CALLS / f"{name}.json"), "conv_saved")
    assert not parse_saved(event, b"").leaves_memories


def test_web_user_is_known_by_user_id() -> None:
    event = post_call_event(load_script(CALLS / "web.json"), "conv_saved")
    assert parse_saved(event, b"").caller == "reader-20817"


def test_script_is_told_from_a_payload(event: dict[str, Any]) -> None:
    assert is_script({"kind": "phone"})
    assert not is_script(event)
    assert not is_script(event["data"])
