"""A simulated ElevenLabs: a workspace with its management API, and the calls that go as it is set up.

    with ElevenLabs(Workspace.connected(system.endpoints)) as elevenlabs:
        call = elevenlabs.run_call(load_script(Path("local/calls/maria-first.json")))

It imports nothing from `lambdas/`: a simulation built from our own code would share our mistakes.
"""

from local.elevenlabs.delivery import Delivery, Webhook, compressed
from local.elevenlabs.http_client import HttpClient, Reply
from local.elevenlabs.payload import encode, post_call_event
from local.elevenlabs.platform import Call, ElevenLabs
from local.elevenlabs.saved import Saved, is_script, load_saved, parse_saved
from local.elevenlabs.script import (
    CallScript,
    ScriptError,
    ToolUse,
    Turn,
    load_json,
    load_script,
    parse_script,
)
from local.elevenlabs.server import WorkspaceServer
from local.elevenlabs.signature import HEADER, sign
from local.elevenlabs.transcript import ToolResult
from local.elevenlabs.workspace import Workspace

__all__ = [
    "HEADER",
    "Call",
    "CallScript",
    "Delivery",
    "ElevenLabs",
    "HttpClient",
    "Reply",
    "Saved",
    "ScriptError",
    "ToolResult",
    "ToolUse",
    "Turn",
    "Webhook",
    "Workspace",
    "WorkspaceServer",
    "compressed",
    "encode",
    "is_script",
    "load_json",
    "load_saved",
    "load_script",
    "parse_saved",
    "parse_script",
    "post_call_event",
    "sign",
]
