"""The ledger: makes each conversation remembered once, whoever delivers it how often.

One item a conversation (a long one: an item a part). A worker claims it for a while, and notes with the
claim what it is about to add. It notes the first of the two adds when Mem0 has accepted it, and closes the
item with the second. A worker that dies leaves a claim that runs out, and its successor looks before it adds.
"""

import os
import time
import uuid
from collections.abc import Sequence
from typing import Any

from shared import aws, environment

CLAIM_SECONDS = int(environment.number("CLAIM_SECONDS", 60, least=1, most=900))
"""How long a worker owns a conversation: longer than the function may run, so no two work at once."""
_MARGIN_SECONDS = 1  # between our clock and another worker's
_KEEP_SECONDS = 180 * 24 * 3600  # far longer than any message or redelivery lives
_REFUSED = "ConditionalCheckFailedException"


class BusyError(Exception):
    """Another worker has claimed this conversation and may still be at it."""


class Entry:
    """A claimed conversation: which adds are done, and which a worker before us may have done.

    Attributes:
        digest: the fingerprint of the body that was claimed first.
        closed: whether the conversation is remembered.
        done: the steps that have happened.
        begun: the steps that may have happened: a predecessor had set out to do them.
        valid_until: when the claim runs out, in unix seconds. A worker that was frozen and wakes up after it
            must do nothing any more.
    """

    def __init__(
        self, key: str, item: dict[str, Any], *, owner: str, digest: str, valid_until: float
    ) -> None:
        """The entry of `owner`, who found `item`; a new one has the fingerprint `digest`."""
        self._key = key
        self._owner = owner
        self.digest = str(item.get("digest", {}).get("S", digest))
        self.closed = "closed_at" in item
        self.done = frozenset(item.get("done", {}).get("SS", []))
        self.begun = frozenset(item.get("begun", {}).get("SS", []))
        self.valid_until = valid_until

    def finish(self, step: str) -> None:
        """Note that `step` has happened: a fact, whoever owns the claim now."""
        self._update("ADD done :step", {":step": {"SS": [step]}})

    def close(self, *steps: str) -> None:
        """Note that `steps` have happened, and that the conversation is remembered with them."""
        expression = "SET closed_at = :now REMOVE claimed_until"
        values: dict[str, Any] = {":now": {"N": str(int(time.time()))}}
        if steps:
            expression += " ADD done :steps"
            values[":steps"] = {"SS": list(steps)}
        self._update(expression, values)

    def release(self) -> None:
        """Give the claim back after a failure, so that the next try need not wait for it to run out."""
        try:
            self._update(
                "REMOVE claimed_until",
                {":owner": {"S": self._owner}},
                ConditionExpression="claimed_by = :owner",
            )
        except aws.AwsError as error:
            if error.code != _REFUSED:  # then it ran out, and another worker has taken the conversation over
                raise

    def _update(self, expression: str, values: dict[str, Any], **condition: str) -> None:
        parameters: dict[str, Any] = {
            "TableName": _table(),
            "Key": {"conversation_id": {"S": self._key}},
            "UpdateExpression": expression,
            "ExpressionAttributeValues": values,
            **condition,
        }
        aws.call(aws.DYNAMODB, "UpdateItem", parameters)


def claim(key: str, digest: str, steps: Sequence[str]) -> Entry:
    """Claim the conversation `key`, whose content has the fingerprint `digest`, to do `steps`.

    That the steps are begun is noted with the claim, so that a successor looks before it does them again.

    Returns:
        The entry as it stood before; if it is `closed`, nothing is left to do.

    Raises:
        BusyError: if another worker has a claim that has not run out.
        AwsError: if the ledger cannot be reached.
    """
    now = time.time()
    valid_until = now + CLAIM_SECONDS - _MARGIN_SECONDS
    owner = uuid.uuid4().hex
    try:
        answer = aws.call(
            aws.DYNAMODB,
            "UpdateItem",
            {
                "TableName": _table(),
                "Key": {"conversation_id": {"S": key}},
                "UpdateExpression": "SET claimed_until = :until, claimed_by = :owner, expires_at = :expires,"
                " digest = if_not_exists(digest, :digest) ADD begun :steps",
                # The claim may be our own, if the answer to a first attempt was lost.
                "ConditionExpression": "attribute_not_exists(closed_at) AND (claimed_by = :owner OR"
                " attribute_not_exists(claimed_until) OR claimed_until < :now)",
                "ExpressionAttributeValues": {
                    ":until": {"N": f"{now + CLAIM_SECONDS:.3f}"},
                    ":now": {"N": f"{now:.3f}"},
                    ":owner": {"S": owner},
                    ":expires": {"N": str(int(now) + _KEEP_SECONDS)},
                    ":digest": {"S": digest},
                    ":steps": {"SS": list(steps)},
                },
                "ReturnValues": "ALL_OLD",
            },
        )
    except aws.AwsError as error:
        if error.code != _REFUSED:
            raise
    else:
        item = answer.get("Attributes", {})
        return Entry(key, item, owner=owner, digest=digest, valid_until=valid_until)
    item = aws.call(
        aws.DYNAMODB,
        "GetItem",
        {"TableName": _table(), "Key": {"conversation_id": {"S": key}}, "ConsistentRead": True},
    ).get("Item", {})
    entry = Entry(key, item, owner=owner, digest=digest, valid_until=valid_until)
    if not entry.closed:
        raise BusyError
    return entry


def _table() -> str:
    return os.environ.get("LEDGER_TABLE", "")
