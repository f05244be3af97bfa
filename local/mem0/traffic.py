"""Counts and remembers what reached the stand-in: requests, connections, TLS handshakes.

Tests and benches read it to prove how many round trips and handshakes something costs. It keeps the newest
20,000 requests; the counters count all of them.
"""

import threading
import time
from collections import Counter, deque
from typing import Any

MOST_KEPT = 20_000


class Traffic:
    """The log and the counters of one server. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[dict[str, Any]] = deque(maxlen=MOST_KEPT)
        self._counters: Counter[str] = Counter()
        self._by_operation: Counter[str] = Counter()

    def count(self, what: str, by: int = 1) -> int:
        """Add to a counter; returns its new value."""
        with self._lock:
            self._counters[what] += by
            return self._counters[what]

    def began(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Note a request the moment it has been read, so that one which hangs is seen too."""
        with self._lock:
            self._counters["requests"] += 1
            self._by_operation[entry["operation"]] += 1
            noted = {
                "number": self._counters["requests"],
                "time": time.time(),
                **entry,
                "status": None,
                "duration_ms": None,
            }
            self._entries.append(noted)
        return noted

    def ended(self, entry: dict[str, Any], status: int | None, seconds: float) -> None:
        """Note how it ended: the status sent, or None when there was no answer, and the time we took."""
        with self._lock:
            entry["status"] = status
            entry["duration_ms"] = round(seconds * 1000, 3)

    def requests(self, operation: str | None = None, after: int = 0) -> list[dict[str, Any]]:
        """The requests kept, oldest first: of one operation, with a higher ``number`` than ``after``."""
        with self._lock:
            return [
                dict(entry)
                for entry in self._entries
                if entry["number"] > after and operation in (None, entry["operation"])
            ]

    def clear(self) -> None:
        """Forget all requests and set the counters to zero (open connections stay counted)."""
        with self._lock:
            still_open = self._counters["connections_open"]
            self._entries.clear()
            self._counters.clear()
            self._by_operation.clear()
            self._counters["connections_open"] = still_open

    def counters(self) -> dict[str, Any]:
        """All counters, with the requests by operation."""
        with self._lock:
            names = ("requests", "connections", "connections_open", "tls_handshakes")
            return {
                **{name: self._counters[name] for name in names},
                "by_operation": dict(self._by_operation),
            }
