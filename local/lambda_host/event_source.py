"""Lambda's event source mapping for SQS: hands a queue's messages to a function in batches.

Messages are deleted after success. Those that failed are left alone, reappear after their visibility timeout,
and are moved to the dead-letter queue by the queue itself
(https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html).
"""

import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from local.lambda_host.host import LambdaHost
from local.lambda_host.model import REGION, InvocationResult, PayloadTooLargeError, ThrottledError

POLL_SECONDS = 1
SLOT_SECONDS = 0.1  # how often a poller without a free slot looks whether it is to stop
THROTTLED_PAUSE_SECONDS = 0.2  # before a throttled batch is tried again
BROKEN_PAUSE_SECONDS = 0.5  # after the queue could not be reached
Message = dict[str, Any]


class EventSource:
    """Feeds one function from one queue, until `stop`.

    Args:
        host, function: where the function runs, and its name.
        sqs: a boto3 client.
        queue_url, queue_arn: the queue, and its ARN for the events.
        batch_size: messages per invocation, at most.
        maximum_concurrency: invocations at once, at most.
        partial_failures: whether the function reports the messages that failed (ReportBatchItemFailures).
        visibility_seconds: the queue's visibility timeout: how long a throttled batch is tried again.
        wake: ends a long poll, so that `pause` and `stop` need not wait for it.
        before_delete: called with the messages about to be deleted, which it prevents by raising.
    """

    def __init__(  # noqa: PLR0913 - keyword-only, as the template gives them
        self,
        host: LambdaHost,
        function: str,
        *,
        sqs: Any,
        queue_url: str,
        queue_arn: str,
        batch_size: int = 10,
        maximum_concurrency: int = 2,
        partial_failures: bool = True,
        visibility_seconds: float = 30.0,
        wake: Callable[[], None] = lambda: None,
        before_delete: Callable[[Sequence[Message]], None] | None = None,
    ) -> None:
        self.before_delete = before_delete
        self._host = host
        self._function = function
        self._sqs = sqs
        self._url = queue_url
        self._arn = queue_arn
        self._batch_size = batch_size
        self._slots = threading.Semaphore(maximum_concurrency)
        self._partial = partial_failures
        self._visibility = visibility_seconds
        self._wake = wake
        self._stopping = threading.Event()
        self._running = threading.Event()
        self._running.set()
        self._parked = threading.Event()
        self._workers: set[threading.Thread] = set()
        self._poller = threading.Thread(target=self._poll, name=f"event-source-{function}", daemon=True)
        self._poller.start()

    def pause(self) -> None:
        """Take no further messages, as a disabled mapping does. Batches under way go on."""
        self._parked.clear()
        self._running.clear()
        self._wake()
        self._parked.wait()

    def resume(self) -> None:
        """Take messages again."""
        self._running.set()

    def cease(self) -> None:
        """Begin to stop: take no further messages, without waiting."""
        self._stopping.set()
        self._running.set()

    def stop(self) -> None:
        """Take no further messages; wait for the batches under way (stopping the host ends those)."""
        self.cease()
        self._wake()
        self._poller.join()
        for worker in list(self._workers):
            worker.join()

    def _poll(self) -> None:
        while not self._stopping.is_set():
            if not self._running.is_set():
                self._parked.set()
                self._running.wait()
            if not self._slots.acquire(timeout=SLOT_SECONDS):
                continue
            messages = self._receive() if self._running.is_set() else []
            if not messages or self._stopping.is_set():
                self._slots.release()
                continue
            worker = threading.Thread(target=self._work, args=(messages, time.monotonic()), daemon=True)
            self._workers.add(worker)
            worker.start()

    def _receive(self) -> list[Message]:
        try:
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(10, self._batch_size),
                WaitTimeSeconds=POLL_SECONDS,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        except Exception as error:  # noqa: BLE001 - a queue that cannot be reached is polled again, whatever it said
            if not self._stopping.is_set():
                self._note("poll failed", str(error))
                self._stopping.wait(BROKEN_PAUSE_SECONDS)
            return []
        return list(answer.get("Messages", []))

    def _work(self, messages: list[Message], received: float) -> None:
        try:
            result = self._invoke(messages, received)
            if result is not None:
                self._delete_done(messages, result)
        finally:
            self._slots.release()
            self._workers.discard(threading.current_thread())

    def _invoke(self, messages: list[Message], received: float) -> InvocationResult | None:
        event = {"Records": [to_record(message, self._arn) for message in messages]}
        while not self._stopping.is_set() and time.monotonic() - received < self._visibility:
            try:
                return self._host.invoke(self._function, event)
            except ThrottledError:
                self._stopping.wait(THROTTLED_PAUSE_SECONDS)
            except PayloadTooLargeError as error:
                self._note("batch too large", str(error))
                return None
        return None

    def _delete_done(self, messages: list[Message], result: InvocationResult) -> None:
        failed = {message["MessageId"] for message in messages}
        if result.error is None:
            failed = failures(result.payload, failed) if self._partial else set()
        done = [message for message in messages if message["MessageId"] not in failed]
        if failed:
            self._note("left in the queue", ", ".join(sorted(failed)))
        if not done:
            return
        try:
            if self.before_delete:
                self.before_delete(done)
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(done)
            ]
            self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
        except Exception as error:  # noqa: BLE001 - they reappear, as they would in AWS
            if not self._stopping.is_set():
                self._note("delete failed", str(error))

    def _note(self, what: str, details: str) -> None:
        line = {"type": "platform.eventSource", "record": {"event": what, "details": details}}
        self._host.logs.add(self._function, json.dumps(line))


def to_record(message: Message, queue_arn: str) -> dict[str, Any]:
    """Return one received message as it stands in the event's Records."""
    attributes = {
        name: {
            "stringValue": value.get("StringValue"),
            "binaryValue": value.get("BinaryValue"),
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": value["DataType"],
        }
        for name, value in message.get("MessageAttributes", {}).items()
    }
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": attributes,
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    }


def failures(payload: bytes, everyone: set[str]) -> set[str]:
    """Return the ids of the messages that failed, from what the function returned.

    Nothing, or an empty or null list, means that none did. What Lambda cannot read, or an id that was not in
    the batch, means that all did.
    """
    answer = json.loads(payload)
    if answer is None or answer in ({}, ""):
        return set()
    if not isinstance(answer, dict):
        return everyone
    items = answer.get("batchItemFailures")
    if items is None:
        return set()
    if not isinstance(items, list):
        return everyone
    found = {str(item.get("itemIdentifier")) if isinstance(item, dict) else "" for item in items}
    return found if found.issubset(everyone) else everyone
