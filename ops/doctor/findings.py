"""What `amem doctor` looks at, and what each finding means for a caller and for the operator."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "broken"]
_CONNECT = "amem connect"


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        about: what it looks at.
        means: what it means for a caller if it fails.
        remedy: what to do then.
        status: how bad that is.
    """

    about: str
    means: str
    remedy: str
    status: Status = "broken"


@dataclass(frozen=True)
class Finding:
    """What was seen at one check.

    Attributes:
        check: its name in `CHECKS`.
        seen: what was seen, in words.
        ok: whether that is as it should be.
    """

    check: str
    seen: str
    ok: bool = False

    @property
    def status(self) -> Status:
        """How it is."""
        return "ok" if self.ok else CHECKS[self.check].status

    @property
    def about(self) -> Check:
        """The check itself."""
        return CHECKS[self.check]


CHECKS = {
    "secret": Check(
        "the credentials in Secrets Manager",
        "without them no caller is recognized and no call is remembered",
        "amem secret",
    ),
    "mem0-key": Check(
        "the Mem0 API key",
        "agents have no memories, and calls wait in the queue",
        "amem secret --replace MEM0_API_KEY",
    ),
    "mem0-project": Check(
        "the project that the Mem0 API key belongs to",
        "nothing is read or written, so that no memory ends up in another project",
        "amem secret --replace MEM0_ORG_ID --replace MEM0_PROJECT_ID, or use the right project's key",
    ),
    "dead-letters": Check(
        "calls that could not be remembered",
        "these calls are not remembered; they are kept for 14 days",
        "amem dead-letters shows the reasons; fix them, then amem redrive",
        status="warning",
    ),
    "queue": Check(
        "calls that wait to be remembered",
        "a caller who calls again is not told what was said in a call that waits",
        "see the alarm oldest-call in docs/operations.md",
        status="warning",
    ),
    "mem0-events": Check(
        "what Mem0 made of the calls that it accepted",
        "what Mem0 fails to extract is tried again, and ends among the dead letters",
        "see Mem0's status page and the events in its dashboard",
        status="warning",
    ),
    "alarms": Check(
        "who is told of alarms",
        "callers notice before you do",
        "deploy with -c alarm_email=you@example.com and follow the link in AWS's mail",
        status="warning",
    ),
    "connected": Check("the record of connect", "agents do not know their callers", _CONNECT),
    "api-key": Check(
        "the ElevenLabs API key",
        "not known: without it nothing in ElevenLabs can be checked",
        "check ELEVENLABS_API_KEY, its permissions, and ELEVENLABS_BASE_URL for a residency workspace",
    ),
    "agent": Check(
        "the connected agents",
        "none, if the agent was deleted; else these checks look at another workspace",
        "use a key of the workspace that has the agent; after deleting one: amem disconnect, amem connect",
    ),
    "initiation-webhook": Check(
        "where ElevenLabs asks who is calling",
        "every caller hears the generic greeting, as if they had never called",
        _CONNECT,
    ),
    "no-webhook-to-fetch": Check(
        "agents that fetch caller data have a webhook to fetch it from",
        "every call ends after 0 seconds",
        _CONNECT,
    ),
    "initiation-key": Check(
        "the key that ElevenLabs sends to ClientData",
        "ClientData answers 401, and every caller hears the generic greeting or nothing",
        _CONNECT,
    ),
    "agent-fetching": Check(
        "agents fetch caller data, on every branch that has calls",
        "callers of this agent hear the generic greeting",
        _CONNECT,
    ),
    "agent-override": Check(
        "agents allow the prompt to be overridden",
        "calls end at the start, or the agent ignores what it is told",
        _CONNECT,
    ),
    "agent-variables": Check(
        "every variable that an agent uses has a value or a placeholder",
        "a call that lacks one ends at the start",
        "amem connect adds ours; give the others a placeholder in the agent's settings",
    ),
    "agent-memories": Check(
        "agents use the memories that they get (prompt_mode=variable)",
        "the agent speaks as if it did not know the caller",
        "put {{memory_context}} into the agent's prompt, or deploy with prompt_mode=override",
    ),
    "agent-webhooks": Check(
        "agents have no webhooks of their own that lead elsewhere",
        "calls of this agent are not recognized or not remembered",
        "remove them from the agent in ElevenLabs, or use amem disconnect and amem connect --scope agents",
    ),
    "agent-tool": Check(
        "agents have the tool that looks memories up",
        "the agent cannot look up what was said before",
        _CONNECT,
    ),
    "agent-tools-exist": Check(
        "every tool of an agent exists",
        "calls of this agent fail",
        "remove the tool from the agent in ElevenLabs",
    ),
    "tool": Check(
        "the tool that looks memories up", "the agent cannot look up what was said before", _CONNECT
    ),
    "tool-caller": Check(
        "the platform fills in the caller, not the model",
        "the model may ask for another caller's memories",
        _CONNECT,
    ),
    "tool-token": Check(
        "the tool sends the call token where Retrieve requires it",
        "each look-up is answered 401, and the agent does not remember",
        _CONNECT,
    ),
    "tool-errors": Check(
        "look-ups of the last day",
        "the agent does not remember when it is asked",
        "see the log of retrieve",
        status="warning",
    ),
    "tool-latency": Check(
        "how long look-ups take",
        "the agent is silent, and then goes on without the memory",
        "see Mem0's latency on the dashboard",
        status="warning",
    ),
    "tool-asked-for-others": Check(
        "look-ups are for the caller of the call",
        "one caller's memories may be told to another",
        "amem connect; then find the calls by amem explain",
    ),
    "post-call-webhook": Check("where ElevenLabs delivers calls", "calls are not remembered", _CONNECT),
    "post-call-events": Check("what ElevenLabs delivers of a call", "calls are not remembered", _CONNECT),
    "signing-key": Check(
        "the key that the post-call webhook signs with",
        "calls are answered 401 and not remembered",
        "amem rotate hmac-key, then amem backfill for the calls in between",
    ),
    "audio-events": Check(
        "ElevenLabs delivers no audio",
        "none; each call costs a delivery of megabytes that is thrown away",
        "switch the event audio off in ElevenLabs, unless another system needs it",
        status="warning",
    ),
    "webhook-disabled": Check(
        "the post-call webhook is switched on",
        "calls are not remembered",
        "fix what made it fail, amem connect, then amem backfill for the calls in between",
    ),
    "webhook-failing": Check(
        "deliveries of the post-call webhook",
        "some calls may not be remembered",
        "see the log of post-call; amem backfill imports what is missing",
        status="warning",
    ),
    "webhook-retries": Check(
        "failed deliveries are tried again",
        "one failed delivery loses a call",
        _CONNECT,
        status="warning",
    ),
    "phone-numbers": Check(
        "connected agents have a phone number for calls to come in by",
        "nobody can call the agent; or callers reach a branch that is not connected",
        "assign a phone number in ElevenLabs, or run amem connect after changing branches",
        status="warning",
    ),
    "retention": Check(
        "how long ElevenLabs keeps conversations",
        "none; amem backfill and amem explain find nothing",
        "change the agent's privacy settings if that is not meant",
        status="warning",
    ),
    "rotation": Check(
        "key rotations are finished",
        "none; an old key stays valid",
        "run amem rotate again",
        status="warning",
    ),
    "drift": Check(
        "everything else is as connect left it",
        "depends on what was changed",
        "amem connect --dry-run shows it; amem connect changes it back",
        status="warning",
    ),
    "agents-json": Check(
        "no agents.json of ElevenLabs' CLI would undo the connection",
        "the next push makes callers unknown again",
        "elevenlabs agents pull --update",
        status="warning",
    ),
    "live-client-data": Check(
        "ClientData knows a caller", "callers are not recognized", "see the log of client-data"
    ),
    "live-retrieve": Check(
        "Retrieve finds a memory", "agents cannot look memories up", "see the log of retrieve"
    ),
    "live-post-call": Check(
        "PostCall accepts a signed call", "calls are not remembered", "see the log of post-call"
    ),
    "live-remembered": Check(
        "the call is remembered", "calls are not remembered", "see amem dead-letters and the log of post-call"
    ),
    "live-forgotten": Check(
        "a caller can be forgotten",
        "what a caller wants deleted stays",
        "amem forget; see Mem0's status page",
    ),
}
"""Every check by its name."""
