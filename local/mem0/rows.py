"""How a memory looks on the wire. It shows nothing of how it is stored."""

import json
from typing import Any

from local.mem0.events import iso


def public_row(row: dict[str, Any], run_name: str) -> dict[str, Any]:
    """A memory as Mem0 returns it.

    Args:
        row: As in the table.
        run_name: ``session_id`` for a listing, ``run_id`` for a search: Mem0 has two names for it.
    """
    return {
        "id": row["id"],
        "memory": row["memory"],
        "user_id": row["user_id"],
        "agent_id": row["agent_id"],
        "app_id": row["app_id"],
        run_name: row["run_id"],
        "hash": row["hash"],
        "metadata": json.loads(row["metadata"]),
        "categories": json.loads(row["categories"]),
        "expiration_date": row["expiration_date"],
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
    }


def narrowed(rows: list[dict[str, Any]], fields: list[str] | None) -> list[dict[str, Any]]:
    """Only ``fields`` of each row; all of them for None."""
    if fields is None:
        return rows
    return [{name: value for name, value in row.items() if name in fields} for row in rows]
