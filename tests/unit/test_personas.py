"""Each agent keeps its own persona; the memories go where it wants them."""

from pathlib import Path

import pytest

from client_data import personas


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(personas, "_FOLDER", tmp_path)
    personas._persona.cache_clear()
    (tmp_path / "default.md").write_text("Default.\n\n{memories}\n\nThe end.\n", encoding="utf-8")
    (tmp_path / "agent_7.md").write_text("Agent seven.\n{memories}\n", encoding="utf-8")
    (tmp_path / "agent_8.md").write_text("Agent eight, without a mark.\n", encoding="utf-8")
    (tmp_path.parent / "outside.md").write_text("Secret.", encoding="utf-8")
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_memories_go_to_the_mark_of_the_agents_own_persona() -> None:
    assert personas.prompt("agent_7", "CONTEXT") == "Agent seven.\nCONTEXT"
    assert personas.prompt("agent_8", "CONTEXT") == "Agent eight, without a mark.\n\nCONTEXT"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "agent_id", ["unknown", "", "../outside", "..", "/etc/passwd", "a" * 65, "agent_7\u0000"]
)
def test_every_other_agent_gets_the_default(agent_id: str) -> None:
    assert personas.prompt(agent_id, "CONTEXT") == "Default.\n\nCONTEXT\n\nThe end."


def test_context_is_never_read_as_a_persona(folder: Path) -> None:
    assert folder.exists()
    assert personas.prompt("agent_7", "tricky {memories}") == "Agent seven.\ntricky {memories}"


def test_default_persona_that_ships_has_a_place_for_the_memories() -> None:
    personas._persona.cache_clear()
    prompt = personas.prompt("", "CONTEXT")
    assert "CONTEXT" in prompt
    assert personas.MARK not in prompt
    assert "{{" not in prompt  # ElevenLabs would read it as a variable that is not set
