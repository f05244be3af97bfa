"""New keys in place of old ones, with both valid meanwhile. The next run finishes what was interrupted."""

import time
from typing import Literal

from ops import function_logs
from ops.connect.connection import Connection
from ops.connect.state import Context, Say, fingerprint
from ops.connect.webhook import RETIRED_SECONDS, retire
from ops.errors import cannot_start
from ops.secret import new_key
from shared.call_token import LIFETIME_SECONDS

Which = Literal["workspace-key", "hmac-key"]
_KEY = "ELEVENLABS_WORKSPACE_KEY"
_LATE_SECONDS = 60  # within which a request may still bear the old key
_ENOUGH_CALLS = 3


def rotate(context: Context, which: Which, say: Say) -> float:
    """Go as far as can be gone now.

    Args:
        context: the stage and its workspace.
        which: the key for the initiation webhook, or the one that signs post-call webhooks.
        say: is told what was done.

    Returns:
        When the old key can be removed, by running this again, in unix seconds; 0 if it is gone.

    Raises:
        OperatorError: if the stage is not connected.
    """
    if not context.record.get("agents"):
        raise cannot_start("this stage is not connected", "run `amem connect` first")
    connection = Connection(context)
    if which == "hmac-key":
        return _rotate_hmac_key(context, connection, say)
    return _rotate_workspace_key(context, connection, say)


def next_step(context: Context, which: Which) -> str:
    """What `rotate` would do now, in words."""
    if which == "hmac-key":
        ends = [float(old["since"]) + RETIRED_SECONDS for old in context.record.get("retired", [])]
    else:
        rotating = context.record.get("rotating")
        ends = [float(rotating["since"]) + _lifetime(context)] if rotating else []
    if not ends:
        return f"a new {which} would be made, with the old one valid meanwhile"
    if time.time() < max(ends):
        return f"the old {which} stays valid for another {(max(ends) - time.time()) / 60:.0f} minutes"
    return f"the new {which} would be in use everywhere, and the old one go an hour later"


def _rotate_hmac_key(context: Context, connection: Connection, say: Say) -> float:
    under_way = bool(context.record.get("retired"))
    if not under_way:
        retire(context, every_key=True)
    connection.make(say)  # makes a webhook in place of the retired one, and deletes what is long retired
    ends = [float(old["since"]) + RETIRED_SECONDS for old in context.record.get("retired", [])]
    return max(ends, default=0)


def _rotate_workspace_key(context: Context, connection: Connection, say: Say) -> float:
    keys = context.secret.keys(_KEY)
    if "rotating" not in context.record:
        context.note(rotating={"old": [fingerprint(key) for key in keys], "since": 0})
    rotating = context.record["rotating"]
    if all(fingerprint(key) in rotating["old"] for key in keys):
        keys = [new_key(), *keys]
        context.secret.set_keys(_KEY, keys)
        say("a new workspace key is in Secrets Manager, beside the old one")
    connection.make(say)  # puts the first of them into ElevenLabs' secret, in place
    if not rotating["since"]:
        context.note(rotating={**rotating, "since": time.time()})
    since = float(context.record["rotating"]["since"])
    # A call that began with the old key may hold a token that was made with it.
    end = since + _lifetime(context)
    if time.time() < end and (_gives_tokens(context) or not _is_unused(context, since)):
        return end
    context.secret.set_keys(_KEY, [key for key in keys if fingerprint(key) not in rotating["old"]])
    del context.record["rotating"]
    context.note()
    return 0


def _gives_tokens(context: Context) -> bool:
    return context.deployment.environment.retrieve_auth == "call_token"


def _lifetime(context: Context) -> float:
    """How long an old workspace key stays valid, in seconds."""
    return LIFETIME_SECONDS if _gives_tokens(context) else RETIRED_SECONDS


def _is_unused(context: Context, since: float) -> bool:
    """Whether ClientData's log proves that the new key is used, and the old one is not."""
    used = [
        line.fields.get("workspace_key") == "older"
        for line in function_logs.read(
            context.deployment, "client-data", since=since + _LATE_SECONDS, term="caller looked up"
        )
    ]
    return len(used) >= _ENOUGH_CALLS and not any(used)
