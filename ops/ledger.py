"""The ledger of a stage, by caller."""

import time
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from ops.callers import digest
from ops.deployment import Deployment
from post_call.ledger import FORGOTTEN

NEVER = 253_402_300_799
"""The last second of the year 9999: a caller who was forgotten until then is not remembered again."""


class CallerLedger:
    """The rows of one caller, and the note that they are forgotten."""

    def __init__(self, deployment: Deployment, user_id: str) -> None:
        self._client = deployment.client("dynamodb")
        self._table = deployment.output("LedgerTable")
        self._caller = digest(user_id)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The caller's conversations: `conversation_id`, `closed_at`, `claimed_until`, event ids, ..."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="caller = :caller",
            ExpressionAttributeValues={":caller": {"S": self._caller}},
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                yield {name: _plain(value) for name, value in item.items()}

    def delete(self, row: dict[str, Any]) -> None:
        """Delete one of the rows."""
        self._client.delete_item(
            TableName=self._table, Key={"conversation_id": {"S": row["conversation_id"]}}
        )

    def forgotten_until(self) -> float:
        """Until when calls leave nothing, in unix seconds; 0 if the caller was never forgotten."""
        item = self._client.get_item(TableName=self._table, Key=self._note, ConsistentRead=True).get(
            "Item", {}
        )
        return float(item.get("forgotten_until", {}).get("N", 0))

    def forget_until(self, until: float, *, even_earlier: bool = False) -> None:
        """Have calls that began until then leave nothing; a later moment that is noted stays."""
        options: dict[str, Any] = {}
        if not even_earlier:
            options["ConditionExpression"] = (
                "attribute_not_exists(forgotten_until) OR forgotten_until < :until"
            )
        try:
            self._client.update_item(
                TableName=self._table,
                Key=self._note,
                UpdateExpression="SET forgotten_until = :until",
                ExpressionAttributeValues={":until": {"N": str(until)}},
                **options,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    @property
    def _note(self) -> dict[str, Any]:
        return {"conversation_id": {"S": FORGOTTEN + self._caller}}


def is_claimed(row: dict[str, Any]) -> bool:
    """Whether a worker may be in the middle of it."""
    return "closed_at" not in row and float(row.get("claimed_until", 0)) > time.time()


def _plain(value: dict[str, Any]) -> Any:
    ((kind, inner),) = value.items()
    if kind == "N":
        return float(inner) if "." in inner else int(inner)
    return sorted(inner) if kind in ("SS", "NS") else inner
