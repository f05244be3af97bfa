"""A file is played: a saved payload or a script."""

import io
import json
from pathlib import Path

import pytest

from local.elevenlabs import load_script, post_call_event
from local.replay import play_file
from tests.local.fake_memory_system import FakeSystem

CALLS = Path(__file__).parents[2] / "local" / "calls"


def played(system: FakeSystem, file: Path) -> tuple[bool, str]:
    out = io.StringIO()
    good = play_file(system, file, out, patience=0)
    return good, out.getvalue()


def saved(tmp_path: Path, name: str) -> Path:
    file = tmp_path / "saved.json"
    event = post_call_event(load_script(CALLS / f"{name}.json"), "conv_saved")
    file.write_text(json.dumps(event, indent=1), encoding="utf-8")
    return file


@pytest.mark.parametrize("file", sorted(CALLS.glob("*.json")), ids=lambda file: file.stem)
def test_each_sample_can_be_played(file: Path) -> None:
    with FakeSystem() as system:
        good, text = played(system, file)
    assert good, text


def test_a_saved_payload_is_delivered_as_it_is_and_its_memories_are_shown(tmp_path: Path) -> None:
    file = saved(tmp_path, "maria-first")
    with FakeSystem() as system:
        good, text = played(system, file)
    assert good
    assert system.to("/post-call")[0].body == file.read_bytes()
    assert not system.to("/client-data")
    assert "for +16125550142" in text
    assert "whippet" in text


def test_a_payload_that_nobody_remembers_fails(tmp_path: Path) -> None:
    with FakeSystem(forgets=True) as system:
        good, text = played(system, saved(tmp_path, "maria-first"))
    assert not good
    assert "Nothing was remembered" in text


def test_a_payload_that_is_refused_fails(tmp_path: Path) -> None:
    with FakeSystem(statuses=[401]) as system:
        good, text = played(system, saved(tmp_path, "maria-first"))
    assert not good
    assert "401" in text


def test_a_withheld_number_must_leave_nothing(tmp_path: Path) -> None:
    with FakeSystem() as system:
        good, text = played(system, saved(tmp_path, "withheld"))
    assert good
    assert "as it should be" in text


def test_a_file_that_is_no_payload_is_told_and_nothing_is_sent(tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text('{"hello": "world"}', encoding="utf-8")
    with FakeSystem() as system:
        good, text = played(system, file)
    assert not good
    assert "other.json.type: missing" in text
    assert not system.requests
