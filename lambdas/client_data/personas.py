"""The agent's persona: the text that a prompt override puts the memories into.

A prompt override replaces the agent's whole system prompt, so each agent that is to keep its own has a file
`prompts/<agent_id>.md`; the others get `prompts/default.md`.
"""

import functools
import re
from pathlib import Path

MARK = "{memories}"
"""Where the memories go. A persona without it gets them at its end."""

_FOLDER = Path(__file__).parent / "prompts"
_AGENT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def prompt(agent_id: str, context: str) -> str:
    """The whole system prompt of `agent_id` with `context` in its place."""
    persona = _persona(agent_id if _AGENT_ID.fullmatch(agent_id) else "default")
    if MARK not in persona:
        return f"{persona}\n\n{context}"
    return persona.replace(MARK, context, 1)


@functools.lru_cache(maxsize=32)
def _persona(name: str) -> str:
    path = _FOLDER / f"{name}.md"
    if not path.is_file():
        path = _FOLDER / "default.md"
    return path.read_text(encoding="utf-8").strip()
