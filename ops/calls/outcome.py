"""What became of a call: by PostCall's own decision, the ledger, the dead letters, and the log."""

import datetime as dt
import functools
import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ops import dead_letters
from ops.calls.sources import Sources
from post_call import intake, payload
from post_call.ledger import FORGOTTEN
from post_call.payload import TRANSCRIPTION, NotUnderstoodError
from shared.environment import Environment

State = Literal["remembered", "waiting", "dead letter", "left out", "forgotten", "no webhook", "under way"]
Item = Mapping[str, Any]

_UNDER_WAY = ("initiated", "in-progress", "processing")
_EXTRACTING = "Mem0 has accepted it and extracts its facts"
_FORGOTTEN = "an operator had its caller forgotten"
_QUEUED = "it is in the queue"
_NO_WEBHOOK = "neither the queue nor the ledger knows it: `amem backfill` imports it"
_LOG_KEPT = dt.timedelta(days=7)
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


class Reading:
    """A conversation as PostCall reads it.

    Args:
        data: its detail at ElevenLabs.
        environment: PostCall's settings.

    Attributes:
        data: the same.
        conversation_id: its id.
        user_id: the caller; empty if anonymous.
        began: when the call began, in UTC.
        ended: when it ended.
    """

    def __init__(self, data: Mapping[str, Any], environment: Environment) -> None:
        self.data = data
        self._environment = environment
        self._metadata = _object(data.get("metadata"))
        began = _seconds(self._metadata.get("start_time_unix_secs"))
        self.began = _moment(began)
        self.ended = _moment(began + _seconds(self._metadata.get("call_duration_secs")))
        self.conversation_id = str(data.get("conversation_id", ""))
        try:
            self.user_id = payload.caller(data, environment.callers) or ""
        except NotUnderstoodError:
            self.user_id = ""

    @property
    def caller(self) -> str:
        """The caller's digest, as the ledger has it."""
        return hashlib.sha256(self.user_id.encode()).hexdigest()

    @property
    def is_under_way(self) -> bool:
        """Whether ElevenLabs is not done with it."""
        return self.data.get("status") in _UNDER_WAY

    def why_left_out(self) -> str:
        """Why nothing of it is to be remembered, by PostCall's own code; empty if something is."""
        if self.data.get("status") == "failed":
            error = _object(self._metadata.get("error")).get("reason")
            return (
                f"the call failed: {error or self._metadata.get('termination_reason') or 'no reason given'}"
            )
        if _object(self._metadata.get("deletion_settings")).get("deleted_transcript_at_time_unix_secs"):
            return _DELETED
        event = {"type": TRANSCRIPTION, "event_timestamp": self.ended.timestamp(), "data": self.data}
        try:
            return intake.read(event, self._environment).reason
        except NotUnderstoodError as error:
            return f"not understood: {error}"


class Outcomes:
    """Finds out what became of calls. Dead letters are looked for if any call may be among them."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._table = sources.deployment.output("LedgerTable")
        self._items: dict[str, Item] = {}
        self._lock = threading.Lock()

    def load(self, readings: Sequence[Reading]) -> None:
        """Read what the ledger has of at most 50 calls; before anything else is asked about them."""
        wanted = {
            name for reading in readings for name in (reading.conversation_id, FORGOTTEN + reading.caller)
        }
        keys = [{"conversation_id": {"S": name}} for name in sorted(wanted) if name]
        while keys:
            request = {self._table: {"Keys": keys, "ConsistentRead": True}}
            answer = self._sources.dynamodb.batch_get_item(RequestItems=request)
            for item in answer["Responses"][self._table]:
                self._items[item["conversation_id"]["S"]] = item
            keys = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])

    def noted(self, reading: Reading, name: str) -> float:
        """A number that the ledger has of a call, 0 without one. Of a call in parts, the first one counts."""
        return self._number(reading.conversation_id, name, 0)

    def of(self, reading: Reading, *, left: int) -> Outcome:  # noqa: PLR0911 - a return for each state
        """What became of one call, which left so many memories in Mem0."""
        forgotten_until = self._number(FORGOTTEN + reading.caller, "forgotten_until", -1)
        is_forgotten = reading.began.timestamp() <= forgotten_until and not left
        if closed_at := self.noted(reading, "closed_at"):
            if is_forgotten:
                return Outcome(state="forgotten", reason=_FORGOTTEN)
            return Outcome(state="remembered", remembered_at=_moment(closed_at))
        if reading.is_under_way:
            return Outcome(state="under way", reason="ElevenLabs is not done with it")
        if letter := self._dead_letters.get(reading.conversation_id):
            return Outcome(state="dead letter", reason=letter)
        if reading.conversation_id in self._items:  # a worker has begun it
            tries = self.noted(reading, "tries")
            tried = f"{_QUEUED}; tries until now: {tries:.0f}" if tries else _QUEUED
            accepted = self.noted(reading, "accepted_at")
            return Outcome(state="waiting", reason=_EXTRACTING if accepted else tried)
        if left:  # it was remembered longer ago than the ledger is kept
            return Outcome(state="remembered")
        return self._never_begun(reading, is_forgotten=is_forgotten)

    def _never_begun(self, reading: Reading, *, is_forgotten: bool) -> Outcome:
        """What became of a call that no worker has begun."""
        if reason := reading.why_left_out():
            return Outcome(state="left out", reason=reason)
        if is_forgotten:
            return Outcome(state="forgotten", reason=_FORGOTTEN)
        if self._has_queued and reading.began > dt.datetime.now(dt.UTC) - _LOG_KEPT:
            lines = self._sources.log("post-call", reading.conversation_id, since=reading.began)
            if any(line.fields.get("message") == "webhook queued" for line in lines):
                return Outcome(state="waiting", reason=_QUEUED)
        return Outcome(state="no webhook", reason=_NO_WEBHOOK)

    def _number(self, key: str, name: str, default: float) -> float:
        return float(self._items.get(key, {}).get(name, {}).get("N", default))

    @property
    def _dead_letters(self) -> Mapping[str, str]:
        with self._lock:
            return self._reasons

    @functools.cached_property
    def _has_queued(self) -> bool:
        """Whether any call is in the queue."""
        url = self._sources.deployment.output("CallQueueUrl")
        return any(dead_letters.count(self._sources.sqs, url))

    @functools.cached_property
    def _reasons(self) -> Mapping[str, str]:
        return self._sources.lost_calls.reasons()


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 4e9:  # noqa: PLR2004
        return 0.0
    return float(value)


def _moment(unix: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(unix, dt.UTC)
