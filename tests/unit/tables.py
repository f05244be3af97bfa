"""Reads the tables of calls in `tests/unit/data`.

A call is a block of lines: `A:` the agent, `U:` the caller, `S:` the summary, `C name:` a collected value.
`{pin 4711}` is a secret and its class. A first line `# person outbound tool ended=voicemail` says who spoke,
the direction, and what ElevenLabs noticed.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from post_call.record import CallRecord, Turn

_DATA = Path(__file__).parent / "data"
_SECRET = re.compile(r"\{(\w+) ([^}]*)\}")
_ROLES = {"A": "agent", "U": "user"}


class Call(NamedTuple):
    """A call of a table: the words of its first line that begins with `#`, and its other lines."""

    about: list[str]
    lines: list[str]

    def __str__(self) -> str:
        """The call on one line, for a test's name."""
        return " / ".join(self.lines)

    def record(self, secret: Callable[[re.Match[str]], str] = lambda found: found[2]) -> CallRecord:
        """The call as a record, with `secret` in place of each secret: by default as it was said."""
        turns, summary, collected = [], "", {}
        for line in self.lines:
            field, _, marked = line.partition(": ")
            text = _SECRET.sub(secret, marked)
            if field in _ROLES:
                turns.append(Turn(_ROLES[field], text))
            elif field == "S":
                summary = text
            else:
                collected[field.removeprefix("C ")] = text
        return CallRecord(
            "conv_1", "agent_1", "+16125550142", 1_772_532_000, tuple(turns), summary, collected
        )

    def secrets(self) -> list[tuple[str, str]]:
        """The classes and values of the secrets."""
        return [found for line in self.lines for found in _SECRET.findall(line)]


def read(name: str) -> list[Call]:
    """The calls of a table."""
    return list(_calls((_DATA / f"{name}.txt").read_text("utf-8")))


def _calls(table: str) -> Iterator[Call]:
    for block in table.split("\n\n"):
        lines = block.strip().splitlines()
        if lines:
            about = lines.pop(0)[1:].split() if lines[0].startswith("# ") else []
            yield Call(about, lines)
