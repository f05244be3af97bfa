"""Invented calls for the reliability matrix, and the count of what became of them."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.elevenlabs import encode, parse_script, post_call_event

FIRST_START = 1_780_000_000  # a call's start in unix seconds


@dataclass(frozen=True, kw_only=True)
class Call:
    """A finished call, as ElevenLabs would deliver it."""

    conversation_id: str
    user_id: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What became of a set of calls; each list holds conversation ids.

    `lost` are neither remembered nor among the dead letters, `both` are both. `unexplained` are among the
    dead letters without a reason. `facts_twice` and `passages_twice` count the adds that Mem0 accepted beyond
    one of each kind a call.
    """

    calls: int
    remembered: list[str]
    dead: list[str]
    lost: list[str]
    both: list[str]
    unexplained: list[str]
    facts_twice: int
    passages_twice: int

    @property
    def clean(self) -> bool:
        """Whether each call is remembered once, and none is a dead letter as well."""
        twice = self.facts_twice or self.passages_twice
        return len(self.remembered) == self.calls and not self.dead and not twice

    @property
    def dead_lettered(self) -> bool:
        """Whether each call is among the dead letters with a reason, and none is remembered as well."""
        return len(self.dead) == self.calls and not self.both and not self.unexplained

    def figures(self) -> dict[str, str | int | float]:
        """The numbers for a table."""
        return {
            "calls": self.calls,
            "remembered": len(self.remembered),
            "dead letters": len(self.dead),
            "lost": len(self.lost),
            "both": len(self.both),
            "facts twice": self.facts_twice,
            "passages twice": self.passages_twice,
        }


def caller(number: int) -> str:
    """An invented caller: `+1555` is an area code that is not in use."""
    return f"+1555{number:07d}"


def make_call(
    user_id: str,
    *,
    conversation_id: str | None = None,
    start: int = FIRST_START,
    said: Sequence[str] = ("My dog is called Juniper and she is allergic to chicken.",),
    **more: Any,
) -> Call:
    """A call of `user_id` in which the caller said these sentences; `more` are fields of a call script."""
    identifier = conversation_id or f"conv_faults{uuid.uuid4().hex}"
    turns: list[dict[str, Any]] = [{"role": "agent", "message": "Linden Street Clinic, how can I help?"}]
    turns += [{"role": "user", "message": sentence} for sentence in said]
    raw = {"kind": "phone", "caller_id": user_id, "start": "2026-06-01T00:00:00Z", "turns": turns, **more}
    event = post_call_event(parse_script(raw), identifier)
    event["data"]["metadata"]["start_time_unix_secs"] = start
    return Call(conversation_id=identifier, user_id=user_id, body=encode(event))


def ids(calls: Iterable[Call]) -> list[str]:
    """The conversation ids of calls."""
    return [call.conversation_id for call in calls]
