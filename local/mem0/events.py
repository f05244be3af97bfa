"""What Mem0 does after it has answered: extraction and deletion, each with an event for its state.

What was accepted before a restart is done after it. One thread does it, in the order in which it became due.
"""

import heapq
import itertools
import json
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from local.mem0.store import Store

Json = dict[str, Any]
Work = Callable[[Json], list[Json]]


class WorkFailedError(Exception):
    """The work of an event failed; the message becomes the event's `error`."""


class Events:
    """The events of one store, and the thread that works on them, `delay` seconds after they are accepted.

    `work` says for each event type what to do with a payload; it returns the event's results.
    """

    def __init__(self, store: Store, work: dict[str, Work], delay: float) -> None:
        self._store = store
        self._work = work
        self._delay = delay
        self._due: list[tuple[float, int, str]] = []
        self._order = itertools.count()
        self._open = 0
        self._stopped = False
        self._changed = threading.Condition()
        with store.reading() as database:
            for row in database.execute(
                "SELECT id FROM events WHERE status = 'PENDING' ORDER BY created_at, rowid"
            ):
                self._schedule(row["id"], 0.0)
        self._thread = threading.Thread(target=self._run, name="mem0-events", daemon=True)
        self._thread.start()

    def accept(self, event_type: str, payload: Json, extra_delay: float = 0.0) -> str:
        """Schedule work; return the event's id. When this returns, the work survives a crash."""
        identifier = self._insert(event_type, "PENDING", payload, [])
        with self._changed:
            self._schedule(identifier, self._delay + extra_delay)
            self._changed.notify_all()
        return identifier

    def done(self, event_type: str, payload: Json, results: list[Json]) -> str:
        """Record work that is already done; return the event's id."""
        return self._insert(event_type, "SUCCEEDED", payload, results)

    def get(self, identifier: str) -> Json | None:
        """One event as `GET /v1/event/{id}/` shows it, or None."""
        with self._store.reading() as database:
            row = database.execute("SELECT * FROM events WHERE id = ?", (identifier,)).fetchone()
        return None if row is None else _public(dict(row))

    def latest(self, limit: int) -> list[Json]:
        """The newest events first."""
        with self._store.reading() as database:
            rows = database.execute(
                "SELECT * FROM events ORDER BY created_at DESC, rowid DESC LIMIT ?", (limit,)
            )
            return [_public(dict(row)) for row in rows]

    def settle(self, timeout: float) -> int:
        """Wait until nothing is left to do, at most `timeout` seconds; return how many are left."""
        with self._changed:
            self._changed.wait_for(lambda: not self._open or self._stopped, timeout)
            return self._open

    def stop(self) -> None:
        """End after the work in hand; what is pending waits for the next start."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join()

    def _schedule(self, identifier: str, delay: float) -> None:
        heapq.heappush(self._due, (time.monotonic() + delay, next(self._order), identifier))
        self._open += 1

    def _insert(self, event_type: str, status: str, payload: Json, results: list[Json]) -> str:
        identifier = str(uuid.uuid4())
        now = datetime.now(UTC).timestamp()
        with self._store.writing() as database:
            database.execute(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, NULL, ?, ?)",
                (identifier, event_type, status, json.dumps(payload), json.dumps(results), now, now),
            )
        return identifier

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._stopped and (not self._due or self._due[0][0] > time.monotonic()):
                    self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)
                if self._stopped:
                    return
                identifier = heapq.heappop(self._due)[2]
            self._finish(identifier)
            with self._changed:
                self._open -= 1
                self._changed.notify_all()

    def _finish(self, identifier: str) -> None:
        event = self.get(identifier)
        if event is None:
            return
        results: list[Json] = []
        status, error = "SUCCEEDED", None
        try:
            results = self._work[event["event_type"]](event["payload"])
        except Exception as problem:  # noqa: BLE001 - whatever went wrong is what the event is there to tell
            status, error = "FAILED", str(problem)
        with self._store.writing() as database:
            database.execute(
                "UPDATE events SET status = ?, results = ?, error = ?, updated_at = ? WHERE id = ?",
                (status, json.dumps(results), error, datetime.now(UTC).timestamp(), identifier),
            )


def iso(moment: float) -> str:
    """Unix seconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(moment, UTC).isoformat()


def _public(row: Json) -> Json:
    finished = row["status"] in ("SUCCEEDED", "FAILED")
    return {
        **{name: row[name] for name in ("id", "event_type", "status", "error")},
        "payload": json.loads(row["payload"]),
        "results": json.loads(row["results"]),
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
        "completed_at": iso(row["updated_at"]) if finished else None,
        "latency": round((row["updated_at"] - row["created_at"]) * 1000, 3) if finished else None,
    }
