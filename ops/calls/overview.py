"""Recent calls, newest first, and what became of them."""

import datetime as dt
import itertools
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from ops.calls.outcome import Outcome, Outcomes, Reading
from ops.calls.sources import Sources
from ops.workspace import WorkspaceError
from shared.text import plain_text

_READERS = 8  # requests at a time
_AT_ONCE = 25  # calls that are read before the first of them is shown
_PAGE = 100


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
    sources: Sources, limit: int, *, before: tuple[dt.datetime, str] | None = None, agent_id: str = ""
) -> Iterator[CallOverview]:
    """The newest calls, newest first, as they are read.

    Args:
        sources: of a stage.
        limit: at most so many.
        before: `began` and `conversation_id` of the last call of the page before.
        agent_id: only calls of this agent.

    Raises:
        OperatorError: if ElevenLabs, AWS or Mem0 cannot be read.
    """
    outcomes = Outcomes(sources)

    def read(conversation_id: str) -> Reading | None:
        try:
            return Reading(sources.workspace.conversation(conversation_id), sources.environment)
        except WorkspaceError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None  # deleted since it was listed

    with ThreadPoolExecutor(_READERS) as readers:
        ids = itertools.islice(_ids(sources, limit, before, agent_id), limit)
        while some := list(itertools.islice(ids, _AT_ONCE)):
            readings = [reading for reading in readers.map(read, some) if reading]
            outcomes.load(readings)
            yield from readers.map(lambda reading: overview(sources, outcomes, reading), readings)


def overview(sources: Sources, outcomes: Outcomes, reading: Reading) -> CallOverview:
    """A call in brief; `outcomes` has loaded it."""
    left = sources.count(reading.user_id, reading.conversation_id) if reading.user_id else 0
    return CallOverview(
        conversation_id=reading.conversation_id,
        began=reading.began,
        seconds=int((reading.ended - reading.began).total_seconds()),
        agent_id=_text(reading.data.get("agent_id")),
        agent_name=_text(reading.data.get("agent_name")),
        user_id=reading.user_id,
        outcome=outcomes.of(reading, left=left),
        told=_told(reading.data),
        left=left,
    )


def _ids(
    sources: Sources, limit: int, before: tuple[dt.datetime, str] | None, agent_id: str
) -> Iterator[str]:
    """The conversations' ids, newest first."""
    filters: dict[str, str | int] = {"page_size": min(limit, _PAGE), "sort_direction": "desc"}
    if agent_id:
        filters["agent_id"] = agent_id
    if before:  # whether the limit itself is included is not known
        filters["call_start_before_unix"] = int(before[0].timestamp()) + 1
    passed = before is None
    for row in sources.workspace.conversations(**filters):
        conversation_id = str(row["conversation_id"])
        # Several calls may begin in one second: of those, the ones after the last one are left.
        if not passed and before and int(row.get("start_time_unix_secs") or 0) < int(before[0].timestamp()):
            passed = True
        if passed:
            yield conversation_id
        elif before and conversation_id == before[1]:
            passed = True


def _told(data: Mapping[str, Any]) -> int | None:
    """The variable that ClientData set; None if it was not asked."""
    client_data = data.get("conversation_initiation_client_data")
    variables = client_data.get("dynamic_variables") if isinstance(client_data, Mapping) else None
    count = variables.get("memory_count") if isinstance(variables, Mapping) else None
    text = str(count)
    return int(text) if text.isascii() and text.isdecimal() else None


def _text(value: object) -> str:
    return plain_text(value, longest=256) if isinstance(value, str) else ""
