"""PostCall as the queue's worker: adds each call to Mem0 once, in its caller's order.

A call is remembered when Mem0 reports that both adds have succeeded; until then its message stays in the
queue. What cannot succeed, or has failed too often, goes to the dead-letter queue with its reason.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

from post_call import intake, messages
from post_call.adds import Adds, PendingError
from post_call.call_queue import CallQueue, attributes
from post_call.ledger import BusyError, Entry, Ledger
from post_call.messages import QueuedCall, UnreadableError
from post_call.payload import NotUnderstoodError
from shared import logs
from shared.aws import AwsClient, AwsError
from shared.credentials import Credentials
from shared.environment import Environment
from shared.errors import UnavailableError
from shared.mem0 import open_store

PENDING_ALARM_SECONDS = 15 * 60
"""After which an extraction that Mem0 has not finished raises an alarm."""
PENDING_SECONDS = 25 * 60
"""After which it is not waited for any longer: a failure holds up the caller's later calls as long."""
_LONGEST_PENDING_DELAY = 300
_LONGEST_DELAY = 3600  # that Mem0 may ask for; a caller may call again before
MOST_RECEIVES = 40
"""Deliveries after which a message is moved that never got as far as its ledger entry. The queue's own limit
is higher.
"""


class PermanentError(Exception):
    """Processing this message again would change nothing."""


class Worker:
    """Processes the queue of calls."""

    def __init__(
        self, environment: Environment, credentials: Credentials, aws: AwsClient, queue: CallQueue
    ) -> None:
        self._environment = environment
        self._adds = Adds(environment, open_store(environment, credentials))
        self._queue = queue
        self._ledger = Ledger(environment, aws)

    def process(self, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Remember the calls in a batch of SQS records.

        Returns:
            Lambda's partial batch response: the messages that are to be delivered again. After a failure the
            later messages of the same caller count as failed too, so that no call overtakes an earlier one.
        """
        failed: list[str] = []
        held_up: set[str] = set()
        for record in records:
            message = _Message(record)
            if message.group in held_up or not self._process_message(message):
                held_up.add(message.group)
                failed.append(message.id)
        return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}

    def _process_message(self, message: "_Message") -> bool:
        """Process one message. True if it may leave the queue: remembered, or in the dead-letter queue."""
        started = time.monotonic()
        logs.start(message_id=message.id)
        try:
            outcome = self._remember(message)
        except Exception as error:  # noqa: BLE001 - the message must not be lost
            return self._handle_error(error, message)
        logs.info(
            f"call {outcome}",
            duration_ms=logs.milliseconds_since(started),
            metrics={"CallsRemembered": int(outcome == "remembered")},
        )
        return True

    def _handle_error(self, error: Exception, message: "_Message") -> bool:
        """What becomes of a message after `error`. True if it may leave the queue."""
        match error:
            case BusyError():
                logs.warning("another worker has this call; it is left to it")
                self._deliver_again(message, self._environment.claim_seconds)
                return False
            case PendingError():
                return self._wait_for_mem0(message, error.seconds)
            case (
                PermanentError()
                | UnreadableError()
                | NotUnderstoodError()
                | UnavailableError(retryable=False)
            ):
                return self._move_to_dead_letters(message, str(error))
            case UnavailableError():
                return self._retry_later(message, str(error), error.retry_after)
            case _:
                logs.defect("defect in the worker", error)
                return self._retry_later(message, type(error).__name__)

    def _remember(self, message: "_Message") -> str:
        """What became of the call in `message`, in words for the log."""
        content = messages.read(message.body)
        if not isinstance(content, QueuedCall):
            return self._requeue(content.event)
        record = content.record
        logs.bind(user_id=record.user_id, conversation_id=record.conversation_id)
        caller = hashlib.sha256(record.user_id.encode()).hexdigest()
        steps = self._environment.store_types
        entry = self._ledger.claim(content.key, digest=content.digest, caller=caller, steps=steps)
        message.entry = entry
        if entry.caller != caller:
            logs.defer_metrics(ConversationConflicts=1)
            raise PermanentError("the conversation was queued before, for another caller")
        if entry.closed:
            return "already remembered" if entry.digest == content.digest else "ignored: another body"
        if entry.tries >= self._environment.tries:
            raise PermanentError(f"the worker died or ran out of time {entry.tries} times")
        if self._ledger.is_forgotten(caller, record.call_start):
            entry.close(steps)
            return "ignored: its caller was forgotten"
        self._adds.remember(record, entry)
        return "remembered"

    def _requeue(self, event: object) -> str:
        """Queue the call of an event that was not understood when it came, and may be by this release."""
        read = intake.read(event, self._environment)
        if not read.record:
            return f"ignored: {read.reason}"
        self._queue.send(messages.of_call(read.record))
        return "queued: its event is understood now"

    def _wait_for_mem0(self, message: "_Message", seconds: float) -> bool:
        """Have a message delivered again that Mem0 has accepted `seconds` ago."""
        if seconds >= PENDING_SECONDS:
            minutes = int(seconds / 60)
            return self._move_to_dead_letters(
                message, f"Mem0 accepted the call {minutes} minutes ago, and has not finished the extraction"
            )
        late = seconds >= PENDING_ALARM_SECONDS
        logs.info(
            "call accepted by Mem0; it stays in the queue until Mem0 is done with it",
            waited_seconds=int(seconds),
            metrics={"ExtractionsPending": 1} if late else None,
        )
        soonest = self._environment.retry_delays[0]
        self._deliver_again(message, min(max(seconds, soonest), _LONGEST_PENDING_DELAY))
        return False

    def _retry_later(self, message: "_Message", reason: str, retry_after: float | None = None) -> bool:
        """Have a message delivered again after a failure, or give it up if it has failed often enough."""
        delays = self._environment.retry_delays
        tries = message.tries
        if tries >= (self._environment.tries if message.entry else MOST_RECEIVES):
            return self._move_to_dead_letters(message, f"tried {tries} times; the last time: {reason}")
        logs.error("call could not be remembered yet; it stays in the queue", reason=reason)
        delay = (
            delays[min(tries, len(delays)) - 1] if retry_after is None else min(retry_after, _LONGEST_DELAY)
        )
        self._deliver_again(message, delay)
        return False

    def _deliver_again(self, message: "_Message", seconds: float) -> None:
        try:
            self._queue.deliver_again(message.record, seconds)
        except AwsError as error:  # then its visibility timeout does it
            logs.warning("delay of a message could not be set", reason=str(error))

    def _move_to_dead_letters(self, message: "_Message", reason: str) -> bool:
        """Move a message to the dead-letter queue with its reason. False if even that failed: it stays."""
        try:
            if message.entry and not message.entry.closed:
                message.entry.release(tries=0)  # so that it has all its tries when it is moved back
            self._queue.move_to_dead_letters(message.record, reason)
        except AwsError as error:
            logs.error("dead letters could not be reached; the call stays in the queue", reason=str(error))
            return False
        logs.error(
            "call cannot be remembered; moved to the dead letters",
            reason=reason,
            metrics={"CallsDeadLettered": 1},
        )
        return True


class _Message:
    """An SQS record while it is processed.

    Attributes:
        record: as Lambda gives it.
        entry: its claim in the ledger, as soon as there is one.
    """

    def __init__(self, record: Mapping[str, Any]) -> None:
        self.record = record
        self.id = str(record.get("messageId", ""))
        self.body = str(record.get("body", ""))
        self.group = str(attributes(record).get("MessageGroupId", ""))
        self.entry: Entry | None = None

    @property
    def tries(self) -> int:
        """How often it was tried, this time included."""
        if self.entry:
            return self.entry.tries + 1
        return int(attributes(self.record).get("ApproximateReceiveCount", 1))
