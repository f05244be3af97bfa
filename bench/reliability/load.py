"""Load: 300 callers at once through all three endpoints for a minute, at a reservation of 10.

Everything shares the cores of one machine, so the figures say what is lost and refused, not how fast AWS is.
"""

import random
import time
from collections.abc import Sequence
from itertools import chain

from bench.common.calls import Call, caller, make_call
from bench.common.rig import Progress
from bench.common.section import Section
from bench.reliability import load_storm
from bench.reliability.load_storm import answers
from bench.reliability.rig import COMPRESSION_OF_LOAD, FaultRig
from local.elevenlabs import Reply

CALLERS = 300
SECONDS = 60.0
TALK_SECONDS = (10.0, 30.0)
MEM0_SECONDS = 0.2
_ENDPOINTS = ("client-data", "retrieve", "post-call")


def run(progress: Progress) -> Section:
    """Load the system, and count."""
    section = Section(
        title="Load",
        how=(
            f"{CALLERS} callers ring, ask once, talk for {TALK_SECONDS[0]:g} to {TALK_SECONDS[1]:g} s and"
            f" hang up, again and again for {SECONDS:g} s; all ring in the first second. Mem0 takes"
            f" {MEM0_SECONDS:g} s a request. Reservation 10 for each function; the worker has 5 of PostCall's"
            " at most. API Gateway answers 429 beyond the stage's rate (50 a second, 100 at once) and 503"
            " when the reservation is used up. ElevenLabs repeats only webhooks, here after 0, 1, 4, 16 and"
            " 60 s. Then, without the stages' throttling, all hang up in the same moment, twice."
        ),
    )
    with FaultRig(throttle=True, environment={"RETRY_DELAYS": "1,2,5"}, progress=progress) as rig:
        rig.mem0_faults({"operation": ["get_all", "search", "add"], "latency_seconds": MEM0_SECONDS})
        _minute(section, rig)
    with FaultRig(throttle=False, environment={"RETRY_DELAYS": "1,2,5"}, progress=progress) as rig:
        _add_outcome(section, rig, "of both storms", load_storm.run(section, rig, progress))
    return section


def _minute(section: Section, rig: FaultRig) -> None:
    replies: dict[str, list[Reply]] = {name: [] for name in _ENDPOINTS}
    end = time.monotonic() + SECONDS
    by_caller = rig.side_by_side(
        lambda number: _call_again_and_again(rig, number, end, replies),
        range(CALLERS),
        CALLERS,
        "callers have hung up for the last time",
    )
    calls = list(chain.from_iterable(by_caller))
    accepted = [call for call, was_accepted in calls if was_accepted]
    for name, some in replies.items():
        right = all(reply.status in {200, 429, 503} for reply in some)
        webhook = name == "post-call"
        section.add(
            name,
            answers(some),
            passed=right and not (webhook and len(accepted) < len(calls)),
            remark=f"{len(accepted)} of {len(calls)} calls accepted in the end" if webhook else "",
        )
    _add_outcome(section, rig, "calls that were answered 200", accepted)


def _call_again_and_again(
    rig: FaultRig, number: int, end: float, replies: dict[str, list[Reply]]
) -> list[tuple[Call, bool]]:
    """What became of all calls of one caller: whether the webhook was accepted."""
    dice = random.Random(number)  # noqa: S311 - not a secret
    user = caller(800_000 + number)
    calls: list[tuple[Call, bool]] = []
    time.sleep(dice.random())
    while time.monotonic() < end:
        replies["client-data"].append(rig.look_up(user))
        replies["retrieve"].append(rig.retrieve(user))
        time.sleep(min(dice.uniform(*TALK_SECONDS), max(0.0, end - time.monotonic())))
        call = make_call(user, said=(f"I called {len(calls)} times before, and my dog is well.",))
        delivery = rig.deliver(call, compression=COMPRESSION_OF_LOAD)
        replies["post-call"].extend(attempt.reply for attempt in delivery.attempts)
        calls.append((call, delivery.accepted))
    return calls


def _add_outcome(section: Section, rig: FaultRig, words: str, calls: Sequence[Call]) -> None:
    """What becomes of accepted calls, most of which are still queued."""
    backlog, began = rig.waiting(), time.monotonic()
    rig.progress(f"load: {len(calls)} calls accepted, {backlog} in the queue")
    drained = rig.drained(300)
    seconds = max(0.1, time.monotonic() - began)
    tally = rig.tally(calls)
    section.add(
        words,
        {
            "sent": tally.calls,
            "remembered": len(tally.remembered),
            "lost": len(tally.lost),
            "both": len(tally.both),
            "twice": tally.facts_twice + tally.passages_twice,
        },
        passed=tally.clean and drained,
        remark=f"{backlog} were left in the queue; it drained in {seconds:.0f} s:"
        f" {backlog / seconds:.0f} a second",
    )
