"""What the commands keep between their runs: items of the ledger's table, for all operators of a stage."""

import json
from typing import Any

from ops.deployment import Deployment

_PREFIX = "\nrecord\n"  # no conversation id holds a line break, and nothing expires these


class Records:
    """Named JSON objects of one stage."""

    def __init__(self, deployment: Deployment) -> None:
        self._client = deployment.client("dynamodb")
        self._table = deployment.output("LedgerTable")

    def read(self, name: str) -> dict[str, Any]:
        """The object `name`; empty if there is none."""
        item = self._client.get_item(TableName=self._table, Key=self._key(name), ConsistentRead=True).get(
            "Item"
        )
        record: dict[str, Any] = json.loads(item["record"]["S"]) if item else {}
        return record

    def write(self, name: str, record: dict[str, Any]) -> None:
        """Keep the object `name`."""
        item = {**self._key(name), "record": {"S": json.dumps(record, sort_keys=True)}}
        self._client.put_item(TableName=self._table, Item=item)

    def delete(self, name: str) -> None:
        """Forget the object `name`."""
        self._client.delete_item(TableName=self._table, Key=self._key(name))

    @staticmethod
    def _key(name: str) -> dict[str, Any]:
        return {"conversation_id": {"S": _PREFIX + name}}
