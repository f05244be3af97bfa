"""Reads histories in LoCoMo's JSON format: long conversations in sessions, and questions with their evidence.

Source of the format: https://github.com/snap-research/locomo. A session is a call, `speaker_a` (or else
whoever speaks first) is the caller, the other speaker the agent. What is missing is an error
that names the place.
"""

import datetime as dt
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from local.validation import problem

OF_OTHERS = "of others"
_KINDS: dict[int | str | None, str] = {1: "multi", 2: "date", 3: "infer", 4: "detail", 5: "none"}
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


class _Turn(BaseModel):
    speaker: str
    dia_id: str
    text: str


class _Question(BaseModel):
    question: str
    evidence: list[Any] | None = None
    category: int | str | None = None
    kind: str | None = None


class _History(BaseModel):
    conversation: dict[str, Any]
    qa: list[_Question]
    session_summary: Any = None
    sample_id: Any = None
    phone: str | None = None


_FILE = TypeAdapter(Annotated[list[_History], Field(min_length=1)])
_TURNS = TypeAdapter(list[_Turn])


def load(path: Path, limit: int | None = None) -> list[History]:
    """The histories in a file, at most `limit` of them.

    Raises:
        HistoryError: if the file cannot be read or is not in LoCoMo's format.
    """
    try:
        listed = _FILE.validate_json(path.read_bytes())
    except OSError as error:
        raise HistoryError(f"{path} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        raise HistoryError(f"{path}: {problem(error)}") from None
    return [_history(history, f"{path}: {number}", number) for number, history in enumerate(listed[:limit])]


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


def _history(given: _History, where: str, number: int) -> History:
    conversation = given.conversation
    numbers = sorted(int(key[8:]) for key in conversation if re.fullmatch(r"session_[0-9]+", key))
    if not numbers:
        raise HistoryError(f"{where}.conversation: there is no session_1")
    caller = conversation.get("speaker_a")
    sessions = []
    for session in (f"session_{number}" for number in numbers):
        try:
            said = _TURNS.validate_python(conversation[session])
        except ValidationError as error:
            raise HistoryError(f"{where}.conversation.{session}.{problem(error)}") from None
        if said:
            caller = caller or said[0].speaker
            turns = [
                Said(turn.dia_id, "user" if turn.speaker == caller else "agent", turn.text) for turn in said
            ]
            name = f"{session}_date_time"
            start = _start(conversation.get(name), f"{where}.conversation.{name}")
            summaries = given.session_summary if isinstance(given.session_summary, dict) else {}
            sessions.append(Session(start, tuple(turns), str(summaries.get(f"{session}_summary") or "")))
    known = {turn.dia_id for session in sessions for turn in session.turns}
    return History(
        name=str(given.sample_id or f"caller {number + 1}"),
        caller=str(caller or ""),
        number=given.phone or f"+1612555{number + 100:04}",
        sessions=tuple(sessions),
        questions=tuple(_question(question, known) for question in given.qa),
    )


def _start(value: object, where: str) -> int:
    try:
        return int(dt.datetime.strptime(str(value), _DATE_TIME).replace(tzinfo=dt.UTC).timestamp())
    except ValueError:
        raise HistoryError(
            f"{where}: {value!r} is no time. Write it like '1:56 pm on 8 May, 2023'."
        ) from None


def _question(given: _Question, known: set[str]) -> Question:
    # Some of LoCoMo's have several ids in one string, and a few that no turn has: those cannot be looked for.
    named = [name for names in given.evidence or [] for name in re.split(r"[;,\s]+", str(names))]
    evidence = tuple(dict.fromkeys(name for name in named if name in known))
    return Question(given.question, evidence, given.kind or _KINDS.get(given.category, "other"))
