"""A memory as Mem0 keeps it, and as it is read again: checked for its owner, dated, plain text.

A memory is data that a caller once said. It may try to be an instruction, a variable or the end of a fence,
so nothing of it reaches a prompt or a response but through `plain_text`. What it is (a passage, a summary,
its place in the call) stands in a header that PostCall writes before the words, and who said a line stands at
the line's beginning: words hold no line break, so a caller cannot say either.
"""

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

from shared.names import person_name, same_person
from shared.text import plain_text

FACTUAL = "factual"
SEMANTIC = "semantic"
TYPES = (FACTUAL, SEMANTIC)
SPEAKERS = {"user": "Caller", "agent": "Agent"}

Kind = Literal["fact", "passage", "summary"]

EPOCH = dt.datetime.fromtimestamp(0, dt.UTC)
"""When a memory was created that does not say when: it sorts last."""

# `[2026-03-03 2]` heads the second passage of a call, `[2026-03-03 summary]` its summary. Before version 2
# the header was the date alone, and a summary began with words.
_HEADER = re.compile(r"\[\d{4}-\d\d-\d\d(?: (summary|\d{1,6}))?\] ")
_OLD_SUMMARY = "Summary of the call: "
_LABELS = tuple(f"{speaker}: " for speaker in SPEAKERS.values())
_LABEL_IN_WORDS = re.compile(r"\b(?:caller|agent|user|assistant|system)\s*:", re.IGNORECASE)
_NUMBER = (int, float)
_NONE: dict[str, Any] = {}


class Memory(NamedTuple):  # made ten times as fast as a frozen dataclass, 200 times while a phone rings
    """One memory of one caller.

    Attributes:
        text: what is remembered, as plain text on one line.
        type: `factual` or `semantic`.
        created: when the call was made in which it was said, in UTC.
        score: how well it fits the query, 0 to 1; 0 if nothing was searched for.
        caller_name: the caller's name if that call's collected data had one, else an empty string.
        kind: what it is. Semantic memories are passages, or the summary of a call.
        place: where a passage stands in its call, from 1; 0 if that is not known.
        lines: a passage's lines, `Caller: …` or `Agent: …` each.
    """

    text: str
    type: str
    created: dt.datetime
    score: float = 0.0
    caller_name: str = ""
    kind: Kind = "fact"
    place: int = 0
    lines: tuple[str, ...] = ()

    @property
    def date(self) -> str:
        """The day of the call, `2026-03-03`."""
        return self.created.date().isoformat()


_NOBODY = Memory("", FACTUAL, EPOCH)


class ForeignRowError(Exception):
    """Mem0 returned a row whose owner is not the caller that was asked for."""


def passage_text(date: str, place: int, turns: Iterable[tuple[str, str]]) -> str:
    """What is stored for a passage.

    Args:
        date: the day of the call, `2026-03-03`.
        place: where the passage stands in the call, from 1.
        turns: who spoke (`user` or `agent`) and the words, on one line.
    """
    return f"[{date} {place}] " + "\n".join(f"{SPEAKERS[role]}: {words}" for role, words in turns)


def summary_text(date: str, summary: str) -> str:
    """What is stored for the summary of the call on `date`."""
    return f"[{date} summary] {summary}"


def from_row(row: object, user_id: str) -> Memory | None:
    """The memory in a row of Mem0's answer, or None if the row holds none.

    Raises:
        ForeignRowError: if the row belongs to another user than `user_id`.
    """
    if not isinstance(row, dict):  # the type that json makes; asking for a Mapping takes ten times as long
        return None
    if row.get("user_id") != user_id:
        raise ForeignRowError
    text = row.get("memory")
    if not isinstance(text, str):
        return None
    metadata = row.get("metadata")
    if not isinstance(metadata, dict):
        metadata = _NONE
    type_ = metadata.get("type")
    kind: Kind = "fact"
    place, lines = 0, tuple[str, ...]()
    if type_ == SEMANTIC:
        kind, place, lines, text = _parse(text)
    plain = " ".join(lines) or plain_text(text)
    if not plain:
        return None
    score = row.get("score")
    name = metadata.get("caller_name")
    return Memory(
        text=plain,
        type=type_ if type_ in TYPES else FACTUAL,
        created=_said_at(row.get("created_at"), metadata.get("call_start")),
        score=round(float(score), 3) if isinstance(score, _NUMBER) else 0.0,
        caller_name=person_name(name) if name else "",
        kind=kind,
        place=place,
        lines=lines,
    )


def newest_name(memories: Iterable[Memory]) -> str:
    """The caller's name in the newest call that has one; empty if none has."""
    named = (memory for memory in memories if memory.caller_name)
    return max(named, key=lambda memory: memory.created, default=_NOBODY).caller_name


def of_one_person(memories: Sequence[Memory], *, attribute: bool, caller: str = "") -> list[Memory]:
    """`memories` without those of calls in which another name was collected than in the newest that has one.

    Several people may call from one number, and what one of them said is not for the others. A call without a
    name counts as the newest caller's.

    Args:
        memories: of one number, in any order.
        attribute: keep them, and say in each whose call it comes from.
        caller: the name in the newest call that has one, if that may not be among `memories`.
    """
    caller = caller or newest_name(memories)
    others = {memory.caller_name for memory in memories if memory.caller_name}
    others = {name for name in others if not same_person(name, caller)}
    if not attribute:
        return [memory for memory in memories if memory.caller_name not in others]
    return [
        memory._replace(text=f"From a call with {memory.caller_name}: {memory.text}")
        if memory.caller_name in others
        else memory
        for memory in memories
    ]


def _parse(text: str) -> tuple[Kind, int, tuple[str, ...], str]:
    """What a semantic memory is, its place in the call, its lines, and its text without the header."""
    header = _HEADER.match(text)
    if not header:
        return "passage", 0, (), text
    words, what = text[header.end() :], header.group(1)
    if what == "summary":
        return "summary", 0, (), words
    if not what and words.startswith(_OLD_SUMMARY):
        return "summary", 0, (), words.removeprefix(_OLD_SUMMARY)
    return "passage", int(what or 0), tuple(line for raw in words.split("\n") if (line := _line(raw))), words


def _line(raw: str) -> str:
    """One line of a passage as plain text; words that hold another speaker's label are quoted."""
    plain = plain_text(raw)
    label = next((label for label in _LABELS if plain.startswith(label)), "")
    words = plain[len(label) :]
    if _LABEL_IN_WORDS.search(words):
        words = '"' + words.replace('"', "'") + '"'
    return label + words if words else ""


def moment(created_at: object) -> dt.datetime:
    """The time that Mem0 gives as ISO 8601, in UTC; the epoch, which sorts last, if it gives none."""
    if isinstance(created_at, str):
        try:
            parsed = dt.datetime.fromisoformat(created_at)
            return parsed.astimezone(dt.UTC) if parsed.tzinfo else parsed.replace(tzinfo=dt.UTC)
        except (ValueError, OverflowError):
            return EPOCH
    return EPOCH


def _said_at(created_at: object, call_start: object) -> dt.datetime:
    """When it was said: the call's start if it is known, else what Mem0 says."""
    if isinstance(call_start, _NUMBER) and 0 < call_start < 4e9:  # noqa: PLR2004 - the year 2096
        return dt.datetime.fromtimestamp(call_start, dt.UTC)
    return moment(created_at)
