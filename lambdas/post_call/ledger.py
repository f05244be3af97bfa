"""The ledger: makes each conversation remembered once, whoever delivers it how often.

One item a conversation (a long one: an item a part). A worker claims it for a while, notes each of the two
adds when Mem0 has accepted it, and closes it. A worker that dies leaves a claim that runs out.
"""

import contextlib
import os
import time
import uuid
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
    """A claimed conversation: which adds are done, and which were begun by a worker that did not finish.

    Attributes:
        digest: the fingerprint of the body that was claimed first.
        closed: whether the conversation is remembered.
        done: the steps that have happened.
        begun: the steps that may have happened.
        valid_until: when the claim runs out, in unix seconds. A worker that was frozen and wakes up after it
            must do nothing any more.
    """

    def __init__(self, key: str, item: dict[str, Any], valid_until: float) -> None:
        self._key = key
        self._owner = item.get("claimed_by", {"S": ""})
        self.digest = str(item.get("digest", {}).get("S", ""))
        self.closed = "closed_at" in item
        self.done = frozenset(item.get("done", {}).get("SS", []))
        self.begun = frozenset(item.get("begun", {}).get("SS", []))
        self.valid_until = valid_until

    def begin(self, *steps: str) -> None:
        """Note that `steps` are about to happen, so that a successor looks before it does them again.

        Raises:
            BusyError: if the claim ran out and another worker took the conversation over.
        """
        self._update_own("ADD begun :steps", {":steps": {"SS": list(steps)}})

    def finish(self, step: str) -> None:
        """Note that `step` has happened: a fact, whoever owns the claim now."""
        self._update("ADD done :step", {":step": {"SS": [step]}})

    def close(self) -> None:
        """Note that the conversation is remembered."""
        self._update("SET closed_at = :now REMOVE claimed_until", {":now": {"N": str(int(time.time()))}})

    def release(self) -> None:
        """Give the claim back after a failure, so that the next try need not wait for it to run out."""
        with contextlib.suppress(BusyError):
            self._update_own("REMOVE claimed_until", {})

    def _update_own(self, expression: str, values: dict[str, Any]) -> None:
        owner = {"ConditionExpression": "claimed_by = :owner"}
        try:
            self._update(expression, values | {":owner": self._owner}, **owner)
        except aws.AwsError as error:
            if error.code == _REFUSED:
                raise BusyError from None
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


def claim(key: str, digest: str) -> Entry:
    """Claim the conversation `key`, whose content has the fingerprint `digest`.

    Returns:
        The entry as it stands; if it is `closed`, nothing is left to do.

    Raises:
        BusyError: if another worker has a claim that has not run out.
        AwsError: if the ledger cannot be reached.
    """
    now = time.time()
    valid_until = now + CLAIM_SECONDS - _MARGIN_SECONDS
    try:
        answer = aws.call(
            aws.DYNAMODB,
            "UpdateItem",
            {
                "TableName": _table(),
                "Key": {"conversation_id": {"S": key}},
                "UpdateExpression": "SET claimed_until = :until, claimed_by = :owner, expires_at = :expires,"
                " digest = if_not_exists(digest, :digest)",
                "ConditionExpression": "attribute_not_exists(closed_at) AND"
                " (attribute_not_exists(claimed_until) OR claimed_until < :now)",
                "ExpressionAttributeValues": {
                    ":until": {"N": f"{now + CLAIM_SECONDS:.3f}"},
                    ":now": {"N": f"{now:.3f}"},
                    ":owner": {"S": uuid.uuid4().hex},
                    ":expires": {"N": str(int(now) + _KEEP_SECONDS)},
                    ":digest": {"S": digest},
                },
                "ReturnValues": "ALL_NEW",
            },
        )
    except aws.AwsError as error:
        if error.code != _REFUSED:
            raise
    else:
        return Entry(key, answer.get("Attributes", {}), valid_until)
    item = aws.call(
        aws.DYNAMODB,
        "GetItem",
        {"TableName": _table(), "Key": {"conversation_id": {"S": key}}, "ConsistentRead": True},
    ).get("Item", {})
    entry = Entry(key, item, valid_until)
    if not entry.closed:
        raise BusyError
    return entry


def _table() -> str:
    return os.environ.get("LEDGER_TABLE", "")
