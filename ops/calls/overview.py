"""Recent calls, newest first, and what became of them."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from ops.calls.outcome import Outcome
from ops.calls.sources import Sources


@dataclass(frozen=True, kw_only=True)
class CallOverview:
    """A call in brief.

    Attributes:
        conversation_id: ElevenLabs' id.
        began: when the call began, in UTC.
        seconds: how long it was.
        agent_id: which agent was called.
        agent_name: its name; may be empty.
        user_id: the caller; empty if anonymous.
        outcome: what became of it.
        told: how many memories the agent was told of; None if ClientData was not asked.
        left: how many memories the call left in Mem0 that are there now.
    """

    conversation_id: str
    began: dt.datetime
    seconds: int
    agent_id: str
    agent_name: str
    user_id: str
    outcome: Outcome
    told: int | None
    left: int


def calls(
    sources: Sources, limit: int, *, before: dt.datetime | None = None, agent_id: str = "", user_id: str = ""
) -> Iterator[CallOverview]:
    """The newest calls, newest first, as they are read.

    Args:
        sources: of a stage.
        limit: at most so many.
        before: only calls that began before it: the `began` of the last one of the page before.
        agent_id: only calls of this agent.
        user_id: only calls of this caller.

    Raises:
        OperatorError: if ElevenLabs, AWS or Mem0 cannot be read.
    """
    raise NotImplementedError
