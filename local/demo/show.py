"""Runs the parts of a simulated call and prints each: its start, its turns, its look-ups, its end."""

import json
from collections.abc import Sequence

from local.demo.terminal import Terminal
from local.elevenlabs import Call, CallScript, Delivery, ElevenLabs, ToolResult, ToolUse, Turn
from local.memories import Memory

KINDS = frozenset({"factual", "semantic"})
"""The two `metadata.type` values that every call leaves."""
COMPRESSION = 600.0
"""How much sooner a failed delivery is retried than on the platform: 40 minutes in 4 seconds."""
MOST_MEMORIES = 4  # of each kind


def start_call(page: Terminal, elevenlabs: ElevenLabs, script: CallScript) -> Call:
    """Start a call: what ClientData is asked, and what it answers."""
    call = elevenlabs.start_call(script)
    if reply := call.initiation_reply:
        page.entry("→ ClientData", f"POST {call.initiation_body}, X-Workspace-Key: ***", rows=2)
        page.entry("← ClientData", f"{reply} in {reply.milliseconds:.0f} ms")
    if call.initiation and call.initiation_reply:
        shown = ("caller_name", "returning_caller", "memory_count")
        variables = call.initiation.variables
        page.entry("← ClientData", ", ".join(f"{name}: {variables.get(name)!r}" for name in shown))
    if call.problem:
        page.text(f"The call cannot start: {call.problem}")
    return call


def say(page: Terminal, turn: Turn, script: CallScript) -> None:
    """Print one turn; a dash ends what the caller cut short."""
    speaker = script.agent_name if turn.role == "agent" else script.collected.get("caller_name") or "Caller"
    page.entry(str(speaker).split()[0], (turn.message or "(silence)") + (" -" if turn.interrupted else ""))


def use_tool(page: Terminal, elevenlabs: ElevenLabs, call: Call, tool: ToolUse) -> ToolResult:
    """Let the agent use a tool; print Retrieve's memories, best first."""
    result = elevenlabs.use_tool(call, tool)
    if result.url:
        page.entry("→ Retrieve", f"POST {result.body}", rows=2)
        status = f"failed: {result.result}" if result.is_error else "200"
        page.entry("← Retrieve", f"{status} in {result.milliseconds:.0f} ms")
        for memory in _memories_in(result):
            page.entry(f"• {memory.get('type')}", f"{memory.get('date')}: {memory.get('memory')}", rows=4)
    return result


def end_call(page: Terminal, elevenlabs: ElevenLabs, call: Call) -> Delivery:
    """End a call: the signed webhook is delivered."""
    delivery = elevenlabs.end_call(call)
    show_delivery(page, delivery, f"{len(call.event['data'].get('transcript', ()))} turns")
    return delivery


def show_delivery(page: Terminal, delivery: Delivery, what: str) -> None:
    """Print each attempt of a delivery, and its answer."""
    for number, attempt in enumerate(delivery.attempts):
        again = f"again after {attempt.waited:.0f} s (compressed): " if number else ""
        page.entry(
            "→ PostCall", f"{again}POST {delivery.event_type}, {what}, ElevenLabs-Signature: t=...,v0=..."
        )
        page.entry(
            "← PostCall", f"{attempt.reply} in {attempt.reply.milliseconds:.0f} ms {attempt.reply.text}"
        )


def list_memories(page: Terminal, memories: Sequence[Memory]) -> str:
    """Print the first memories of each kind; return how many there are of each."""
    counts = []
    for kind in sorted({memory.kind for memory in memories}):
        texts = [memory.text for memory in memories if memory.kind == kind]
        counts.append(f"{len(texts)} {kind}")
        for text in texts[:MOST_MEMORIES]:
            page.entry(f"• {kind or 'untyped'}", text, rows=1)
        if len(texts) > MOST_MEMORIES:
            page.entry("", f"... and {len(texts) - MOST_MEMORIES} more")
    return ", ".join(counts) or "none"


def _memories_in(result: ToolResult) -> list[dict[str, object]]:
    try:
        return [memory for memory in json.loads(result.result)["memories"] if isinstance(memory, dict)]
    except (ValueError, KeyError, TypeError):
        return []
