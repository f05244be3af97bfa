"""What became of a call: by PostCall's own decision, the ledger, the dead letters, and the log."""

import datetime as dt
import functools
import hashlib
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ops import dead_letters
from ops.calls.sources import Sources
from post_call import intake, messages, payload
from post_call.ledger import FORGOTTEN
from post_call.payload import TRANSCRIPTION, NotUnderstoodError
from post_call.record import CallRecord

State = Literal["remembered", "waiting", "dead letter", "left out", "forgotten", "no webhook", "under way"]
Item = Mapping[str, Any]

_UNDER_WAY = ("initiated", "in-progress", "processing")
_EXTRACTING = "Mem0 has accepted it and extracts its facts"
_QUEUED = "it is in the queue"
_NO_WEBHOOK = "neither the ledger nor the log (kept for seven days) knows it: `amem backfill` imports it"
_DELETED = "its transcript was deleted at ElevenLabs"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a call.

    Attributes:
        state: in a word or two.
        reason: why, in words; empty for `remembered`.
        remembered_at: when Mem0 was done with it, in UTC; None if that is not known, or not so.
    """

    state: State
    reason: str = ""
    remembered_at: dt.datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A conversation as PostCall reads it now.

    Attributes:
        conversation_id: its id.
        user_id: the caller; empty if anonymous.
        record: what is to be remembered, without secrets; None if nothing is.
        reason: why nothing is.
        began: when the call began, in UTC.
        ended: when it ended.
        under_way: whether ElevenLabs is not done with it.
    """

    conversation_id: str
    user_id: str
    record: CallRecord | None
    reason: str
    began: dt.datetime
    ended: dt.datetime
    under_way: bool


def read(sources: Sources, data: Mapping[str, Any]) -> Reading:
    """What PostCall's own code makes of a conversation's detail."""
    metadata = _object(data.get("metadata"))
    began = _number(metadata.get("start_time_unix_secs"))
    ended = began + _number(metadata.get("call_duration_secs"))
    record, user_id, status = None, "", data.get("status")
    try:
        user_id = payload.caller(data, sources.environment.callers) or ""
        event = {"type": TRANSCRIPTION, "event_timestamp": ended, "data": data}
        record, reason = intake.read(event, sources.environment)
    except NotUnderstoodError as error:
        reason = f"not understood: {error}"
    if status == "failed":
        record, reason = None, f"the call failed: {_failure(metadata)}"
    elif _object(metadata.get("deletion_settings")).get("deleted_transcript_at_time_unix_secs"):
        record, reason = None, _DELETED
    return Reading(
        conversation_id=str(data.get("conversation_id", "")),
        user_id=user_id,
        record=record,
        reason=reason,
        began=_moment(began),
        ended=_moment(ended),
        under_way=status in _UNDER_WAY,
    )


class Outcomes:
    """Finds out what became of calls. The dead letters are read once, if any call may be among them."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._table = sources.deployment.output("LedgerTable")
        self._lock = threading.Lock()

    def of(self, reading: Reading, *, left: int) -> Outcome:  # noqa: PLR0911 - a return for each state
        """What became of one call, which left so many memories in Mem0."""
        items = self.entries(reading)
        closed = [seconds(item, "closed_at") for item in items]
        if items and all(closed):
            if self._is_forgotten(reading):
                return Outcome(state="forgotten", reason="an operator had its caller forgotten")
            return Outcome(state="remembered", remembered_at=_moment(max(filter(None, closed))))
        if reading.under_way:
            return Outcome(state="under way", reason="ElevenLabs is not done with it")
        if letter := self._dead_letters.get(reading.conversation_id):
            return Outcome(state="dead letter", reason=letter)
        if any(items):
            tries = max(int(seconds(item, "tries")) for item in items)
            accepted = any(seconds(item, "accepted_at") for item in items)
            failed = f"{_QUEUED}; tries until now: {tries}"
            return Outcome(state="waiting", reason=_EXTRACTING if accepted else failed)
        if reading.reason and not left:
            return Outcome(state="left out", reason=reading.reason)
        if left:  # before the ledger was kept, or longer ago than it is kept
            return Outcome(state="remembered")
        if self._is_forgotten(reading):
            return Outcome(state="forgotten", reason="an operator had its caller forgotten")
        lines = self._sources.log("post-call", reading.conversation_id, since=reading.began)
        if any(line.fields.get("message") == "webhook queued" for line in lines):
            return Outcome(state="waiting", reason=_QUEUED)
        return Outcome(state="no webhook", reason=_NO_WEBHOOK)

    def entries(self, reading: Reading) -> list[Item]:
        """The call's items in the ledger, one for each part; an empty one for a part that has none."""
        keys = [reading.conversation_id]
        if reading.record:
            bodies = [message.body for message in messages.of_call(reading.record)]
            calls = [messages.read(body) for body in bodies] if len(bodies) > 1 else []
            keys += [call.key for call in calls[1:] if isinstance(call, messages.QueuedCall)]
        return [self._item(key) for key in keys]

    def _is_forgotten(self, reading: Reading) -> bool:
        item = self._item(FORGOTTEN + hashlib.sha256(reading.user_id.encode()).hexdigest())
        return reading.began.timestamp() <= seconds(item, "forgotten_until", -1)

    def _item(self, key: str) -> Item:
        answer = self._sources.dynamodb.get_item(TableName=self._table, Key={"conversation_id": {"S": key}})
        item: Item = answer.get("Item", {})
        return item

    @property
    def _dead_letters(self) -> Mapping[str, str]:
        with self._lock:
            return self._reasons

    @functools.cached_property
    def _reasons(self) -> dict[str, str]:
        """Why calls are among the dead letters, by conversation id."""
        url = self._sources.deployment.output("DeadLetterQueueUrl")
        if not any(dead_letters.count(self._sources.sqs, url)):  # reading would hide them, and take a second
            return {}
        with dead_letters.Reader(self._sources.sqs, url) as reader:
            return dict(_by_conversation(reader.read()))


def seconds(item: Item, name: str, default: float = 0) -> float:
    """A number of a ledger's item."""
    return float(item.get(name, {}).get("N", default))


def _by_conversation(letters: Iterable[dead_letters.DeadLetter]) -> Iterable[tuple[str, str]]:
    for letter in letters:
        try:
            content = messages.read(letter.body)
        except messages.UnreadableError:
            continue
        if isinstance(content, messages.QueuedCall):
            yield content.record.conversation_id, letter.reason
        else:
            yield str(_object(_object(content.event).get("data")).get("conversation_id")), letter.reason


def _failure(metadata: Mapping[str, Any]) -> str:
    error = _object(metadata.get("error")).get("reason")
    return str(error or metadata.get("termination_reason") or "ElevenLabs does not say why")


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 4e9:  # noqa: PLR2004
        return 0.0
    return float(value)


def _moment(unix: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(unix, dt.UTC)
