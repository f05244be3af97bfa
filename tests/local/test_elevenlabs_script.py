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


def test_a_time_without_an_offset_is_utc() -> None:
    assert (
        parse_script({**GOOD, "start": "2026-11-10T22:40:00"}).start == parse_script(GOOD).start == 1794350400
    )


def test_what_is_left_out_has_its_default() -> None:
    turn = parse_script(GOOD).turns[0]
    assert (turn.medium, turn.interrupted, turn.tool, turn.at) == ("audio", False, None, None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "fax"}, "script.kind: is 'fax'. Give one of phone, sip, web, audio, failure."),
        ({"start": "soon"}, "script.start: 'soon' is no time."),
        ({"start": 12}, "script.start: is a number (12). Give a string."),
        ({"caller_id": None}, "script.caller_id: missing."),
        ({"caller": "+16125550142"}, "script: unknown caller. Known are:"),
        ({"turns": []}, "script.turns: empty."),
        ({"turns": {}}, "script.turns: is an object"),
        ({"turns": ["Hello"]}, "script.turns[0]: is a string, not an object."),
        ({"turns": [{"role": "caller"}]}, "script.turns[0].role: is 'caller'. Give one of user, agent."),
        ({"turns": [{"role": "user", "massage": "x"}]}, "script.turns[0]: unknown massage."),
        ({"turns": [{"role": "user", "tool": {"name": "x"}}]}, "script.turns[0].tool: only the agent"),
        ({"turns": [{"role": "agent", "interrupted": 1}]}, "script.turns[0].interrupted: is a number"),
        ({"turns": [{"role": "agent", "at": True}]}, "script.turns[0].at: is a boolean"),
        ({"collected": {"name": ["x"]}}, "script.collected.name: is a list."),
        ({"remember": [""]}, "script.remember[0]: is ''."),
        ({"kind": "audio"}, "script.audio: missing."),
        ({"kind": "failure"}, "script.failure_reason: missing."),
    ],
)
def test_an_error_names_the_place_the_value_and_the_remedy(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ScriptError) as error:
        parse_script({**GOOD, **change})
    assert said in str(error.value)


def test_a_file_that_is_no_script_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="cannot be read"):
        load_script(tmp_path / "nowhere.json")
    file = tmp_path / "broken.json"
    file.write_text("{", encoding="utf-8")
    with pytest.raises(ScriptError, match="is not JSON"):
        load_script(file)
