"""Reads histories in LoCoMo's JSON format: long conversations in sessions, and questions with their evidence.

Source of the format: https://github.com/snap-research/locomo. A session is a call, `speaker_a` (or else
whoever speaks first) is the caller, the other speaker the agent. What is missing is an error
that names the place.
"""

import datetime as dt
import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

OF_OTHERS = "of others"
_DATE_TIME = "%I:%M %p on %d %B, %Y"


class HistoryError(Exception):
    """A file that is no list of histories; the message names the place and the remedy."""


@dataclass(frozen=True)
class Said:
    """A turn: its `dia_id`, who said it (`user` is the caller, else `agent`), and the words."""

    dia_id: str
    role: str
    text: str


@dataclass(frozen=True)
class Session:
    """A call: when it began (unix seconds), what was said, and its summary (empty if the file has none)."""

    start: int
    turns: tuple[Said, ...]
    summary: str

    @property
    def characters(self) -> int:
        """How much was said."""
        return sum(len(turn.text) for turn in self.turns)


@dataclass(frozen=True)
class Question:
    """A question, the `dia_id`s of the turns that answer it (none: it has no answer), and what kind it is."""

    text: str
    evidence: tuple[str, ...]
    kind: str


@dataclass(frozen=True)
class History:
    """All calls of one caller (`caller` is how the questions name them), and the questions about them."""

    name: str
    caller: str
    number: str
    sessions: tuple[Session, ...]
    questions: tuple[Question, ...]

    def turn(self, dia_id: str) -> Said:
        """The turn with this id."""
        return self._turns[dia_id]

    @property
    def _turns(self) -> dict[str, Said]:
        return {turn.dia_id: turn for session in self.sessions for turn in session.turns}


def load(path: Path, limit: int | None = None) -> list[History]:
    """The histories in a file, at most `limit` of them.

    Raises:
        HistoryError: if the file cannot be read or is not in LoCoMo's format.
    """
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise HistoryError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise HistoryError(f"{path} is not JSON: {error}") from None
    if not isinstance(listed, list) or not listed:
        raise HistoryError(f"{path}: a list of histories is needed, each with conversation and qa")
    return [_history(history, f"{path}[{number}]", number) for number, history in enumerate(listed[:limit])]


def with_questions_of_others(histories: Sequence[History], count: int) -> list[History]:
    """The histories with `count` questions more: answered in another caller's calls, asked about this one.

    They are about the same kind of life, and nothing in this caller's calls answers them.
    """
    extended = []
    for history in histories:
        others = [
            re.sub(rf"\b{re.escape(other.caller)}\b", history.caller, question.text)
            for other in histories
            if other is not history
            for question in other.questions
            if question.evidence
        ]
        chosen = random.Random(history.name).sample(others, min(count, len(others)))  # noqa: S311
        more = tuple(Question(text, (), OF_OTHERS) for text in chosen)
        extended.append(replace(history, questions=(*history.questions, *more)))
    return extended


def _history(value: object, where: str, number: int) -> History:
    if not isinstance(value, dict) or not isinstance(value.get("conversation"), dict):
        raise HistoryError(
            f"{where}.conversation: an object is needed, with session_1 and session_1_date_time"
        )
    conversation = value["conversation"]
    numbers = sorted(
        int(key[8:]) for key in conversation if key.startswith("session_") and key[8:].isdecimal()
    )
    if not numbers:
        raise HistoryError(f"{where}.conversation: there is no session_1")
    summaries = value.get("session_summary")
    sessions = []
    caller = conversation.get("speaker_a")
    for session in numbers:
        place = f"{where}.conversation.session_{session}"
        raw = conversation[f"session_{session}"]
        if not isinstance(raw, list):
            raise HistoryError(f"{place}: a list of turns is needed, not {type(raw).__name__}")
        caller = caller or next((turn.get("speaker") for turn in raw if isinstance(turn, dict)), None)
        turns = tuple(_turn(turn, caller, f"{place}[{index}]") for index, turn in enumerate(raw))
        summary = summaries.get(f"session_{session}_summary") if isinstance(summaries, dict) else ""
        if turns:
            start = _start(conversation.get(f"session_{session}_date_time"), f"{place}_date_time")
            sessions.append(Session(start, turns, summary if isinstance(summary, str) else ""))
    questions = value.get("qa")
    if not isinstance(questions, list):
        raise HistoryError(f"{where}.qa: a list of questions is needed")
    known = {turn.dia_id for session in sessions for turn in session.turns}
    return History(
        name=str(value.get("sample_id") or f"caller {number + 1}"),
        caller=str(caller or ""),
        number=str(value.get("phone") or f"+1612555{number + 100:04}"),
        sessions=tuple(sessions),
        questions=tuple(
            _question(question, known, f"{where}.qa[{index}]") for index, question in enumerate(questions)
        ),
    )


def _turn(value: object, caller: object, where: str) -> Said:
    if not isinstance(value, dict):
        raise HistoryError(f"{where}: an object is needed, with speaker, dia_id and text")
    for name in ("speaker", "dia_id", "text"):
        if not isinstance(value.get(name), str):
            raise HistoryError(f"{where}.{name}: a string is needed, not {value.get(name)!r}")
    return Said(value["dia_id"], "user" if value["speaker"] == caller else "agent", value["text"])


def _start(value: object, where: str) -> int:
    try:
        return int(dt.datetime.strptime(str(value), _DATE_TIME).replace(tzinfo=dt.UTC).timestamp())
    except ValueError:
        raise HistoryError(
            f"{where}: {value!r} is no time. Write it like '1:56 pm on 8 May, 2023'."
        ) from None


def _question(value: object, known: set[str], where: str) -> Question:
    if not isinstance(value, dict) or not isinstance(value.get("question"), str):
        raise HistoryError(f"{where}.question: a string is needed")
    given = value.get("evidence") or []
    if not isinstance(given, list):
        raise HistoryError(f"{where}.evidence: a list of dia_ids is needed, not {given!r}")
    # Some of LoCoMo's have several ids in one string, and a few that no turn has: those cannot be looked for.
    named = [name for names in given for name in str(names).replace(";", " ").replace(",", " ").split()]
    evidence = tuple(dict.fromkeys(name for name in named if name in known))
    return Question(value["question"], evidence, _kind(value))


def _kind(value: Mapping[str, Any]) -> str:
    named = {1: "multi", 2: "date", 3: "infer", 4: "detail", 5: "none"}
    return str(value.get("kind") or named.get(value.get("category", 0), "other"))
