"""What the callers of a load were answered."""

import statistics
import threading
from collections import Counter
from dataclasses import dataclass, field

from local.elevenlabs import Reply

_OK = 200


@dataclass
class Answers:
    """What one endpoint answered."""

    replies: list[Reply] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, *replies: Reply) -> None:
        """Keep answers."""
        with self.lock:
            self.replies += replies

    def figures(self) -> dict[str, str | int | float]:
        """How many there were of each status, and how long the accepted ones took."""
        status = Counter(str(reply) for reply in self.replies)
        times = sorted(reply.milliseconds for reply in self.replies if reply.status == _OK)
        slow = times[int(0.95 * (len(times) - 1))] if times else 0.0
        known = {"sent": len(self.replies), "200": status.pop("200", 0)}
        known |= {"429 (stage)": status.pop("429", 0), "503 (reservation)": status.pop("503", 0)}
        return {
            **known,
            "other": ", ".join(f"{count} {what}" for what, count in status.items()) or 0,
            "p50 ms": round(statistics.median(times)) if times else "",
            "p95 ms": round(slow),
        }
