"""Keeps the memories: one SQLite file with an FTS5 index for words, and the vectors beside it.

All writes go through one connection and one lock; searches run beside them (SQLite's write-ahead log).
"""

import fcntl
import hashlib
import json
import queue
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from local.mem0.embedding import VectorTable, embed
from local.mem0.filters import ENTITIES, Where
from local.mem0.words import (
    TOKENIZER,
    Weights,
    match_expression,
    owner_token,
    query_words,
    without_stop_words,
)

FILE_NAME: Final = "mem0.sqlite3"
# The words index keeps no copy of the text, and is kept in step by triggers. Vectors have a table of their
# own, so that walking a caller's memories does not read a kilobyte more for each.
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS memories (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, memory TEXT NOT NULL, owner TEXT NOT NULL,
    user_id TEXT, agent_id TEXT, app_id TEXT, run_id TEXT,
    metadata TEXT NOT NULL, categories TEXT NOT NULL, hash TEXT NOT NULL, sentence_key TEXT,
    expiration_date TEXT, created_at REAL NOT NULL, updated_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS memories_of_user ON memories (user_id, created_at, expiration_date);
CREATE INDEX IF NOT EXISTS sentences_of_user
    ON memories (user_id, sentence_key) WHERE sentence_key IS NOT NULL;
CREATE TABLE IF NOT EXISTS vectors (row INTEGER PRIMARY KEY, vector BLOB NOT NULL);
CREATE VIRTUAL TABLE IF NOT EXISTS words
    USING fts5(owner, memory, content='memories', content_rowid='row', tokenize='TOKENIZER');
CREATE TRIGGER IF NOT EXISTS memory_added AFTER INSERT ON memories BEGIN
    INSERT INTO words (rowid, owner, memory) VALUES (new.row, new.owner, new.memory);
END;
CREATE TRIGGER IF NOT EXISTS memory_removed AFTER DELETE ON memories BEGIN
    INSERT INTO words (words, rowid, owner, memory) VALUES ('delete', old.row, old.owner, old.memory);
    DELETE FROM vectors WHERE row = old.row;
END;
CREATE TABLE IF NOT EXISTS events (
    id TEXT PRIMARY KEY, event_type TEXT NOT NULL, status TEXT NOT NULL, payload TEXT NOT NULL,
    results TEXT NOT NULL, error TEXT, created_at REAL NOT NULL, updated_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_status ON events (status, created_at);
""".replace("TOKENIZER", TOKENIZER)


class DataDirInUseError(OSError):
    """Another stand-in works on the same folder; two would not see each other's vectors."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(
            f"another Mem0 stand-in is using the folder {data_dir}: stop it, or choose another --data-dir"
        )


@dataclass(frozen=True)
class Draft:
    """A memory about to be stored; `created_at` is in unix seconds, `expiration_date` YYYY-MM-DD.

    `entities` are those of user_id, agent_id, app_id, run_id that it belongs to. With a `sentence_key` it is
    left out if this user has one with the same key.
    """

    memory: str
    entities: dict[str, str]
    metadata: dict[str, Any] = field(default_factory=dict)
    created_at: float = 0.0
    expiration_date: str | None = None
    sentence_key: str | None = None


@dataclass(frozen=True)
class Hit:
    """One found memory: its row as in the table, and its scores, each 0..1."""

    row: dict[str, Any]
    score: float
    semantic: float
    words: float


class Store:
    """The memories of one data folder, which is made if missing.

    Raises:
        DataDirInUseError: another stand-in holds the folder.
    """

    def __init__(self, data_dir: Path) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self._guard = (data_dir / "mem0.lock").open("w")
        try:
            fcntl.flock(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._guard.close()
            raise DataDirInUseError(data_dir) from None
        self._path = data_dir / FILE_NAME
        self._write_lock = threading.Lock()
        self._pool: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._writer = self._connect()
        self._writer.executescript(SCHEMA)
        self._vectors = VectorTable()
        self._weights = Weights()
        self.stored = 0
        for row, vector in self._writer.execute("SELECT row, vector FROM vectors"):
            self._vectors.put(row, np.frombuffer(vector, np.float32))
            self.stored += 1

    def close(self) -> None:
        """Close the file. Whoever still reads gets sqlite3.ProgrammingError."""
        with self._write_lock:
            self._writer.close()
        while not self._pool.empty():
            self._pool.get_nowait().close()
        self._guard.close()

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=30)
        database.row_factory = sqlite3.Row
        database.execute("PRAGMA journal_mode = WAL")
        # A killed process loses nothing; only a power cut may lose the last moments.
        database.execute("PRAGMA synchronous = NORMAL")
        return database

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading, given back afterwards."""
        try:
            database = self._pool.get_nowait()
        except queue.Empty:
            database = self._connect()
        try:
            yield database
        finally:
            self._pool.put(database)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The writing connection inside a transaction: all that is done in it happens, or none."""
        with self._write_lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")

    def add(self, drafts: list[Draft]) -> list[dict[str, Any]]:
        """Store memories; return `{"id", "memory"}` of each, without the repeats of a sentence."""
        vectors = embed([without_stop_words(draft.memory) for draft in drafts])
        stored = []
        with self.writing() as database:
            for draft, vector in zip(drafts, vectors, strict=True):
                user = draft.entities.get("user_id")
                repeats = "SELECT 1 FROM memories WHERE user_id IS ? AND sentence_key = ?"
                if draft.sentence_key and database.execute(repeats, (user, draft.sentence_key)).fetchone():
                    continue
                columns = {
                    "id": str(uuid.uuid4()),
                    "memory": draft.memory,
                    "owner": owner_token(user),
                    **{name: draft.entities.get(name) for name in ENTITIES},
                    "metadata": json.dumps(draft.metadata),
                    "categories": "[]",
                    "hash": text_hash(draft.memory),
                    "sentence_key": draft.sentence_key,
                    "expiration_date": draft.expiration_date,
                    "created_at": draft.created_at,
                    "updated_at": draft.created_at,
                }
                marks = ", ".join("?" * len(columns))
                insert = f"INSERT INTO memories ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - our names
                row = database.execute(insert, tuple(columns.values())).lastrowid
                database.execute("INSERT INTO vectors (row, vector) VALUES (?, ?)", (row, vector.tobytes()))
                # Before the commit: whoever sees the row finds its vector.
                self._vectors.put(int(row or 0), vector)
                stored.append({"id": columns["id"], "memory": draft.memory})
        self.stored += len(stored)
        return stored

    def remove(self, where: Where) -> int:
        """Delete what `where` matches; return how many."""
        with self.writing() as database:
            removed = database.execute(_sql("DELETE FROM memories", where), where.params).rowcount
        self.stored -= removed
        return int(removed)

    def page(self, where: Where, limit: int, offset: int) -> tuple[int, list[dict[str, Any]]]:
        """How many memories match, and some of them, newest first."""
        with self.reading() as database:
            count = database.execute(_sql("SELECT COUNT(*) FROM memories", where), where.params).fetchone()[0]
            # The inner query needs only the index, so far pages cost no more than near ones.
            order = "ORDER BY created_at DESC, row DESC"
            page = _sql("SELECT row FROM memories", where, f"{order} LIMIT ? OFFSET ?")
            select = f"SELECT * FROM memories WHERE row IN ({page}) {order}"  # noqa: S608 - values are parameters
            rows = database.execute(select, (*where.params, limit, offset)).fetchall()
        return int(count), [dict(row) for row in rows]

    def entities(self) -> list[dict[str, Any]]:
        """Every user, agent, app and run that has memories, as `GET /v1/entities/` lists them."""
        found = []
        with self.reading() as database:
            for name in ENTITIES:
                has_one = Where(f"{name} IS NOT NULL")
                what = "MIN(created_at) AS first, MAX(updated_at) AS last, COUNT(*) AS count FROM memories"
                rows = database.execute(_sql(f"SELECT {name} AS name, {what}", has_one, f"GROUP BY {name}"))
                found += [dict(row, type=name.removesuffix("_id")) for row in rows]
        return found

    def search(self, query: str, where: Where, limit: int, threshold: float) -> list[Hit]:
        """The memories that match `where` and fit a question best.

        The score is the mean of two signals, as in Mem0's own hybrid search (`mem0/utils/scoring.py` in
        mem0ai 2.2.1): the cosine of the vectors, and BM25 brought to 0..1. What scores less than `threshold`,
        both together and by meaning alone, is left out: Mem0 says "minimum semantic relevance", and a memory
        that shares no word with the question can reach only half of the joint score.
        """
        with self.reading() as database:
            matching = database.execute(_sql("SELECT row FROM memories", where), where.params)
            rows = np.fromiter((row[0] for row in matching), np.int64)
            if not len(rows):
                return []
            semantic = self._vectors.similarities(rows, embed([without_stop_words(query)])[0])
            found = self._word_scores(query, where.user, database)
            words = np.fromiter((found.get(int(row), 0.0) for row in rows), np.float32, len(rows))
            scores = (semantic + words) / 2
            # Newer rows have higher numbers: of two that fit alike, the newer comes first.
            best = [
                place
                for place in np.lexsort((-rows, -scores))[:limit]
                if max(scores[place], semantic[place]) >= threshold
            ]
            hits = []
            for place in best:
                row = database.execute("SELECT * FROM memories WHERE row = ?", (int(rows[place]),)).fetchone()
                if row is not None:
                    hits.append(
                        Hit(dict(row), float(scores[place]), float(semantic[place]), float(words[place]))
                    )
        return hits

    def _word_scores(self, query: str, user: str | None, database: sqlite3.Connection) -> dict[int, float]:
        words = query_words(query)
        if not words:
            return {}
        words, total = self._weights.choose(words, self.stored, database)
        found = database.execute(
            "SELECT rowid, -bm25(words, 0.0, 1.0) FROM words WHERE words MATCH ?",
            (match_expression(words, user),),
        )
        return {row: min(score / total, 1.0) for row, score in found}


def text_hash(text: str) -> str:
    """The `hash` of a memory: MD5 of its text, as Mem0 gives it. It identifies, it does not protect."""
    return hashlib.md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def _sql(start: str, where: Where, end: str = "") -> str:
    """A statement on what ``where`` matches; all values travel as parameters."""
    return f"{start} WHERE ({where.sql}) {end}"
