"""Delivers one file, a saved post-call payload or a call script, and shows what is remembered of it."""

from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from local.demo.connect import ConnectError, connect
from local.demo.show import COMPRESSION, KINDS, end_call, list_memories, show_delivery, start_call, use_tool
from local.demo.terminal import Terminal
from local.elevenlabs import (
    CallScript,
    ElevenLabs,
    Saved,
    ScriptError,
    compressed,
    encode,
    is_script,
    load_json,
    load_saved,
    load_script,
    parse_saved,
)
from local.endpoints import System
from local.memories import Memories, ReadError

NOTHING_SECONDS = 3.0  # to make sure that nothing is stored where nothing should be


def deliver_file(
    system: System,
    path: Path,
    out: TextIO,
    *,
    patience: float = 30.0,
    connect: Callable[[System], object] = connect,
) -> bool:
    """Deliver a saved post-call payload, or run a call script, against a running system.

    Returns:
        True if the webhook was answered 200, and memories appeared within `patience` seconds exactly where
        they are to be expected.
    """
    page = Terminal(out)
    page.title(f"AgenticMemory: {path.name}")
    try:
        connect(system)
        with ElevenLabs(system.elevenlabs.workspace, sleep=compressed(COMPRESSION)) as elevenlabs:
            if is_script(load_json(path)):
                saved = _run_script(page, elevenlabs, load_script(path))
            else:
                saved = _deliver(page, elevenlabs, load_saved(path))
        words, good = _show_memories(page, system, saved, patience)
    except (ScriptError, ReadError, ConnectError, ConnectionError) as error:
        words, good = str(error), False
    page.verdict(words, good=good)
    return good


def _run_script(page: Terminal, elevenlabs: ElevenLabs, script: CallScript) -> Saved:
    page.step(f"A {script.kind} call, {len(script.turns)} turns")
    call = start_call(page, elevenlabs, script)
    if call.problem:
        raise ConnectionError("The call did not take place.")
    for tool in script.tools:
        use_tool(page, elevenlabs, call, tool)
    if not end_call(page, elevenlabs, call).accepted:
        raise ConnectionError("The webhook was not answered with 200: ElevenLabs counts it as failed.")
    return parse_saved(call.event, encode(call.event))


def _deliver(page: Terminal, elevenlabs: ElevenLabs, saved: Saved) -> Saved:
    page.step("The payload is signed and delivered as it is")
    if saved.note:
        page.text(saved.note)
    page.entry("conversation", saved.conversation_id)
    page.entry("caller", f"{saved.caller or 'anonymous'}, spoke {saved.spoken} times")
    delivery = elevenlabs.deliver(saved.body, saved.event_type)
    show_delivery(page, delivery, f"{len(saved.body):,} bytes")
    if not delivery.accepted:
        raise ConnectionError("The webhook was not answered with 200: ElevenLabs counts it as failed.")
    return saved


def _show_memories(page: Terminal, system: System, saved: Saved, patience: float) -> tuple[str, bool]:
    page.step("What is remembered")
    expected = saved.leaves_memories
    with Memories(system.endpoints) as memories:
        patience = patience if expected else min(patience, NOTHING_SECONDS)
        found = memories.wait_for(saved.conversation_id, KINDS, patience)
    for owner in sorted({memory.user_id for memory in found}):
        page.text(f"For {owner}:")
        list_memories(page, [memory for memory in found if memory.user_id == owner])
    if expected:
        return ("The call is remembered.", True) if found else ("Nothing was remembered of this call.", False)
    if found:
        return "Memories were stored where none should be.", False
    return "Nothing, as it should be: no known caller said anything.", True
