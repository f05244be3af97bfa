"""Moves dead letters back to the queue of calls, by hand: receive, send, delete.

SQS's own redrive (StartMessageMoveTask) does not promise the order of a group, and a caller's calls are to be
remembered in order. A message is deleted only after the queue has taken it, so a crash leaves it twice rather
than nowhere; the ledger sees to it that it is remembered once.
"""

import hashlib
from collections.abc import Callable
from typing import Any

from ops import dead_letters
from ops.dead_letters import DeadLetter


def redrive(
    sqs: Any, *, dead_letter_url: str, queue_url: str, limit: int | None, tell: Callable[[DeadLetter], None]
) -> int:
    """Move dead letters back, oldest first; return how many.

    Stops at the first that cannot be moved, so that no call overtakes an earlier one of its caller, and gives
    back what it still holds.

    Args:
        sqs: boto3's client.
        dead_letter_url: where they are.
        queue_url: where they belong.
        limit: how many at most; None for all.
        tell: is given each one that was moved.

    Raises:
        ClientError, BotoCoreError: SQS refused; what had been moved until then stays moved.
    """
    moved = 0
    for letters in dead_letters.receive(sqs, dead_letter_url, limit):
        held = list(letters)
        try:
            while held:
                _move(sqs, held[0], dead_letter_url, queue_url)
                tell(held.pop(0))
                moved += 1
        finally:
            dead_letters.release(sqs, dead_letter_url, held)
    return moved


def _move(sqs: Any, letter: DeadLetter, dead_letter_url: str, queue_url: str) -> None:
    sqs.send_message(
        QueueUrl=queue_url,
        MessageBody=letter.body,
        MessageGroupId=letter.group,
        # Not the one that the call first came with: SQS would take the message and silently drop it, if the
        # first is less than five minutes old. But the same for a second attempt at moving this dead letter.
        MessageDeduplicationId=hashlib.sha256(f"redrive {letter.message_id}".encode()).hexdigest(),
    )
    sqs.delete_message(QueueUrl=dead_letter_url, ReceiptHandle=letter.receipt)
