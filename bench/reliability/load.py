"""Load: 300 callers at once through all three endpoints for a minute, at a reservation of 10.

Everything shares the cores of one machine: the callers, API Gateway, AWS, Mem0 and the functions. The figures
say what is lost and what is refused; how fast AWS would be they cannot say.
"""

import random
import statistics
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from bench.reliability.report import Section
from bench.reliability.rig import Call, Progress, Rig, Tally, caller, make_call
from local.elevenlabs import Reply

CALLERS = 300
SECONDS = 60.0
TALK_SECONDS = (10.0, 30.0)
MEM0_SECONDS = 0.2
_ENDPOINTS = ("client-data", "retrieve", "post-call")
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


def run(progress: Progress) -> Section:
    """Load the system, and count."""
    section = Section(
        key="load",
        title="Load",
        about=(
            f"{CALLERS} callers ring, ask once, talk for {TALK_SECONDS[0]:g} to {TALK_SECONDS[1]:g} s and"
            f" hang up, again and again for {SECONDS:g} s; all ring in the first second. Mem0 takes"
            f" {MEM0_SECONDS:g} s a request. Reservation 10 for each function, the worker has 5 of PostCall's"
            " at most. API Gateway answers 429 beyond the stage's rate (50 a second, 100 at once) and 503"
            " when the reservation is used up; ElevenLabs delivers a webhook again after both, the other two"
            " requests it does not repeat."
        ),
    )
    with Rig(throttle=True, environment={"RETRY_DELAYS": "1,2,5"}, progress=progress) as rig:
        rig.mem0_faults({"operation": ["get_all", "search", "add"], "latency_seconds": MEM0_SECONDS})
        _minute(section, rig, progress)
    with Rig(throttle=False, environment={"RETRY_DELAYS": "1,2,5"}, progress=progress) as rig:
        rig.mem0_faults({"operation": "add", "latency_seconds": 3.0})
        _all_hang_up(section, rig, progress)
    return section


def _minute(section: Section, rig: Rig, progress: Progress) -> None:
    answers = {name: Answers() for name in _ENDPOINTS}
    end = time.monotonic() + SECONDS
    with ThreadPoolExecutor(CALLERS) as callers:
        each = [callers.submit(_call_again_and_again, rig, number, end, answers) for number in range(CALLERS)]
        accepted = [call for one in each for call in one.result()]
    backlog, began = rig.waiting(), time.monotonic()
    progress(f"load: {len(accepted)} calls accepted, {backlog} in the queue")
    drained = rig.drained(300)
    seconds = max(0.1, time.monotonic() - began)
    for name in _ENDPOINTS:
        right = all(reply.status in {200, 429, 503} for reply in answers[name].replies)
        section.add(name, answers[name].figures(), passed=right)
    tally = rig.tally(accepted)
    section.add(
        "calls that were answered 200",
        _outcome(tally),
        passed=tally.clean and drained,
        remark=_drain(backlog, seconds),
    )


def _call_again_and_again(rig: Rig, number: int, end: float, answers: dict[str, Answers]) -> list[Call]:
    dice = random.Random(number)  # noqa: S311 - not a secret
    user = caller(800_000 + number)
    accepted: list[Call] = []
    time.sleep(dice.random())
    while time.monotonic() < end:
        answers["client-data"].note(rig.look_up(user))
        answers["retrieve"].note(rig.retrieve(user))
        time.sleep(min(dice.uniform(*TALK_SECONDS), max(0.0, end - time.monotonic())))
        call = make_call(user, said=(f"I called {len(accepted)} times before, and my dog is well.",))
        delivery = rig.deliver(call)
        answers["post-call"].note(*(attempt.reply for attempt in delivery.attempts))
        accepted += [call] if delivery.accepted else []
    return accepted


def _all_hang_up(section: Section, rig: Rig, progress: Progress) -> None:
    """The worker is as busy as it may be, and then everybody hangs up at once: is the webhook starved?"""
    busy = rig.calls(60)
    rig.deliver_all(busy)
    calls = rig.calls(CALLERS)
    answers = Answers()
    deliveries = rig.deliver_all(calls, at_once=CALLERS)
    answers.note(*(attempt.reply for one in deliveries for attempt in one.attempts))
    accepted = [call for call, one in zip(calls, deliveries, strict=True) if one.accepted]
    backlog, began = rig.waiting(), time.monotonic()
    progress(f"load: {len(accepted)} calls accepted at once, {backlog} in the queue")
    rig.mem0_faults()
    drained = rig.drained(300)
    seconds = max(0.1, time.monotonic() - began)
    right = all(reply.status in {200, 503} for reply in answers.replies)
    section.add(
        f"{CALLERS} hang up in the same moment, no stage throttling, the worker busy (Mem0 takes 3 s)",
        answers.figures(),
        passed=right,
        remark=f"{len(accepted)} of {CALLERS} were accepted in the end",
    )
    tally = rig.tally([*busy, *accepted])
    section.add(
        "of these and the 60 before them",
        _outcome(tally),
        passed=tally.clean and drained,
        remark=_drain(backlog, seconds),
    )


def _drain(backlog: int, seconds: float) -> str:
    return (
        f"{backlog} were left in the queue; it drained in {seconds:.0f} s: {backlog / seconds:.0f} a second"
    )


def _outcome(tally: Tally) -> dict[str, str | int | float]:
    twice = tally.facts_twice + tally.passages_twice
    return {
        "sent": tally.calls,
        "remembered": len(tally.remembered),
        "lost": len(tally.lost),
        "twice": twice,
    }
