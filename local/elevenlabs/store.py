"""Keeps a workspace: one SQLite file of JSON documents, and the conversations with what lists filter by."""

import json
import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FILE_NAME = "elevenlabs.sqlite3"
SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    row INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL,
    UNIQUE (kind, id)
);
CREATE INDEX IF NOT EXISTS documents_of_parent ON documents (kind, parent, row);
CREATE TABLE IF NOT EXISTS conversations (
    id TEXT PRIMARY KEY, start INTEGER NOT NULL, agent_id TEXT NOT NULL, user_id TEXT,
    summary TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS conversations_by_start ON conversations (start, id);
CREATE INDEX IF NOT EXISTS conversations_of_agent ON conversations (agent_id, start, id);
CREATE INDEX IF NOT EXISTS conversations_of_user ON conversations (user_id, start);
"""
Document = dict[str, Any]
Condition = tuple[str, Sequence[object]]


class Store:
    """The documents by kind and id. Safe to use from many threads.

    Args:
        data_dir: where the file lies; None keeps everything for this run only.
    """

    def __init__(self, data_dir: Path | None = None) -> None:
        self._lock = threading.RLock()
        if data_dir:
            data_dir.mkdir(parents=True, exist_ok=True)
        path = data_dir / FILE_NAME if data_dir else ""  # without a name: a temporary file
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._end = weakref.finalize(self, self._connection.close)
        self._connection.execute("PRAGMA synchronous = OFF")  # a stand-in need not survive a power failure
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._end()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all of what is inside, or nothing; nobody else reads or writes meanwhile."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def get(self, kind: str, id_: str) -> Document | None:
        """One document; None if there is none."""
        found = self._rows("SELECT body FROM documents WHERE kind = ? AND id = ?", [kind, id_])
        return dict(json.loads(found[0][0])) if found else None

    def documents(self, kind: str, parent: str | None = None) -> list[Document]:
        """The documents of a kind, oldest first; of one parent or of all."""
        rows = self._rows(
            "SELECT body FROM documents WHERE kind = ?1 AND (?2 IS NULL OR parent = ?2) ORDER BY row",
            [kind, parent],
        )
        return [json.loads(row[0]) for row in rows]

    def put(self, kind: str, id_: str, document: Document, parent: str = "") -> None:
        """Keep a document, in the place of one with the same id."""
        self._rows(
            "INSERT INTO documents (kind, id, parent, body) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            [kind, id_, parent, json.dumps(document)],
        )

    def delete(self, kind: str, id_: str) -> None:
        """Remove a document."""
        self._rows("DELETE FROM documents WHERE kind = ? AND id = ?", [kind, id_])

    def put_conversations(self, conversations: Iterable[tuple[Document, Document]]) -> None:
        """Keep conversations: each its row in lists, and its detail."""
        rows = (
            (
                detail["conversation_id"],
                detail["metadata"]["start_time_unix_secs"],
                detail["agent_id"],
                detail.get("user_id"),
                json.dumps(summary),
                json.dumps(detail),
            )
            for summary, detail in conversations
        )
        with self.transaction():
            statement = "INSERT OR REPLACE INTO conversations VALUES (?, ?, ?, ?, ?, ?)"
            self._connection.executemany(statement, rows)

    def conversation(self, id_: str) -> Document | None:
        """The detail of a conversation; None if there is none."""
        found = self._rows("SELECT body FROM conversations WHERE id = ?", [id_])
        return dict(json.loads(found[0][0])) if found else None

    def delete_conversation(self, id_: str) -> bool:
        """Remove a conversation; return whether it was there."""
        return bool(self._rows("DELETE FROM conversations WHERE id = ? RETURNING id", [id_]))

    def summaries(self, conditions: Sequence[Condition], *, most: int, ascending: bool) -> list[Document]:
        """The first rows of a list of conversations, by their start.

        Args:
            conditions: SQL over the columns of `conversations`, with the values of its parameters.
            most: how many.
            ascending: oldest first.
        """
        where = " AND ".join(["TRUE", *(condition for condition, _ in conditions)])
        order = "start, id" if ascending else "start DESC, id DESC"
        rows = self._rows(
            f"SELECT summary FROM conversations WHERE {where} ORDER BY {order} LIMIT ?",  # noqa: S608
            [*(value for _, values in conditions for value in values), most],
        )
        return [json.loads(row[0]) for row in rows]

    def users(self) -> list[Document]:
        """Everybody with a user id: `user_id`, `conversation_count`, first and last contact, newest first."""
        rows = self._rows(
            "SELECT user_id, COUNT(*), MIN(start), MAX(start), id, agent_id FROM conversations"
            " WHERE user_id IS NOT NULL GROUP BY user_id ORDER BY MAX(start) DESC",
            [],
        )
        times = ("first_contact_unix_secs", "last_contact_unix_secs")
        last = ("last_contact_conversation_id", "last_contact_agent_id")
        names = ("user_id", "conversation_count", *times, *last)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def count_conversations(self) -> int:
        """How many conversations there are."""
        return int(self._rows("SELECT COUNT(*) FROM conversations", [])[0][0])

    def _rows(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()
