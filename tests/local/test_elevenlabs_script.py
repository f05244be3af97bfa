"""Call scripts: what is read, and what is said of a script that is wrong."""

from pathlib import Path
from typing import Any

import pytest

from local.elevenlabs import ScriptError, load_script, parse_script

GOOD: dict[str, Any] = {
    "kind": "phone",
    "start": "2026-11-10T22:40:00Z",
    "caller_id": "+16125550142",
    "turns": [{"role": "agent", "message": "Hello"}],
}


def test_time_without_an_offset_is_utc() -> None:
    assert (
        parse_script({**GOOD, "start": "2026-11-10T22:40:00"}).start == parse_script(GOOD).start == 1794350400
    )


def test_what_is_left_out_has_its_default() -> None:
    turn = parse_script(GOOD).turns[0]
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
        ({"turns": {}}, "turns: Input should be a valid array"),
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
def test_error_names_the_place_and_the_problem(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ScriptError, match=r"^script: ") as error:
        parse_script({**GOOD, **change})
    assert words in str(error.value)


def test_file_that_is_no_script_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="cannot be read"):
        load_script(tmp_path / "nowhere.json")
    file = tmp_path / "broken.json"
    file.write_text("{", encoding="utf-8")
    with pytest.raises(ScriptError, match="is not JSON"):
        load_script(file)
