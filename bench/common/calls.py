"""Invented calls, as ElevenLabs would deliver them."""

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


def caller(number: int) -> str:
    """An invented caller: `+1555` is an area code that is not in use."""
    return f"+1555{number:07d}"


def make_call(
    caller_id: str,
    *,
    conversation_id: str | None = None,
    start: int = FIRST_START,
    said: Sequence[str] = ("My dog is called Juniper and she is allergic to chicken.",),
    **more: Any,
) -> Call:
    """A call of `caller_id` in which the caller said these sentences; `more` are fields of a call script."""
    identifier = conversation_id or f"conv_faults{uuid.uuid4().hex}"
    turns: list[dict[str, Any]] = [{"role": "agent", "message": "Linden Street Clinic, how can I help?"}]
    turns += [{"role": "user", "message": sentence} for sentence in said]
    raw = {"kind": "phone", "caller_id": caller_id, "start": start, "turns": turns, **more}
    event = post_call_event(parse_script(raw), identifier)
    return Call(conversation_id=identifier, user_id=caller_id, body=encode(event))


def ids(calls: Iterable[Call]) -> list[str]:
    """The conversation ids of calls."""
    return [call.conversation_id for call in calls]
