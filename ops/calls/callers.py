"""A caller: what is remembered, and what the functions would answer now, by their own code."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ops.calls.sources import Sources, StoredMemory


@dataclass(frozen=True, kw_only=True)
class ToldNow:
    """What ClientData answers.

    Attributes:
        prompt: the agent's whole prompt; empty with `prompt_mode` variable.
        variables: the dynamic variables, by name; secrets left out.
    """

    prompt: str
    variables: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One memory of Retrieve's answer: its text, `factual` or `semantic`, its day, and its score from 0 to 1."""

    text: str
    type: str
    date: str
    score: float


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A memory that Mem0 offered.

    Attributes:
        memory: with its score.
        chosen: whether words of it are in the answer.
        reason: why, or why not.
    """

    memory: StoredMemory
    chosen: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class LookedUp:
    """A look-up done again.

    Attributes:
        query: what was looked for.
        as_of: when; memories may have been others at the time of the call.
        answers: what Retrieve answers, best first.
        candidates: what Mem0 offers, best first.
    """

    query: str
    as_of: dt.datetime
    answers: Sequence[Answer]
    candidates: Sequence[Candidate]


def caller(sources: Sources, user_id: str) -> list[StoredMemory]:
    """What is remembered of a caller, newest call first, in a call facts first.

    Raises:
        OperatorError: if Mem0 cannot be read, or the id is nobody's.
    """
    raise NotImplementedError


def told_now(sources: Sources, user_id: str, agent_id: str = "") -> ToldNow:
    """What an agent would be told if this caller rang now, by ClientData's own code.

    Raises:
        OperatorError: if it would fail; the message is ClientData's.
    """
    raise NotImplementedError


def search(sources: Sources, user_id: str, query: str) -> list[Answer]:
    """What Retrieve would answer now, by its own code.

    Raises:
        OperatorError: if it would fail; the message is Retrieve's.
    """
    raise NotImplementedError


def look_up(sources: Sources, user_id: str, query: str) -> LookedUp:
    """What Mem0 would offer now, what Retrieve would choose of it, and why not the rest.

    Raises:
        OperatorError: if Mem0 cannot be searched.
    """
    raise NotImplementedError
