"""The dead-letter queue, read by a person: which calls are there, and why.

SQS cannot look without taking: a message that is read is hidden from others for a while. A `Reader` keeps
what it reads hidden until it is done, so that a message is seen once, and then gives all of it back.
"""

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from ops.signals import uninterrupted
from post_call import messages
from shared import logs

HIDDEN_SECONDS = 900
"""For which a message is hidden; renewed while it is held. A command that was killed hides it no longer."""

WAIT_SECONDS = 1
"""For which SQS may wait for a message: then it asks all of its servers, not a sample of them."""

_AT_ONCE = 10  # SQS's own limit
_NO_REASON = "none given: the worker died or ran out of time at each try"


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """One message of the dead-letter queue.

    Attributes:
        id: SQS's id of it.
        receipt: what SQS wants to be told when it is deleted or given back.
        body: what the worker reads, as it was.
        group: the FIFO group that it had in the queue of calls: its caller.
        reason: why it is there.
        since: when it was moved there.
        call: the call in words for a person, with a shortened caller.
    """

    id: str
    receipt: str
    body: str
    group: str
    reason: str
    since: dt.datetime
    call: str


class Reader:
    """Reads a dead-letter queue; a context manager that gives back what was not deleted."""

    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs = sqs
        self._url = url
        self._held: dict[str, str] = {}  # receipts by message id
        self._renewed_at = time.monotonic()

    def __enter__(self) -> Self:
        """Nothing is read yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give back what is still held, whoever is impatient."""
        with uninterrupted():
            self._hide(0)
            self._held.clear()

    def read(self, limit: int | None = None) -> Iterator[DeadLetter]:
        """The dead letters, each once, at most `limit`; oldest first, as far as SQS keeps an order."""
        taken = 0
        while limit is None or taken < limit:
            self._renew()
            with uninterrupted():  # what is received and not noted would stay hidden
                found = self._receive(_AT_ONCE if limit is None else min(_AT_ONCE, limit - taken))
                new = [message for message in found if message["MessageId"] not in self._held]
                self._held |= {message["MessageId"]: message["ReceiptHandle"] for message in found}
            if not new:
                return
            taken += len(new)
            yield from map(_letter, new)

    def delete(self, letter: DeadLetter) -> None:
        """Take a message that was read out of the queue."""
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=self._held[letter.id])
        del self._held[letter.id]

    def _receive(self, most: int) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=most,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=WAIT_SECONDS,
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def _renew(self) -> None:
        if time.monotonic() - self._renewed_at > HIDDEN_SECONDS / 3:
            self._hide(HIDDEN_SECONDS)
            self._renewed_at = time.monotonic()

    def _hide(self, seconds: int) -> None:
        """Hide what is held for so many seconds from now; what fails shows itself when its time is over."""
        receipts = list(self._held.values())
        for start in range(0, len(receipts), _AT_ONCE):
            entries = [
                {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
                for number, receipt in enumerate(receipts[start : start + _AT_ONCE])
            ]
            try:
                self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
            except (BotoCoreError, ClientError):
                continue


def count(sqs: Any, url: str) -> tuple[int, int]:
    """About how many messages can be received, and how many are hidden because somebody holds them."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return int(attributes[names[0]]), int(attributes[names[1]])


def find(reader: Reader, ids: Sequence[str]) -> Iterator[DeadLetter]:
    """The dead letters with these ids; those before them are held until the reader is done."""
    missing = set(ids)
    for letter in reader.read():
        if letter.id in missing:
            missing.remove(letter.id)
            yield letter
            if not missing:
                return


def _letter(message: dict[str, Any]) -> DeadLetter:
    attributes = message.get("Attributes", {})
    noted = {name: value.get("StringValue") for name, value in message.get("MessageAttributes", {}).items()}
    return DeadLetter(
        id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        body=message["Body"],
        group=noted.get("group") or attributes["MessageGroupId"],
        reason=noted.get("reason") or _NO_REASON,
        since=dt.datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1000, dt.UTC),
        call=_in_words(message["Body"]),
    )


def _in_words(body: str) -> str:
    try:
        content = messages.read(body)
    except messages.UnreadableError as error:
        return f"unreadable ({error})"
    if isinstance(content, messages.KeptEvent):
        return "an event that was not understood"
    record = content.record
    part = f" (part {record.part} of {record.parts})" if record.parts > 1 else ""
    return f"{record.conversation_id}{part} of {logs.shorten(record.user_id)} on {record.date}"
