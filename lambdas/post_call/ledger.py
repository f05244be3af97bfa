"""The ledger: one item for each conversation (or part of a long one), so that it is remembered once.

A worker claims the item for a limited time and notes with the claim what it is about to add, then what Mem0
has accepted. If it dies, the claim expires, and the next worker looks in Mem0 before it adds again.
"""

import time
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from shared.aws import DYNAMODB, AwsClient, AwsError
from shared.environment import Environment

_MARGIN_SECONDS = 1  # between our clock and another worker's
_KEEP_SECONDS = 180 * 24 * 3600  # far longer than any message or redelivery lives
_REFUSED = "ConditionalCheckFailedException"
_EVENT = "event_"
FORGOTTEN = "\nforgotten\n"
"""Before a caller's digest: the item that says until when the caller's calls are forgotten."""


class BusyError(Exception):
    """Another worker has claimed this conversation and may still be at it."""


class Ledger:
    """The table of conversations."""

    def __init__(self, environment: Environment, aws: AwsClient) -> None:
        self._table = environment.ledger_table
        self._claim_seconds = environment.claim_seconds
        self._aws = aws

    def claim(self, key: str, *, digest: str, caller: str, steps: Sequence[str]) -> "Entry":
        """Claim the conversation `key` to do `steps`, and count a try.

        That the steps are begun is noted with the claim, so that a successor looks before it does them again.

        Args:
            key: the conversation, or the part of one.
            digest: of what was said.
            caller: a digest of whose conversation it is.
            steps: the types of memories to add.

        Returns:
            The entry as it stood before; if it is `closed`, nothing is left to do.

        Raises:
            BusyError: if another worker has a claim that has not run out.
            AwsError: if the ledger cannot be reached.
        """
        now = time.time()
        owner = uuid.uuid4().hex
        values: dict[str, Any] = {
            ":until": {"N": f"{now + self._claim_seconds:.3f}"},
            ":now": {"N": f"{now:.3f}"},
            ":owner": {"S": owner},
            ":expires": {"N": str(int(now) + _KEEP_SECONDS)},
            ":digest": {"S": digest},
            ":caller": {"S": caller},
            ":steps": {"SS": list(steps)},
            ":one": {"N": "1"},
        }
        try:
            found = self.update(
                key,
                "SET claimed_until = :until, claimed_by = :owner, expires_at = :expires,"
                " digest = if_not_exists(digest, :digest), caller = if_not_exists(caller, :caller)"
                " ADD begun :steps, tries :one",
                values,
                ConditionExpression="attribute_not_exists(closed_at) AND"
                " (attribute_not_exists(claimed_until) OR claimed_until < :now)",
                ReturnValues="ALL_OLD",
            )
        except AwsError as error:
            if error.code != _REFUSED:
                raise
            found = self._read(key)
            if found.get("claimed_by") == values[":owner"]:
                # The answer to a first attempt was lost. That attempt has counted this try already.
                found["tries"] = {"N": str(int(found["tries"]["N"]) - 1)}
            elif "closed_at" not in found:
                raise BusyError from None
        new = {"digest": {"S": digest}, "caller": {"S": caller}}
        return Entry(
            self, key, {**new, **found}, owner=owner, valid_until=now + self._claim_seconds - _MARGIN_SECONDS
        )

    def is_forgotten(self, caller: str, call_start: int) -> bool:
        """Whether an operator had a caller forgotten after the call that began at `call_start`.

        Read after the claim: `ops.forget` notes it first, and then waits for existing claims.

        Args:
            caller: the digest of the caller.
            call_start: unix seconds.
        """
        item = self._read(FORGOTTEN + caller)
        return call_start <= float(item.get("forgotten_until", {}).get("N", -1))

    def update(self, key: str, expression: str, values: dict[str, Any], **more: str) -> dict[str, Any]:
        """Change the item `key`; return what DynamoDB was asked to return of it.

        Raises:
            AwsError: if that fails, or a condition in `more` does not hold.
        """
        parameters: dict[str, Any] = {
            "TableName": self._table,
            "Key": {"conversation_id": {"S": key}},
            "UpdateExpression": expression,
            **({"ExpressionAttributeValues": values} if values else {}),
            **more,
        }
        item: dict[str, Any] = self._aws.call(DYNAMODB, "UpdateItem", parameters).get("Attributes", {})
        return item

    def _read(self, key: str) -> dict[str, Any]:
        parameters = {
            "TableName": self._table,
            "Key": {"conversation_id": {"S": key}},
            "ConsistentRead": True,
        }
        item: dict[str, Any] = self._aws.call(DYNAMODB, "GetItem", parameters).get("Item", {})
        return item


class Entry:
    """A claimed conversation: what of it is done, and what a worker before us may have done.

    Attributes:
        digest: of the body that was claimed first.
        caller: digest of whose conversation was claimed first.
        closed: whether the conversation is remembered.
        tries: how many tries have failed before, or ended with a worker's death.
        begun: the steps that may have happened: a predecessor had set out to do them.
        done: the steps that have happened.
        events: by step, the event by which Mem0 still works on it.
        accepted_at: when Mem0 accepted the first of them, in unix seconds; 0 if it accepted none.
        valid_until: when the claim runs out, in unix seconds. A worker that was frozen and wakes up after it
            must do nothing any more.
    """

    def __init__(
        self, ledger: Ledger, key: str, item: dict[str, Any], *, owner: str, valid_until: float
    ) -> None:
        """The entry of `owner`, who found `item`."""
        self._ledger = ledger
        self._key = key
        self._owner = owner
        self.digest = str(item["digest"]["S"])
        self.caller = str(item["caller"]["S"])
        self.closed = "closed_at" in item
        self.tries = int(item.get("tries", {}).get("N", 0))
        self.begun = frozenset(item.get("begun", {}).get("SS", []))
        self.done = frozenset(item.get("done", {}).get("SS", []))
        self.events = {
            name.removeprefix(_EVENT): str(value["S"])
            for name, value in item.items()
            if name.startswith(_EVENT)
        }
        self.accepted_at = float(item.get("accepted_at", {}).get("N", 0))
        self.valid_until = valid_until

    def note(self, step: str, event_id: str = "") -> None:
        """Note that Mem0 has done `step`, or has accepted it and works on it as the event `event_id`.

        It is noted also if another worker has the claim by now.
        """
        sets, adds, values = _noted(step, event_id)
        expression = f"SET {', '.join(sets)}" if sets else adds.strip()
        self._ledger.update(self._key, expression, values)

    def note_failed(self, step: str) -> None:
        """Note that Mem0 has accepted `step` and failed at it."""
        self._ledger.update(self._key, f"REMOVE {_EVENT}{step}, accepted_at", {})

    def close(self, steps: Iterable[str]) -> None:
        """Note that `steps` have happened, and that the conversation is remembered with them."""
        values: dict[str, Any] = {":now": {"N": str(int(time.time()))}, ":steps": {"SS": sorted(steps)}}
        self._ledger.update(self._key, "SET closed_at = :now REMOVE claimed_until ADD done :steps", values)

    def release(self, *, tries: int, step: str = "", event_id: str = "") -> None:
        """Give the claim back, so that the next try need not wait for it to run out.

        Args:
            tries: how many tries have failed until now.
            step: a step to `note` in the same request, with its `event_id`.
            event_id: as for `note`.
        """
        sets, adds, values = _noted(step, event_id)
        try:
            self._ledger.update(
                self._key,
                f"SET {', '.join(['tries = :tries', *sets])} REMOVE claimed_until{adds}",
                {**values, ":owner": {"S": self._owner}, ":tries": {"N": str(tries)}},
                ConditionExpression="claimed_by = :owner",
            )
        except AwsError as error:
            if error.code != _REFUSED:
                raise
            if step:  # the claim ran out, and another worker has taken the conversation over
                self.note(step, event_id)


def _noted(step: str, event_id: str) -> tuple[list[str], str, dict[str, Any]]:
    """What to SET and to ADD for a note, and the values of both."""
    if not step:
        return [], "", {}
    if not event_id:
        return [], " ADD done :step", {":step": {"SS": [step]}}
    sets = [f"{_EVENT}{step} = :event", "accepted_at = if_not_exists(accepted_at, :now)"]
    return sets, "", {":event": {"S": event_id}, ":now": {"N": str(int(time.time()))}}
