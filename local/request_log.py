"""The requests that reached a stand-in, for tests and benches. Counters count all, the newest are kept."""

import threading
import time
from collections import Counter, deque
from typing import Any

MOST_KEPT = 20_000


class RequestLog:
    """The log of one stand-in. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[dict[str, Any]] = deque(maxlen=MOST_KEPT)
        self._by_operation: Counter[str] = Counter()

    def begin(self, operation: str, **fields: Any) -> dict[str, Any]:
        """Log a request as soon as it was read, so that one which hangs is seen too."""
        with self._lock:
            self._by_operation[operation] += 1
            entry = {"number": self._by_operation.total(), "time": time.time(), "operation": operation}
            entry |= {**fields, "status": None, "duration_ms": None}
            self._entries.append(entry)
        return entry

    def end(self, entry: dict[str, Any], status: int | None, seconds: float) -> None:
        """Log how it ended: the status that is about to be sent, None for no answer."""
        with self._lock:
            entry["status"] = status
            entry["duration_ms"] = round(seconds * 1000, 3)

    def requests(self, operation: str | None = None, after: int = 0) -> list[dict[str, Any]]:
        """The requests, oldest first: of one operation, with a higher `number` than `after`."""
        with self._lock:
            return [
                dict(entry)
                for entry in self._entries
                if entry["number"] > after and operation in (None, entry["operation"])
            ]

    def clear(self) -> None:
        """Forget all requests, and count from zero."""
        with self._lock:
            self._entries.clear()
            self._by_operation.clear()

    def counts(self) -> dict[str, Any]:
        """How many requests there were, in all and by operation."""
        with self._lock:
            return {"requests": self._by_operation.total(), "by_operation": dict(self._by_operation)}
