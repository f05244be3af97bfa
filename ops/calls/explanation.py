"""Everything about one call: what the agent was told, what it looked up, what the call left, and when."""

import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops.calls.outcome import Outcomes, Reading
from ops.calls.overview import CallOverview, overview
from ops.calls.sources import Sources, StoredMemory
from ops.calls.told import Told, told
from ops.errors import cannot_start
from post_call import payload
from post_call.payload import NotUnderstoodError
from post_call.record import CallRecord
from post_call.redaction import CLASSES, redact

_ID = re.compile(r"[A-Za-z0-9_-]{1,256}")
_KINDS = ("fact", "summary", "passage")
_EARLIER = dt.timedelta(hours=1)  # than the call, the phone has not rung
_LONGEST_RESULT = 100_000
_LONGEST_CALL = 7 * 86_400  # seconds


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
    if not _ID.fullmatch(conversation_id):
        raise cannot_start("that is no id of a conversation")
    reading = Reading(sources.workspace.conversation(conversation_id), sources.environment)
    outcomes = Outcomes(sources)
    outcomes.load([reading])
    own = list(sources.memories(reading.user_id, conversation_id)) if reading.user_id else []
    all_memories = sources.memories(reading.user_id) if reading.user_id else iter(())
    earlier = (memory for memory in all_memories if memory.conversation_id != conversation_id)
    in_brief = overview(sources, outcomes, reading)
    said = _said(reading)
    spoken = redact(said, keep=sources.environment.keep_spoken) if said else None
    return Explanation(
        overview=in_brief,
        told=told(reading.data, earlier, sources.environment, reading.began),
        look_ups=tuple(_look_ups(reading.data.get("transcript"))),
        left=Left(
            memories=tuple(sorted(own, key=in_order)),
            redacted=redacted(said, spoken) if said and spoken else {},
        ),
        times=_times(sources, outcomes, reading, in_brief),
        spoken=spoken,
    )


def in_order(memory: StoredMemory) -> tuple[int, int]:
    """Where a memory stands among those of its call: facts, the summary, the passages."""
    return _KINDS.index(memory.kind), memory.memory.place


def redacted(said: CallRecord, spoken: CallRecord) -> dict[str, int]:
    """How many secrets of each kind were replaced. A caller who says "[pin]" has not given one."""
    counts = {mark: _text_of(spoken).count(mark) - _text_of(said).count(mark) for mark in CLASSES.values()}
    return {mark: count for mark, count in counts.items() if count > 0}


def _text_of(record: CallRecord) -> str:
    return "\n".join([*(turn.text for turn in record.turns), record.summary, *record.collected.values()])


def _said(reading: Reading) -> CallRecord | None:
    try:
        record = payload.call_record(reading.data, reading.user_id, reading.ended.timestamp())
    except NotUnderstoodError:
        return None
    return record if record.turns else None


def _look_ups(transcript: object) -> Iterator[LookUp]:
    """The tools that were used, with their results, which stand in later turns."""
    turns = [turn for turn in transcript if isinstance(turn, Mapping)] if isinstance(transcript, list) else []
    results = {
        str(item.get("request_id")): item for turn in turns for item in _objects(turn.get("tool_results"))
    }
    for turn in turns:
        for used in _objects(turn.get("tool_calls")):
            result = results.get(str(used.get("request_id")), {})
            text = str(result.get("result_value") or "")[:_LONGEST_RESULT]
            found = _json(text).get("memories")
            yield LookUp(
                tool=str(used.get("tool_name") or ""),
                at_seconds=int(_duration(turn.get("time_in_call_secs")) or 0),
                parameters=_json(used.get("params_as_json")),
                result=text,
                memories=tuple(_objects(found)) if isinstance(found, list) else None,
                is_error=bool(result.get("is_error")),
                seconds=_duration(result.get("tool_latency_secs")),
            )


def _times(sources: Sources, outcomes: Outcomes, reading: Reading, in_brief: CallOverview) -> Times:
    since = reading.began - _EARLIER
    metadata = reading.data.get("metadata")
    phone = metadata.get("phone_call") if isinstance(metadata, Mapping) else None
    call_sid = phone.get("call_sid") if isinstance(phone, Mapping) else None
    rings = sources.log("client-data", call_sid, since=since) if isinstance(call_sid, str) else []
    ring = next((line for line in rings if line.fields.get("call_sid") == call_sid), None)
    took = ring.fields.get("duration_ms") if ring else None
    took = float(took) if isinstance(took, int | float) else None
    lines = sources.log("post-call", reading.conversation_id, since=since)
    webhook = next((line for line in lines if str(line.fields.get("message")).startswith("webhook ")), None)
    accepted = outcomes.noted(reading, "accepted_at")
    return Times(
        rang=_moment(ring.at - (took or 0) / 1000) if ring else None,
        client_data_ms=took,
        began=reading.began,
        ended=reading.ended,
        webhook=_moment(webhook.at) if webhook else None,
        accepted=_moment(accepted) if accepted else None,
        remembered=in_brief.outcome.remembered_at,
    )


def _duration(value: object) -> float | None:
    """Seconds, as far as something in a call can last."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LONGEST_CALL:
        return None
    return float(value)


def _objects(value: object) -> Sequence[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _json(text: object) -> Mapping[str, Any]:
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, Mapping) else {}


def _moment(unix: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(unix, dt.UTC)
