"""The crash matrix: an instance is killed, or frozen past the visibility timeout, at each step of a call.

Each call is hit once, at its own step, while all others are under way.
"""

import re
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from bench.common.calls import Call, ids, make_call
from bench.common.rig import Progress
from bench.common.section import Section
from bench.reliability.rig import MANY, FaultRig
from local.lambda_host import Gateway, Step
from local.lambda_host.event_source import Message

VISIBILITY_SECONDS = 6
CLAIM_SECONDS = 4
FREEZE_SECONDS = 8
EXTRACTION_SECONDS = 12.0
"""How late Mem0 extracts in the last case: later than the claim and the visibility timeout last."""
WEBHOOKS, WORKERS = 16, 32
"""At once. Most of them hold a frozen instance, which costs no time; a killed one costs a start."""
_INTEGRATION_SECONDS = 4.0
_AWAKE_SECONDS = 1.0
_REMAINS = """An add that Mem0 accepted and that was not noted is looked for before it is sent again, first
among the caller's memories, then among Mem0's newest 500 events. Only behind more events than that it is not
found, and is sent a second time. As deployed the worker comes back after the visibility timeout of 180 s."""
_HOW = {"kill": "killed", "freeze": "frozen"}
WAYS = tuple(_HOW)
_DELETE = "before the message is deleted"
_BETWEEN = "between the two adds: one is noted, the other not sent"
_ACCEPTED = "Mem0 has accepted an add, and it is not noted"
_VERIFY, _SEND = "post_call.webhook:Webhook._verified_body", "post_call.call_queue:CallQueue.send"
_ADD, _NOTED = "shared.mem0.store:MemoryStore.add", "post_call.ledger:Entry.note"
_ID = re.compile(rb"conv_faults[0-9a-f]{32}")


@dataclass(frozen=True)
class Place:
    """A step of a call: at which door, and what the host calls it; its first occurrence counts."""

    words: str
    door: str
    step: str


PLACES = (
    *(
        Place(words, "webhook", step)
        for words, step in (
            ("before verification", f"{_VERIFY}:before"),
            ("after verification", f"{_VERIFY}:after"),
            ("before the enqueue", f"{_SEND}:before"),
            ("after the enqueue", f"{_SEND}:after"),
            ("before the response is out", "response"),
            ("after the response", "answered"),
        )
    ),
    *(
        Place(words, "worker", step)
        for words, step in (
            ("before the claim", "post_call.ledger:Ledger.claim:before"),
            ("after the claim, which notes the adds as begun", "post_call.ledger:Ledger.claim:after"),
            ("an add is about to be sent, and is not", f"{_ADD}:before"),
            (_BETWEEN, f"{_NOTED}:after"),
            (_ACCEPTED, f"{_ADD}:after"),
            ("after both adds: one is noted, the other not yet", "post_call.ledger:Entry.release:before"),
            ("the ledger is closed", "post_call.ledger:Entry.close:after"),
            ("the worker's response is not out", "response"),
        )
    ),
    Place(_DELETE, "source", ""),
)
STEPS = tuple(sorted({place.step.rsplit(":", 1)[0] for place in PLACES if ":" in place.step} | {_ADD}))


@dataclass(kw_only=True)
class Plan:
    """Where one call is hit, and how (`kill` or `freeze`)."""

    place: Place
    how: str
    hit: bool = False
    happened: bool = False


class FaultInjector:
    """Hits each call once, at its place."""

    def __init__(self, plans: Mapping[str, Plan]) -> None:
        self._plans = plans
        self._lock = threading.Lock()
        self._reached: Counter[tuple[str, str]] = Counter()  # by request and step
        self._hits = threading.Condition(self._lock)
        self._all_awake = 0.0
        self._over = False

    def release_all(self) -> None:
        """Hold nothing any more."""
        with self._hits:
            self._over = True
            self._hits.notify_all()

    def wait_for_the_last(self) -> None:
        """Wait until the last frozen instance has woken up, and had time to do what it must not."""
        time.sleep(max(0.0, self._all_awake + _AWAKE_SECONDS - time.monotonic()))

    def at_step(self, step: Step) -> None:
        """Called by the host, in the instance's own thread, which waits until this returns."""
        invocation = step.instance._current  # noqa: SLF001 - the host's steps do not carry the event
        found = _ID.search(invocation.event) if invocation else None
        plan = self._plans.get(found.group().decode()) if found else None
        if invocation is None or found is None or plan is None or plan.hit:
            return
        door = "worker" if b'"Records"' in invocation.event else "webhook"
        if door != plan.place.door:
            return
        occurrence = self._count(invocation.request_id, step.name)
        if plan.place.words == _BETWEEN and step.name == f"{_ADD}:before" and occurrence > 1:
            with self._hits:  # the second of the two adds waits until the fault has happened
                self._hits.wait_for(lambda: plan.happened or self._over, timeout=10)
        elif (step.name, occurrence) == (plan.place.step, 1) and self._claim(plan):
            if plan.how == "kill":
                step.instance.kill()
            else:
                step.instance.freeze()
                self._all_awake = time.monotonic() + FREEZE_SECONDS
                timer = threading.Timer(FREEZE_SECONDS, step.instance.thaw)
                timer.daemon = True
                timer.start()
            with self._hits:
                plan.happened = True
                self._hits.notify_all()

    def before_delete(self, messages: Sequence[Message]) -> None:
        """Called by the event source: lose the deletion, or come with it when it is too late."""
        for message in messages:
            found = _ID.search(str(message["Body"]).encode())
            plan = self._plans.get(found.group().decode()) if found else None
            if plan and plan.place.words == _DELETE and self._claim(plan):
                if plan.how == "kill":
                    raise ConnectionError("killed before the message was deleted")
                self._all_awake = time.monotonic() + FREEZE_SECONDS
                time.sleep(FREEZE_SECONDS)

    def _claim(self, plan: Plan) -> bool:
        with self._lock:
            first, plan.hit = not plan.hit, True
        return first

    def _count(self, request_id: str, step: str) -> int:
        with self._lock:
            self._reached[request_id, step] += 1
            return self._reached[request_id, step]


def run(
    progress: Progress,
    calls: int = 20,
    places: Sequence[Place] = PLACES,
    ways: Sequence[str] = WAYS,
) -> Section:
    """Hit `calls` calls at each place, in both ways, all of them mixed, and count."""
    section = Section(
        title="Crash matrix",
        how=(
            f"Each call is hit once, at its own step, while the others are under way: {WEBHOOKS} webhooks"
            f" and {WORKERS} batches of one call at once. Killed: SIGKILL. Frozen: stopped for"
            f" {FREEZE_SECONDS} s, with a visibility timeout of {VISIBILITY_SECONDS} s and a claim of"
            f" {CLAIM_SECONDS} s, and then woken up to finish what it was doing. ElevenLabs delivers again"
            " what was not answered with 200. *Hit* counts the calls that were hit at their step."
        ),
    )
    with FaultRig(
        settings={"reserved_concurrency": MANY},
        visibility_timeout=VISIBILITY_SECONDS,
        environment={"CLAIM_SECONDS": str(CLAIM_SECONDS), "RETRY_DELAYS": "1"},
        steps=STEPS,
        progress=progress,
    ) as rig:
        groups = [(place, how, rig.calls(calls)) for how in ways for place in places]
        accepted = next(place for place in PLACES if place.words == _ACCEPTED)
        slow = (accepted, "kill", [make_call(f"+1666{number:07d}") for number in range(calls)])
        rig.mem0_faults({"operation": "infer", "contains": "+1666", "latency_seconds": EXTRACTION_SECONDS})
        everything = [*groups, slow]
        plans = {
            call.conversation_id: Plan(place=place, how=how)
            for place, how, some in everything
            for call in some
        }
        began = time.monotonic()
        injector = FaultInjector(plans)
        rig.system.source.pause()  # `_run_calls` has one of its own, with a batch size of one
        rig.system.host.on_step(injector.at_step)
        # One call of each group in turn, so that some wait while others work.
        _run_calls(
            rig, list(chain(*zip(*(group for _, _, group in everything), strict=True))), injector, progress
        )
        progress(f"crash: all settled after {time.monotonic() - began:.0f} s")
        for place, how, some in everything:
            words = f"{_HOW[how]} {place.words}"
            if some is slow[2]:
                words += f"; Mem0 extracts {EXTRACTION_SECONDS:g} s later"
            tally, hit = rig.tally(some), sum(plans[call].hit for call in ids(some))
            section.add(words, {"hit": hit, **tally.figures()}, passed=hit == len(some) and tally.clean)
    section.note = _REMAINS
    return section


def _run_calls(rig: FaultRig, calls: list[Call], injector: FaultInjector, progress: Progress) -> None:
    system = rig.system
    mapping = system.template.mapping
    api = next(api for api in system.template.apis if api.function == mapping.function)
    gateway = Gateway(system.host, mapping.function, api.routes, integration_seconds=_INTEGRATION_SECONDS)
    source = rig.event_source(
        batch_size=1,
        maximum_concurrency=WORKERS,
        visibility_seconds=VISIBILITY_SECONDS,
        before_delete=injector.before_delete,
    )
    try:
        deliveries = rig.deliver_all(calls, at_once=WEBHOOKS, url=f"{gateway.url}/post-call")
        refused = [delivery for delivery in deliveries if not delivery.accepted]
        progress(f"crash: {len(deliveries)} calls delivered, {len(refused)} given up by ElevenLabs")
        rig.drained(240)
        injector.wait_for_the_last()
    except BaseException:
        source.cease()  # the batches under way end with the rig
        injector.release_all()
        raise
    else:
        source.stop()
    finally:
        gateway.stop()
