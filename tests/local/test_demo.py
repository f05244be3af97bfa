"""The demo passes only if the second call used the first; a saved call is shown as it is remembered."""

import io
import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from local.demo import deliver_file, run_demo
from local.demo.terminal import WIDTH, Terminal
from local.elevenlabs import WorkspaceServer, load_script, post_call_event
from local.endpoints import Endpoints
from local.endpoints import System as Connectable
from local.system import System
from tests.local.fake_system import FakeSystem
from tests.local.support import forget

CALLS = Path(__file__).parents[2] / "local" / "calls"


def connect_directly(system: Connectable) -> list[str]:
    """Without the operator's command: a fake has no AWS."""
    system.elevenlabs.workspace.connect(system.endpoints)
    return []


def demo(system: FakeSystem) -> tuple[bool, str]:
    out = io.StringIO()
    return run_demo(system, out, patience=0, connect=connect_directly), out.getvalue()


def test_real_system_remembers(system: System) -> None:
    out = io.StringIO()
    forget(system, "+16125550142")
    assert run_demo(system, out), out.getvalue()
    assert "FAILED" not in out.getvalue()


def test_system_that_remembers_passes() -> None:
    with FakeSystem() as system:
        passed, text = demo(system)
    assert passed
    assert "FAILED" not in text
    assert "The caller was remembered" in text
    assert "allergic to chicken" in text
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "\033" not in text


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        ({"forgets": True}, "the call was stored in both kinds"),
        ({"silent_prompt": True}, "the prompt held what she said"),
        ({"mixes": True}, "another caller heard nothing"),
        ({"statuses": [500] * 6}, "the webhook was accepted"),
        ({"statuses": [401]}, "the webhook was accepted"),
        ({"client_data": (500, {"error": "Mem0 is down"})}, "the call could start"),
    ],
    ids=["forgets", "silent prompt", "mixes", "500", "401", "client data fails"],
)
def test_system_that_does_not_remember_fails(
    fault: dict[str, object], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with FakeSystem() as system:
        for name, value in fault.items():
            setattr(system, name, value)
        passed, text = demo(system)
    assert not passed
    assert any("FAILED" in row and line in row for row in text.splitlines())
    assert "NOT remembered" in text


def test_second_run_does_not_pass_on_the_memories_of_the_first() -> None:
    with FakeSystem() as system:
        assert demo(system)[0]
        assert not demo(system)[0]


@dataclass
class Fixed:
    """A system that has nothing but endpoints."""

    endpoints: Endpoints
    elevenlabs: WorkspaceServer
    operator_environment: dict[str, str]


def test_failure_of_mem0_is_printed_and_fails() -> None:
    out = io.StringIO()
    with FakeSystem() as system:
        fixed = Fixed(replace(system.endpoints, mem0_api_key="wrong"), system.elevenlabs, {})
        assert not run_demo(fixed, out, patience=0, connect=connect_directly)
    assert "answered 401" in out.getvalue()


def delivered(system: FakeSystem, file: Path) -> tuple[bool, str]:
    out = io.StringIO()
    return deliver_file(system, file, out, patience=0, connect=connect_directly), out.getvalue()


def saved(tmp_path: Path, name: str) -> Path:
    file = tmp_path / "saved.json"
    event = post_call_event(load_script(CALLS / f"{name}.json"), "conv_saved")
    file.write_text(json.dumps(event, indent=1), encoding="utf-8")
    return file


@pytest.mark.parametrize("file", sorted(CALLS.glob("*.json")), ids=lambda file: file.stem)
def test_each_sample_can_be_delivered(file: Path) -> None:
    with FakeSystem() as system:
        passed, text = delivered(system, file)
    assert passed, text


def test_saved_payload_is_delivered_as_it_is_and_its_memories_are_shown(tmp_path: Path) -> None:
    file = saved(tmp_path, "maria-first")
    with FakeSystem() as system:
        passed, text = delivered(system, file)
    assert passed
    assert system.to("/post-call")[0].body == file.read_bytes()
    assert not system.to("/client-data")
    assert "For +16125550142" in text
    assert "whippet" in text


@pytest.mark.parametrize(
    ("name", "system", "passes", "words"),
    [
        ("maria-first", FakeSystem(forgets=True), False, "Nothing was remembered"),
        ("maria-first", FakeSystem(statuses=[401]), False, "401"),
        ("withheld", FakeSystem(), True, "as it should be"),
    ],
    ids=["forgotten", "refused", "withheld"],
)
def test_saved_payload_is_judged(
    tmp_path: Path, name: str, system: FakeSystem, passes: bool, words: str
) -> None:
    with system:
        passed, text = delivered(system, saved(tmp_path, name))
    assert (passed, words in text) == (passes, True)


def test_file_that_is_no_payload_is_named_and_nothing_is_sent(tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text('{"hello": "world"}', encoding="utf-8")
    with FakeSystem() as system:
        passed, text = delivered(system, file)
    assert not passed
    assert "other.json: type: Field required" in text
    assert not system.requests


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def page(out: io.StringIO, **environ: str) -> str:
    terminal = Terminal(out, environ)
    terminal.title("Title")
    terminal.frame("prompt", "- " + "word " * 60 + "\n\nlast")
    terminal.entry("factual", "x" * 300, rows=2)
    terminal.entry("hostile", "a\033[31mb\u202ec")
    return out.getvalue()


def test_color_only_on_a_terminal_that_wants_it() -> None:
    assert "\033[" in page(Screen(), TERM="xterm")
    for out, environ in ((Screen(), {"NO_COLOR": "1"}), (Screen(), {"TERM": "dumb"}), (io.StringIO(), {})):
        assert "\033[" not in page(out, **environ)


def test_frame_is_closed_on_every_row_and_nothing_is_wider_than_the_page() -> None:
    rows = page(io.StringIO()).splitlines()
    assert {len(row) for row in rows if row.strip().startswith(("│", "┌", "└"))} == {WIDTH}
    assert max(map(len, rows)) <= WIDTH


def test_ascii_terminal_gets_ascii() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    Terminal(out, {}).check("Café", passed=True)
    assert b"* ok" in raw.getvalue()


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "a\ufffd[31mb\ufffdc" in page(io.StringIO())
