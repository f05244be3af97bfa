"""Recent calls, newest first, and what became of them."""

import datetime as dt
import heapq
import itertools
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from ops.callers import conversation_filters
from ops.calls.outcome import Outcome, Outcomes, Reading
from ops.calls.sources import Sources
from ops.workspace import WorkspaceError
from shared.text import plain_text

_READERS = 8  # requests at a time
_AT_ONCE = 25  # calls that are read before the first of them is shown
_PAGE = 100
_MOST_SEARCHED = 2000  # conversations whose titles are searched


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


def calls(  # noqa: PLR0913 - keyword-only filters with defaults
    sources: Sources,
    limit: int,
    *,
    before: tuple[dt.datetime, str] | None = None,
    agent_id: str = "",
    user_id: str = "",
    words: str = "",
    known: Callable[[str], CallOverview | None] = lambda _conversation_id: None,
) -> Iterator[CallOverview]:
    """The newest calls, newest first, as they are read.

    Args:
        sources: of a stage.
        limit: at most so many.
        before: `began` and `conversation_id` of the last call of the page before.
        agent_id: only calls of this agent.
        user_id: only calls of this caller, if ElevenLabs knows the number in E.164.
        words: only calls whose title, summary or agent's name holds these words, of the newest 2,000.
        known: a call that need not be read again, by its id.

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

    rows = _rows(sources, before, agent_id, user_id)
    if words:
        rows = (row for row in itertools.islice(rows, _MOST_SEARCHED) if _holds(row, words))
    ids = (str(row["conversation_id"]) for row in itertools.islice(rows, limit))
    with ThreadPoolExecutor(_READERS) as readers:
        while some := list(itertools.islice(ids, _AT_ONCE)):
            found = {id_: call for id_ in some if (call := known(id_))}
            readings = [
                reading for reading in readers.map(read, [i for i in some if i not in found]) if reading
            ]
            outcomes.load(readings)
            read_now = readers.map(lambda reading: overview(sources, outcomes, reading), readings)
            found |= {call.conversation_id: call for call in read_now}
            yield from (found[id_] for id_ in some if id_ in found)


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


def _rows(
    sources: Sources, before: tuple[dt.datetime, str] | None, agent_id: str, user_id: str
) -> Iterator[Mapping[str, Any]]:
    """The conversations in brief, newest first, each once."""
    options: dict[str, str | int] = {"page_size": _PAGE, "sort_direction": "desc"}
    if agent_id:
        options["agent_id"] = agent_id
    if before:  # whether the limit itself is included is not known
        options["call_start_before_unix"] = int(before[0].timestamp()) + 1
    of_caller = conversation_filters(user_id) if user_id else [{}]
    lists = [sources.workspace.conversations(**options, **filters) for filters in of_caller]
    seen = set[str]()
    passed = before is None
    for row in heapq.merge(*lists, key=_start, reverse=True):
        conversation_id = str(row["conversation_id"])
        # Several calls may begin in one second: of those, the ones after the last one are left.
        if not passed and before and _start(row) < int(before[0].timestamp()):
            passed = True
        if passed and conversation_id not in seen:
            seen.add(conversation_id)
            yield row
        elif before and conversation_id == before[1]:
            passed = True
            seen.add(conversation_id)


def _start(row: Mapping[str, Any]) -> int:
    start = row.get("start_time_unix_secs")
    return int(start) if isinstance(start, int | float) else 0


def _holds(row: Mapping[str, Any], words: str) -> bool:
    texts = (row.get(name) for name in ("call_summary_title", "transcript_summary", "agent_name"))
    return words.casefold() in " ".join(text for text in texts if isinstance(text, str)).casefold()


def _told(data: Mapping[str, Any]) -> int | None:
    """The variable that ClientData set; None if it was not asked."""
    client_data = data.get("conversation_initiation_client_data")
    variables = client_data.get("dynamic_variables") if isinstance(client_data, Mapping) else None
    count = variables.get("memory_count") if isinstance(variables, Mapping) else None
    text = str(count)
    return int(text) if text.isascii() and text.isdecimal() else None


def _text(value: object) -> str:
    return plain_text(value, longest=256) if isinstance(value, str) else ""
