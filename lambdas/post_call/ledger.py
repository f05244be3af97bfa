"""The ledger: makes each conversation remembered once, whoever delivers it how often.

One item a conversation (a long one: an item a part). A worker claims it for a while, notes each of the two
adds when Mem0 has accepted it, and closes it. A worker that dies leaves a claim that runs out.
"""

import os
import time
from typing import Any

from shared import aws

CLAIM_SECONDS = 60
"""How long a worker owns a conversation: longer than the function may run, so no two work at once."""
_KEEP_SECONDS = 180 * 24 * 3600  # far longer than any message or redelivery lives


class BusyError(Exception):
    """Another worker has claimed this conversation and may still be at it."""


class Entry:
    """A claimed conversation: which adds are done, and which were begun by a worker that did not finish."""

    def __init__(self, key: str, item: dict[str, Any]) -> None:
        self._key = key
        self.digest = str(item.get("digest", {}).get("S", ""))
        self.closed = "closed_at" in item
        self.done = frozenset(item.get("done", {}).get("SS", []))
        self.begun = frozenset(item.get("begun", {}).get("SS", []))

    def begin(self, step: str) -> None:
        """Note that `step` is about to happen, so that a successor looks before it does it again."""
        self._update("ADD begun :step", {":step": {"SS": [step]}})

    def finish(self, step: str) -> None:
        """Note that `step` has happened."""
        self._update("ADD done :step", {":step": {"SS": [step]}})

    def close(self) -> None:
        """Note that the conversation is remembered."""
        now = int(time.time())
        self._update("SET closed_at = :now REMOVE claimed_until", {":now": {"N": str(now)}})

    def release(self) -> None:
        """Give the claim back after a failure, so that the next try need not wait for it to run out."""
        self._update("REMOVE claimed_until", {})

    def _update(self, expression: str, values: dict[str, Any]) -> None:
        parameters: dict[str, Any] = {
            "TableName": _table(),
            "Key": {"conversation_id": {"S": self._key}},
            "UpdateExpression": expression,
        }
        if values:
            parameters["ExpressionAttributeValues"] = values
        aws.call(aws.DYNAMODB, "UpdateItem", parameters)


def claim(key: str, digest: str) -> Entry:
    """Claim the conversation `key`, whose content has the fingerprint `digest`.

    Returns:
        The entry as it stands; if it is `closed`, nothing is left to do.

    Raises:
        BusyError: if another worker has a claim that has not run out.
        AwsError: if the ledger cannot be reached.
    """
    now = int(time.time())
    try:
        answer = aws.call(
            aws.DYNAMODB,
            "UpdateItem",
            {
                "TableName": _table(),
                "Key": {"conversation_id": {"S": key}},
                "UpdateExpression": "SET claimed_until = :until, expires_at = :expires,"
                " digest = if_not_exists(digest, :digest)",
                "ConditionExpression": "attribute_not_exists(closed_at) AND"
                " (attribute_not_exists(claimed_until) OR claimed_until < :now)",
                "ExpressionAttributeValues": {
                    ":until": {"N": str(now + CLAIM_SECONDS)},
                    ":now": {"N": str(now)},
                    ":expires": {"N": str(now + _KEEP_SECONDS)},
                    ":digest": {"S": digest},
                },
                "ReturnValues": "ALL_NEW",
            },
        )
    except aws.AwsError as error:
        if error.code != "ConditionalCheckFailedException":
            raise
    else:
        return Entry(key, answer.get("Attributes", {}))
    item = aws.call(
        aws.DYNAMODB,
        "GetItem",
        {"TableName": _table(), "Key": {"conversation_id": {"S": key}}, "ConsistentRead": True},
    ).get("Item", {})
    entry = Entry(key, item)
    if not entry.closed:
        raise BusyError
    return entry


def _table() -> str:
    return os.environ.get("LEDGER_TABLE", "")
