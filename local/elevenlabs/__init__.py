"""A simulated ElevenLabs: everything that the real one does to our three functions, on one machine.

    script = load_script(Path("local/calls/maria-first.json"))
    with ElevenLabs(system.endpoints) as elevenlabs:
        call = elevenlabs.play(script)

``script`` describes a call, ``agent`` is the agent's set-up and the platform's strictness, ``platform``
plays the call, ``transcript`` and ``payload`` build the webhook, ``signature`` and ``delivery`` bring it,
``saved`` reads a real payload. The format of the call scripts is described in ``local/calls/README.md``.

It imports nothing from ``lambdas/``: an ElevenLabs built from our own code would agree with our mistakes.
"""

from .agent import Agent, Initiation, InitiationError, MemoryTool
from .delivery import Attempt, Delivery, Webhook, compressed
from .fields import ScriptError
from .payload import encode, post_call_event
from .platform import Call, ElevenLabs, new_conversation_id, tools_of
from .saved import Saved, is_script, load_saved, parse_saved
from .script import CallScript, ToolUse, Turn, load_script, parse_script
from .signature import HEADER, sign
from .transcript import Outcome
from .wire import Reply, Wire

__all__ = [
    "HEADER",
    "Agent",
    "Attempt",
    "Call",
    "CallScript",
    "Delivery",
    "ElevenLabs",
    "Initiation",
    "InitiationError",
    "MemoryTool",
    "Outcome",
    "Reply",
    "Saved",
    "ScriptError",
    "ToolUse",
    "Turn",
    "Webhook",
    "Wire",
    "compressed",
    "encode",
    "is_script",
    "load_saved",
    "load_script",
    "new_conversation_id",
    "parse_saved",
    "parse_script",
    "post_call_event",
    "sign",
    "tools_of",
]
