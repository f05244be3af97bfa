"""Plays one file: a post-call payload that the user has saved, or a call script.

Why it exists: a user's own calls are the best test there is; this delivers one, signed, and shows what is
remembered.

It refuses a file that it does not understand, before anything is sent.
"""

import json
from pathlib import Path
from typing import Final, TextIO

from local.elevenlabs import (
    CallScript,
    ElevenLabs,
    Saved,
    ScriptError,
    compressed,
    is_script,
    load_saved,
    load_script,
    parse_saved,
    tools_of,
)
from local.elevenlabs import encode as encode_event
from local.endpoints import System
from local.remembered import Mem0Error, Memory, Remembered
from local.scenes import HURRY, KINDS, converse, hang_up, list_memories, look_up, ring, show_delivery
from local.terminal import Terminal

_NOTHING_EXPECTED: Final = 3.0
"""Seconds to make sure that nothing is stored where nothing should be."""

_MOST_TURNS: Final = 40


def play_file(system: System, path: Path, out: TextIO, *, patience: float = 30.0) -> bool:
    """Play a saved post-call payload, or a call script, against a running system.

    Args:
        system: a running system.
        path: the file.
        out: where it is told.
        patience: seconds that storing the memories may take.

    Returns:
        True if the webhook was answered 200, and memories appeared where some were to be expected and only
        there. False too for a file that cannot be used; the reason is told.
    """
    page = Terminal(out)
    page.title(f"AgenticMemory: {path.name}")
    try:
        raw = _decoded(path)
        script = load_script(path) if is_script(raw) else None
        saved = None if script else load_saved(path)
    except ScriptError as error:
        page.verdict(str(error), good=False)
        return False
    with (
        ElevenLabs(system.endpoints, sleep=compressed(HURRY)) as elevenlabs,
        Remembered(system.endpoints) as remembered,
    ):
        if script:
            saved = _play(page, elevenlabs, script)
        elif saved:
            saved = _deliver(page, elevenlabs, saved)
        try:
            return saved is not None and _show(page, remembered, saved, patience)
        except Mem0Error as error:
            page.verdict(str(error), good=False)
            return False


def _decoded(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None  # load_saved says what is wrong with it


def _play(page: Terminal, elevenlabs: ElevenLabs, script: CallScript) -> Saved | None:
    """A script: the whole call. None if it could not be played to its end."""
    page.step(
        f"A {script.kind} call, {len(script.turns)} turns" if script.turns else f"A {script.kind} event"
    )
    call = ring(page, elevenlabs, script)
    if call.problem:
        return None
    if len(script.turns) <= _MOST_TURNS:
        converse(page, script)
    for tool in tools_of(script):
        outcome = elevenlabs.use(call, tool)
        if outcome.url:
            look_up(page, outcome)
    page.step("ElevenLabs delivers what happened, signed")
    delivery = hang_up(page, elevenlabs, call)
    body = encode_event(call.event)
    return parse_saved(call.event, body) if _accepted(page, accepted=delivery.accepted) else None


def _deliver(page: Terminal, elevenlabs: ElevenLabs, saved: Saved) -> Saved | None:
    """A saved payload: signed and delivered as it is. None if it was not accepted."""
    page.step("The payload is signed and delivered as it is")
    if saved.note:
        page.text(saved.note)
    page.item("type", saved.event_type)
    page.item("conversation", saved.conversation_id)
    page.item("caller", saved.caller or "nobody who can be known")
    page.item("caller's turns", str(saved.said))
    delivery = elevenlabs.deliver(saved.body, saved.event_type)
    show_delivery(page, delivery, f"{len(saved.body):,} bytes, ElevenLabs-Signature: t=...,v0=...")
    return saved if _accepted(page, accepted=delivery.accepted) else None


def _accepted(page: Terminal, *, accepted: bool) -> bool:
    if not accepted:
        page.verdict("The webhook was not answered with 200: ElevenLabs counts it as failed.", good=False)
    return accepted


def _show(page: Terminal, remembered: Remembered, saved: Saved, patience: float) -> bool:
    page.step("What is remembered")
    expected = saved.leaves_memories
    found = remembered.wait_for(
        saved.conversation_id, KINDS, patience if expected else min(patience, _NOTHING_EXPECTED)
    )
    if not found:
        why = "Nothing, as it should be: nobody who can be known said anything."
        page.verdict("Nothing was remembered of this call." if expected else why, good=not expected)
        return not expected
    _list_for(page, remembered, found)
    if not expected:
        page.verdict("Memories were stored where none should be.", good=False)
    else:
        page.verdict("The call is remembered.", good=True)
    return expected


def _list_for(page: Terminal, remembered: Remembered, found: list[Memory]) -> None:
    for owner in sorted({memory.user_id for memory in found}):
        everything = remembered.of_user(owner)
        page.text(f"{len(found)} memories of this call, {len(everything)} altogether for {owner}:")
        list_memories(page, [memory for memory in found if memory.user_id == owner])
