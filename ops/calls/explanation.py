"""Everything about one call: what the agent was told, what it looked up, what the call left, and when."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.calls.overview import CallOverview
from ops.calls.sources import Sources, StoredMemory
from ops.calls.told import Told
from post_call.record import CallRecord


@dataclass(frozen=True, kw_only=True)
class LookUp:
    """A tool that the agent used.

    Attributes:
        tool: its name.
        at_seconds: into the call.
        parameters: what the agent filled in.
        result: what it was answered, as it was sent.
        memories: `memory`, `type`, `date`, `score` each, if Retrieve answered; else None.
        is_error: whether it failed.
        seconds: how long it took; None if ElevenLabs does not say.
    """

    tool: str
    at_seconds: int
    parameters: Mapping[str, Any]
    result: str
    memories: tuple[Mapping[str, Any], ...] | None
    is_error: bool
    seconds: float | None

    @property
    def query(self) -> str:
        """What was looked for, if it was one of Retrieve's; else empty."""
        query = self.parameters.get("query")
        return query if isinstance(query, str) else ""


@dataclass(frozen=True, kw_only=True)
class Left:
    """What the call left.

    Attributes:
        memories: in Mem0 now: facts, then the summary, then passages in their order.
        redacted: placeholders of secrets and how often each stands in the call: `{"[card number]": 1}`.
    """

    memories: tuple[StoredMemory, ...]
    redacted: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Times:
    """When things happened, in UTC; None for what the logs (kept for seven days) and the ledger do not tell.

    Attributes:
        rang: ClientData was asked.
        client_data_ms: how long that took.
        began: the call began.
        ended: it ended.
        webhook: PostCall accepted it.
        accepted: Mem0 accepted the first of its adds.
        remembered: Mem0 was done with all of them.
    """

    rang: dt.datetime | None
    client_data_ms: float | None
    began: dt.datetime
    ended: dt.datetime
    webhook: dt.datetime | None
    accepted: dt.datetime | None
    remembered: dt.datetime | None


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Everything about one call.

    Attributes:
        overview: the call in brief, with what became of it.
        told: before the call; None if ClientData was not asked.
        look_ups: in order.
        left: in memory.
        times: of every step.
        spoken: what was said, without secrets; None if the transcript is gone.
    """

    overview: CallOverview
    told: Told | None
    look_ups: tuple[LookUp, ...]
    left: Left
    times: Times
    spoken: CallRecord | None


def call(sources: Sources, conversation_id: str) -> Explanation:
    """Everything about one call.

    Raises:
        OperatorError: if there is no such conversation, or ElevenLabs, AWS or Mem0 cannot be read.
    """
    raise NotImplementedError
