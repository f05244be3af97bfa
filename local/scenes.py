"""The scenes that every told call is made of: ringing, talking, looking up, hanging up, what is remembered.

Why it exists: the story (``story``) and the replay of a file (``replay``) show the same things in the same
way.

It refuses to judge: it shows what happened, and hands it back.
"""

import json
from collections.abc import Sequence
from typing import Final

from local.elevenlabs import Call, CallScript, Delivery, ElevenLabs, Outcome, Turn
from local.remembered import Memory
from local.terminal import Terminal, shorten

KINDS: Final = frozenset({"factual", "semantic"})
"""The two ``metadata.type`` values that every call leaves."""

HURRY: Final = 600.0
"""Retries of a failed delivery are this much quicker than on the platform: 40 minutes in 4 seconds."""

_SHOWN: Final = 4


def ring(page: Terminal, elevenlabs: ElevenLabs, script: CallScript) -> Call:
    """The phone rings: what ClientData is asked, and what it answers."""
    call = elevenlabs.ring(script)
    if call.rang:
        page.sent("ClientData", f"POST {call.asked}, X-Workspace-Key: ***")
        page.answered("ClientData", f"{call.rang} in {call.rang.milliseconds:.0f} ms")
    if call.initiation is None and call.problem:
        page.text(f"The call cannot start: {call.problem}")
    elif call.initiation and call.rang:
        shown = ("caller_name", "returning_caller", "memory_count")
        variables = call.initiation.variables
        page.answered("ClientData", ", ".join(f"{name}: {variables.get(name)!r}" for name in shown))
    return call


def converse(page: Terminal, script: CallScript) -> None:
    """What is said, turn by turn."""
    for turn in script.turns:
        say(page, turn, script)


def say(page: Terminal, turn: Turn, script: CallScript) -> None:
    """One turn; a dash ends what the caller cut short."""
    page.said(speaker(turn.role, script), (turn.message or "") + (" -" if turn.interrupted else ""))


def speaker(role: str, script: CallScript) -> str:
    """A short name for who speaks."""
    if role == "agent":
        return script.agent_name.split()[0]
    return str(script.collected.get("caller_name") or "Caller").split()[0]


def look_up(page: Terminal, outcome: Outcome) -> None:
    """A question to Retrieve and its answer, best first."""
    page.sent("Retrieve", f"POST {outcome.body}")
    status = "failed" if outcome.is_error else "200"
    rows = found_in(outcome)
    page.answered("Retrieve", f"{status} in {outcome.milliseconds:.0f} ms, {len(rows)} memories")
    if outcome.is_error:
        page.text(outcome.result)
    for label, text in rows:
        page.item(label, text, rows=4)


def found_in(outcome: Outcome) -> list[tuple[str, str]]:
    """The memories in Retrieve's answer: a label (date, type) and the text; empty if there are none."""
    try:
        rows = json.loads(outcome.result)["memories"]
        return [(f"{row.get('date')} {row.get('type')}", str(row["memory"])) for row in rows]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def hang_up(page: Terminal, elevenlabs: ElevenLabs, call: Call) -> Delivery:
    """The call ends: the signed webhook goes out, and is answered."""
    delivery = elevenlabs.hang_up(call)
    turns = len(call.event["data"].get("transcript", ()))
    show_delivery(
        page, delivery, f"POST {call.event['type']}, {turns} turns, ElevenLabs-Signature: t=...,v0=..."
    )
    return delivery


def show_delivery(page: Terminal, delivery: Delivery, what: str) -> None:
    """Each try of a delivery, and what came back."""
    for attempt in delivery.attempts:
        again = (
            f"again after {attempt.waited:.0f} s (shortened): " if attempt is not delivery.attempts[0] else ""
        )
        page.sent("PostCall", again + what)
        words = f": {attempt.reply.text}" if attempt.reply.text else ""
        page.answered("PostCall", f"{attempt.reply} in {attempt.reply.milliseconds:.0f} ms{words}")


def list_memories(page: Terminal, memories: Sequence[Memory]) -> None:
    """The first memories of each kind, facts first."""
    for kind in sorted({memory.kind for memory in memories}):
        rows = [memory for memory in memories if memory.kind == kind]
        for memory in rows[:_SHOWN]:
            page.item(kind or "untyped", shorten(memory.text, 200))
        if len(rows) > _SHOWN:
            page.item(kind or "untyped", f"... and {len(rows) - _SHOWN} more")
