"""300 webhooks at the same moment, once while the worker is idle and once while it is busy.

The difference between the two is what the webhook loses to the worker, with which it shares a reservation.
"""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench.common.calls import Call
from bench.common.rig import Progress
from bench.common.section import Section, Value, percentile
from bench.reliability.rig import COMPRESSION_OF_LOAD, OK, FaultRig
from local.elevenlabs import Delivery, Reply
from local.lambda_host import Step

CALLERS = 300
RESERVATION, WORKERS = 10, 5
MEM0_SECONDS = 2.0
_NEARLY = 0.8
"""Between two batches the webhook may take an instance of the worker's, so the mean is a little below all."""


class Held:
    """How many instances the worker holds, and held."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._instances: set[int] = set()
        self._history = [(time.monotonic(), 0)]

    def at_step(self, step: Step) -> None:
        """Called by the host at each step of each instance."""
        if step.name not in {"invoke", "answered", "exit"}:
            return
        invocation = step.instance._current  # noqa: SLF001 - the host's steps do not carry the event
        works = step.name == "invoke" and invocation is not None and b'"Records"' in invocation.event
        with self._lock:
            self._instances.discard(step.instance.pid)
            if works:
                self._instances.add(step.instance.pid)
            self._history.append((time.monotonic(), len(self._instances)))

    def now(self) -> int:
        """At this moment."""
        return self._history[-1][1]

    def mean(self, since: float) -> float:
        """On average since this moment (`time.monotonic`)."""
        with self._lock:
            now = time.monotonic()
            spans = pairwise([*self._history, (now, 0)])
            held = sum(count * max(0.0, end - max(begin, since)) for (begin, count), (end, _) in spans)
            return held / (now - since)


def answers(replies: Sequence[Reply]) -> dict[str, Value]:
    """How many answers there were of each status, and how long the accepted ones took."""
    status = Counter(map(str, replies))
    times = [reply.milliseconds for reply in replies if reply.status == OK]
    known: dict[str, Value] = {"sent": len(replies), "200": status.pop("200", 0)}
    known |= {"429 (stage)": status.pop("429", 0), "503 (reservation)": status.pop("503", 0)}
    return {
        **known,
        "other": ", ".join(f"{count} {what}" for what, count in status.items()) or 0,
        "p50 ms": round(percentile(times, 50)) if times else "",
        "p95 ms": round(percentile(times, 95)) if times else "",
    }


@dataclass(frozen=True, kw_only=True)
class Storm:
    """What became of one storm.

    Attributes:
        seconds: until the last one was accepted, or given up.
        held_at_first: instances that the worker held when it began.
        held: and meanwhile, on average.
    """

    calls: list[Call]
    deliveries: list[Delivery]
    seconds: float
    held_at_first: int
    held: float

    @property
    def accepted(self) -> int:
        """How many were accepted in the end."""
        return sum(one.accepted for one in self.deliveries)

    @property
    def at_try(self) -> list[int]:
        """How many were accepted at the first try, at the second, and so on."""
        tries = Counter(len(one.attempts) for one in self.deliveries if one.accepted)
        return [tries[number] for number in range(1, max(tries, default=0) + 1)]


def run(section: Section, rig: FaultRig, progress: Progress) -> list[Call]:
    """Append both storms to `section`; returns the accepted calls, most of which are still queued."""
    held = Held()
    rig.system.host.on_step(held.at_step)
    rig.system.host.warm("post-call", RESERVATION)
    rig.system.source.pause()
    idle = _storm(rig, held)
    progress(f"load: a storm while the worker is idle took {idle.seconds:.0f} s")
    _row(section, idle, "the worker idle (its event source is paused)", right=idle.held == 0)
    rig.mem0_faults({"operation": "add", "latency_seconds": MEM0_SECONDS})
    rig.system.source.resume()
    rig.until(lambda: held.now() == WORKERS, 30, lambda: f"the worker holds {held.now()} instances")
    busy = _storm(rig, held)
    rig.mem0_faults()
    progress(f"load: a storm while the worker is busy took {busy.seconds:.0f} s")
    words = f"the worker as busy as it may be (300 calls queued, Mem0 takes {MEM0_SECONDS:g} s)"
    _row(section, busy, words, right=busy.held_at_first == WORKERS and busy.held >= _NEARLY * WORKERS)
    section.note = _explained(idle, busy)
    return [
        call
        for storm in (idle, busy)
        for call, one in zip(storm.calls, storm.deliveries, strict=True)
        if one.accepted
    ]


def _storm(rig: FaultRig, held: Held) -> Storm:
    calls = rig.calls(CALLERS)
    began, at_first = time.monotonic(), held.now()
    deliveries = rig.deliver_all(calls, at_once=CALLERS, compression=COMPRESSION_OF_LOAD)
    return Storm(
        calls=calls,
        deliveries=deliveries,
        seconds=time.monotonic() - began,
        held_at_first=at_first,
        held=held.mean(began),
    )


def _row(section: Section, storm: Storm, words: str, *, right: bool) -> None:
    replies = [attempt.reply for one in storm.deliveries for attempt in one.attempts]
    known = all(reply.status in {200, 503} for reply in replies)
    section.add(
        f"{CALLERS} hang up in the same moment, {words}",
        {**answers(replies), "accepted at try 1/2/3...": "/".join(map(str, storm.at_try))},
        passed=right and known and storm.accepted == CALLERS,
        remark=f"{storm.accepted} of {CALLERS} accepted, the last one after {storm.seconds:.1f} s;"
        f" the worker held {storm.held_at_first} instances when it began, {storm.held:.1f} on average",
    )


def _explained(idle: Storm, busy: Storm) -> str:
    first = [storm.at_try[0] if storm.at_try else 0 for storm in (idle, busy)]
    free = RESERVATION - WORKERS
    return (
        f"{CALLERS} deliveries in one moment meet {RESERVATION} instances while the worker is idle, and"
        f" {free} while it is busy: the event source never invokes more than {WORKERS} at once. Accepted at"
        f" the first try: {first[0]} with the worker idle, {first[1]} while it was busy. All accepted: after"
        f" {idle.seconds:.0f} s and {busy.seconds:.0f} s, both set by the schedule of the retries. A busy"
        " worker can cost the webhook tries, and no call."
    )
