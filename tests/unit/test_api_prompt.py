"""The prompt in docs/api.md is the one that these memories give."""

import datetime as dt
import re
from pathlib import Path

from client_data import personas
from client_data.context import compose
from shared.memory import Kind, Memory

API = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
NOW = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)


def memory(text: str, kind: Kind, month: int, day: int) -> Memory:
    created = dt.datetime(2026, month, day, 10, tzinfo=dt.UTC)
    type_ = "factual" if kind == "fact" else "semantic"
    return Memory(text, type_, created, caller_name="Maria Keller", kind=kind)


MEMORIES = [
    memory("Juniper gets ear drops every evening, two drops.", "fact", 3, 3),
    memory("Maria prefers text messages, and no calls in the morning.", "fact", 3, 3),
    memory("Juniper's ears are better. A check-up was booked for 17 March.", "summary", 3, 3),
    memory("Caller: Piotr in apartment fourteen has the spare key.", "passage", 3, 3),
    memory("Juniper, Maria's whippet, is allergic to chicken.", "fact", 2, 10),
    memory("Maria prefers to be called.", "fact", 2, 10),
    memory("Maria registered her dog Juniper.", "summary", 2, 10),
]


def test_prompt_is_shown_as_it_is_produced() -> None:
    shown = re.search(r"<!-- example: prompt -->\n```text\n(.*?)\n```", API, re.DOTALL)
    assert shown, "docs/api.md has no example named prompt"
    assert shown.group(1) == personas.prompt("agent_01", compose(MEMORIES, 6000, NOW))
