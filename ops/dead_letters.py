"""The dead-letter queue, read by a person: which calls are there, and why.

SQS has no way to look without taking: a message that is read is hidden from others for a while. Whoever is
done looking gives it back (`release`). It refuses to print what was said or a whole phone number.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from post_call import messages
from shared import logs

# Longer than it takes to move ten messages; a command that was killed hides them for no longer than this.
HIDDEN_SECONDS = 120
MOST_AT_ONCE = 10  # SQS's own limit
NO_REASON = "none given: the worker died or ran out of time at each try"


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """One message of the dead-letter queue.

    Attributes:
        message_id: SQS's id of it.
        receipt: what SQS wants to be told when it is deleted or given back.
        body: what the worker reads, as it was.
        group: its FIFO group, one per caller.
        reason: why it is there.
        since: when it was queued or given up.
        call: the call in words for a person, with a shortened caller.
    """

    message_id: str
    receipt: str
    body: str
    group: str
    reason: str
    since: dt.datetime
    call: str

    def told(self) -> str:
        """The dead letter in two lines for a person."""
        return f"{self.call}, here since {self.since:%Y-%m-%d %H:%M} UTC\n    reason: {self.reason}"


def receive(sqs: Any, url: str, limit: int | None) -> Iterator[list[DeadLetter]]:
    """The dead letters in the order of SQS, at most ten at a time and at most `limit` in all.

    A caller's later messages only come once those before them were deleted or given back, so that their order
    cannot be lost.
    """
    taken = 0
    while limit is None or taken < limit:
        answer = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=MOST_AT_ONCE if limit is None else min(MOST_AT_ONCE, limit - taken),
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["reason"],
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=1,  # asks all of SQS's servers, not a sample of them
        )
        letters = [_letter(message) for message in answer.get("Messages", [])]
        if not letters:
            return
        taken += len(letters)
        yield letters


def release(sqs: Any, url: str, letters: Iterable[DeadLetter]) -> None:
    """Give messages back, so that they can be received again at once."""
    for letter in letters:
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=letter.receipt, VisibilityTimeout=0)


def count(sqs: Any, url: str) -> tuple[int, int]:
    """About how many messages can be received, and how many are hidden because somebody holds them."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return int(attributes[names[0]]), int(attributes[names[1]])


def _letter(message: dict[str, Any]) -> DeadLetter:
    attributes = message.get("Attributes", {})
    reason = message.get("MessageAttributes", {}).get("reason", {}).get("StringValue")
    return DeadLetter(
        message_id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        body=message["Body"],
        group=attributes["MessageGroupId"],
        reason=reason or NO_REASON,
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
