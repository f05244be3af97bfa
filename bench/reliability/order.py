"""Order and poison: each caller's calls are remembered in order, and failures delay no other caller."""

import time

from bench.common.calls import FIRST_START, Call, caller, ids, make_call
from bench.common.rig import Progress
from bench.common.section import Section
from bench.reliability.rig import KINDS, FaultRig

CALLERS = 10
CALLS_EACH = 5
OTHERS = 20
POISONED = "+18880000001"
_RETRY_SECONDS = 1


def run(progress: Progress) -> Section:
    """Let some calls fail, and look at the order in which Mem0 accepted them."""
    section = Section(
        title="Order and poison",
        how=(
            "*In order*: callers whose calls Mem0 accepted in the order in which they were made. A poison"
            " call is one that Mem0 rejects, or fails on at every try."
        ),
    )
    environment = {"RETRY_DELAYS": str(_RETRY_SECONDS), "CLAIM_SECONDS": "6"}
    with FaultRig(visibility_timeout=8, environment=environment, progress=progress) as rig:
        rig.system.host.warm("post-call", 4)
        _order(section, rig, retried=False)
        _order(section, rig, retried=True)
        progress("order: order done")
        _poison(section, rig, "rejected at once (400)", {"status": 400})
        progress("order: first poison done")
        _poison(section, rig, "fails at every try (503), five tries", {"status": 503})
    return section


def _order(section: Section, rig: FaultRig, *, retried: bool) -> None:
    base = 500_000 if retried else 400_000
    starts = [FIRST_START + 100 * place for place in range(CALLS_EACH)]
    lines = [[make_call(caller(base + number), start=start) for start in starts] for number in range(CALLERS)]
    # In each caller's line the second call fails twice: everything behind it has to wait.
    failing = [
        {"operation": "add", "contains": line[1].conversation_id, "status": 503, "count": 4} for line in lines
    ]
    rig.mem0_faults(*(failing if retried else []))
    for place in range(CALLS_EACH):
        rig.deliver_all([line[place] for line in lines])
    tally = rig.outcome([call for line in lines for call in line], 90)
    rig.mem0_faults()
    sequence = [payload["metadata"] for payload in rig.add_payloads()]
    accepted = {
        kind: [entry["conversation_id"] for entry in sequence if entry["type"] == kind] for kind in KINDS
    }
    right = sum(
        [call for call in accepted[kind] if call in ids(line)] == ids(line)
        for line in lines
        for kind in KINDS
    )
    section.add(
        f"{CALLERS} callers, {CALLS_EACH} calls each" + (", the second call fails twice" if retried else ""),
        {"in order": f"{right // 2} of {CALLERS}", **tally.figures()},
        passed=tally.clean and right == 2 * CALLERS,
    )


def _poison(section: Section, rig: FaultRig, words: str, fault: dict[str, int]) -> None:
    poison, behind = (make_call(POISONED, start=start) for start in (FIRST_START, FIRST_START + 100))
    others = rig.calls(OTHERS)
    rig.mem0_faults({"operation": "add", "contains": poison.conversation_id, **fault})
    began = time.monotonic()
    rig.deliver(poison)
    rig.deliver(behind)
    rig.deliver_all(others)
    of_others = _seconds(rig, others, began)
    own = _seconds(rig, [behind], began)
    tally = rig.outcome([behind, *others], 60)
    rig.mem0_faults()
    section.add(
        f"poison: {words}; one call of the same caller behind it, {OTHERS} of others",
        tally.figures(),
        passed=tally.clean and rig.tally([poison]).dead_lettered and of_others < own + 1,
        remark=f"others remembered after {of_others:.1f} s, the caller's own next call after {own:.1f} s",
    )


def _seconds(rig: FaultRig, calls: list[Call], began: float) -> float:
    """Seconds until these are remembered."""
    rig.until(lambda: len(rig.tally(calls).remembered) == len(calls), 60)
    return time.monotonic() - began
