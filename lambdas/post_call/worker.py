"""PostCall as the queue's worker: remembers each call once, in its caller's order.

Two adds a call, `factual` and `semantic`, at the same time. What fails for a while stays in the queue and is
delivered again, later each time; what can never succeed, or failed once too often, goes to the dead-letter
queue with its reason.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from post_call import envelope, facts, ledger, passages, retention
from post_call.record import CallRecord
from post_call.webhook import credentials  # one secret a container, whichever door it was read at
from shared import aws, environment, logs
from shared.mem0 import Mem0
from shared.mem0_failures import Mem0Error
from shared.memories import FACTUAL, SEMANTIC

TRIES = int(environment.number("TRIES", 5, least=1, most=100))
"""Deliveries of a message after which it becomes a dead letter; the queue counts the same."""
_DELAYS = [int(each) for each in os.environ.get("RETRY_DELAYS", "5,60,300,1200").split(",")]
_LONGEST_DELAY = 3600  # seconds; SQS allows 12 hours, a caller may call again before

mem0 = Mem0(credentials)
_adders = ThreadPoolExecutor(max_workers=2, thread_name_prefix="add")


class HopelessError(Exception):
    """This message can never be processed; trying again would change nothing."""

    retryable = False
    retry_after: float | None = None


def remember(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Remember the calls in a batch of SQS records.

    Returns:
        Lambda's partial batch response: the messages that are to be delivered again. After a failure the
        later messages of the same caller count as failed too, so that no call overtakes an earlier one.
    """
    failed: list[str] = []
    held_up: set[str] = set()
    for message in records:
        group = str(_attributes(message).get("MessageGroupId", ""))
        if group in held_up or not _settle(message):
            held_up.add(group)
            failed.append(str(message.get("messageId", "")))
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def _attributes(message: Mapping[str, Any]) -> Mapping[str, Any]:
    found = message.get("attributes")
    return found if isinstance(found, Mapping) else {}


def _settle(message: Mapping[str, Any]) -> bool:
    """Deal with one message. True if it may leave the queue: remembered, or in the dead-letter queue."""
    started = time.monotonic()
    known: dict[str, Any] = {"user_id": None, "message_id": message.get("messageId")}
    try:
        record = _read(str(message.get("body", "")))
        known |= {"user_id": record.user_id, "conversation_id": record.conversation_id}
        outcome = _remember_once(record)
    except ledger.BusyError:
        logs.warning("another worker has this call; it is left to it", **known)
        _deliver_again(message, ledger.CLAIM_SECONDS, known)
        return False
    except (HopelessError, Mem0Error) as error:
        if not error.retryable:
            return _bury(message, str(error), known)
        return _put_off(message, str(error), error.retry_after, known)
    except aws.AwsError as error:
        return _put_off(message, str(error), None, known)
    except Exception as error:  # noqa: BLE001 - whatever it is, the message must not be lost
        logs.error("defect in the worker", **known, exc_info=True)
        return _put_off(message, type(error).__name__, None, known)
    logs.info(
        f"call {outcome}",
        **known,
        duration_ms=logs.milliseconds_since(started),
        metrics={"CallsRemembered": int(outcome == "remembered")},
    )
    return True


def _read(body: str) -> CallRecord:
    try:
        return envelope.read(body)
    except ValueError as error:
        raise HopelessError(str(error)) from None


def _remember_once(record: CallRecord) -> str:
    key = record.conversation_id if record.part == 1 else f"{record.conversation_id}#{record.part}"
    fingerprint = envelope.digest(record)
    entry = ledger.claim(key, fingerprint, retention.stored_types())
    if entry.digest != fingerprint:
        logs.warning(
            "a different body came for a conversation that is known; it is not added",
            user_id=record.user_id,
            conversation_id=record.conversation_id,
        )
        if not entry.closed:
            entry.release()
        return "ignored: changed body"
    if entry.closed:
        return "already remembered"
    try:
        last = _add_both(record, entry)
    except BaseException:
        entry.release()
        raise
    entry.close(*last)
    return "remembered"


def _add_both(record: CallRecord, entry: ledger.Entry) -> list[str]:
    """Do what is not yet done of the two adds, side by side.

    Returns:
        What was done last, and is not yet noted: closing the entry notes it, in one request for both.

    Raises:
        Exception: what went wrong with one of them; of two failures the one that may pass.
    """
    steps: dict[str, Callable[[float], None]] = {
        FACTUAL: lambda not_after: _add(
            record,
            FACTUAL,
            facts.conversation(record),
            infer=True,
            custom_instructions=facts.instructions(record),
            not_after=not_after,
        ),
        SEMANTIC: lambda not_after: _add(
            record, SEMANTIC, passages.passages(record), infer=False, not_after=not_after
        ),
    }

    left = [step for step in retention.stored_types() if step not in entry.done]
    done: list[str] = []

    def do(step: str) -> None:
        # A worker that died may have been accepted by Mem0 before it could note it: look before adding again.
        if step not in entry.begun or not mem0.has(record.user_id, _identity(record, step)):
            steps[step](entry.valid_until)
        done.append(step)  # which of two threads comes last is seen by both: append is atomic
        if done.index(step) < len(left) - 1:
            entry.finish(step)

    doing = [_adders.submit(do, step) for step in left]
    failures = [failure for each in doing if (failure := each.exception())]
    if failures:
        raise max(failures, key=lambda failure: getattr(failure, "retryable", True))
    return done[-1:]


def _identity(record: CallRecord, kind: str) -> dict[str, Any]:
    return {"conversation_id": record.conversation_id, "type": kind, "part": record.part}


def _add(record: CallRecord, kind: str, messages: list[dict[str, str]], **options: Any) -> None:
    if not messages:
        return
    metadata = _identity(record, kind) | {"agent_id": record.agent_id, "call_start": record.call_start}
    if record.caller_name:
        metadata["caller_name"] = record.caller_name
    options |= retention.expiry(kind, record.call_start)
    mem0.add(record.user_id, messages, metadata=metadata, timestamp=record.call_start, **options)


def _put_off(
    message: Mapping[str, Any], reason: str, retry_after: float | None, known: Mapping[str, Any]
) -> bool:
    """Have a message delivered again later, or bury it if that has been done often enough."""
    received = int(_attributes(message).get("ApproximateReceiveCount", 1))
    if received >= TRIES:
        return _bury(message, f"tried {received} times; the last time: {reason}", known)
    logs.error("call could not be remembered yet; it stays in the queue", **known, reason=reason)
    delay = _DELAYS[min(received, len(_DELAYS)) - 1] if retry_after is None else retry_after
    _deliver_again(message, min(int(delay), _LONGEST_DELAY), known)
    return False


def _deliver_again(message: Mapping[str, Any], delay: int, known: Mapping[str, Any]) -> None:
    """Show a message to the next worker in `delay` seconds. If that fails, its visibility timeout does it."""
    try:
        aws.call(
            aws.SQS,
            "ChangeMessageVisibility",
            {
                "QueueUrl": os.environ.get("CALL_QUEUE_URL", ""),
                "ReceiptHandle": message.get("receiptHandle"),
                "VisibilityTimeout": delay,
            },
        )
    except aws.AwsError as error:
        logs.warning("delay of a message could not be set", **known, reason=str(error))


def _bury(message: Mapping[str, Any], reason: str, known: Mapping[str, Any]) -> bool:
    """Move a message to the dead-letter queue with its reason. False if even that failed: then it stays."""
    attributes = _attributes(message)
    try:
        aws.call(
            aws.SQS,
            "SendMessage",
            {
                "QueueUrl": os.environ.get("DEAD_LETTER_QUEUE_URL", ""),
                "MessageBody": message.get("body"),
                "MessageGroupId": attributes.get("MessageGroupId", "unknown"),
                "MessageDeduplicationId": str(message.get("messageId")),
                "MessageAttributes": {"reason": {"DataType": "String", "StringValue": reason}},
            },
        )
    except aws.AwsError as error:
        logs.error(
            "dead letters could not be reached; the call stays in the queue", **known, reason=str(error)
        )
        return False
    logs.error(
        "call cannot be remembered; moved to the dead letters",
        **known,
        reason=reason,
        metrics={"CallsBuried": 1},
    )
    return True
