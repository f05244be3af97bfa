"""Moves dead letters back to the queue of calls, a caller's calls in their order.

A message is deleted only after the queue has taken it, so a crash leaves it twice rather than nowhere; the
ledger sees to it that its call is remembered once. SQS's own redrive promises no order.
"""

import datetime as dt
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from ops.dead_letters import DeadLetter, Reader
from ops.signals import uninterrupted


def redrive(
    sqs: Any,
    *,
    dead_letter_url: str,
    queue_url: str,
    limit: int | None = None,
    moved: Callable[[DeadLetter], None] = lambda _: None,
) -> None:
    """Move dead letters back, oldest first.

    Stops at the first that cannot be moved, so that no call overtakes an earlier one of its caller. What is
    not moved, for whatever reason, is a dead letter as before.

    Args:
        sqs: boto3's client.
        dead_letter_url: where they are.
        queue_url: where they belong.
        limit: how many at most; None for all.
        moved: is given each one that was moved.

    Raises:
        ClientError, BotoCoreError: SQS refused; what had been moved until then stays moved.
    """
    with Reader(sqs, dead_letter_url) as reader:
        for letter in _oldest_first(reader.read(limit)):
            with uninterrupted():
                sqs.send_message(
                    QueueUrl=queue_url,
                    MessageBody=letter.body,
                    MessageGroupId=letter.group,
                    # Not the id that the call first came with: SQS would silently drop the message, if the
                    # first is less than five minutes old. But the same for a second attempt at moving it.
                    MessageDeduplicationId=hashlib.sha256(f"redrive {letter.id}".encode()).hexdigest(),
                )
                reader.delete(letter)
            moved(letter)


def _oldest_first(letters: Iterator[DeadLetter]) -> Iterator[DeadLetter]:
    """`letters` by the time at which they were moved; on disk meanwhile, because there may be thousands."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as spool:
        places: list[tuple[float, int]] = []
        for letter in letters:
            places.append((letter.since.timestamp(), spool.tell()))
            spool.write(json.dumps({**asdict(letter), "since": None}) + "\n")
        for since, place in sorted(places):
            spool.seek(place)
            values = json.loads(spool.readline())
            yield DeadLetter(**{**values, "since": dt.datetime.fromtimestamp(since, dt.UTC)})
