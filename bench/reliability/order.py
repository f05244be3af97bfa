"""Order and poison: each caller's calls are remembered in order, and failures delay no other caller."""

import time
from dataclasses import dataclass

from bench.reliability.calls import FIRST_START, Call, caller, ids, make_call
from bench.reliability.report import Section
from bench.reliability.rig import Progress, Rig, until

CALLERS = 10
CALLS_EACH = 5
OTHERS = 20
POISONED = "+18880000001"
_RETRY_SECONDS = 1


def run(progress: Progress) -> Section:
    """Let some calls fail, and look at the order in which Mem0 accepted them."""
    section = Section(
        key="order",
        title="Order and poison",
        about=(
            "*In order*: callers whose calls Mem0 accepted in the order in which they were made. A poison"
            " call is one that Mem0 rejects, or fails on at every try."
        ),
    )
    environment = {"RETRY_DELAYS": str(_RETRY_SECONDS), "CLAIM_SECONDS": "6"}
    with Rig(visibility_timeout=8, environment=environment, progress=progress) as rig:
        rig.system.host.warm("post-call", 4)
        _order(section, rig, retried=False)
        _order(section, rig, retried=True)
        progress("order: order done")
        _poison(section, rig, "rejected at once (400)", {"status": 400})
        progress("order: first poison done")
        _poison(section, rig, "fails at every try (503), five tries", {"status": 503})
    return section


def _order(section: Section, rig: Rig, *, retried: bool) -> None:
    base = 500_000 if retried else 400_000
    lines = [
        [
            make_call(
                caller(base + number), start=FIRST_START + 100 * place, said=(f"Thing number {place}.",)
            )
            for place in range(CALLS_EACH)
        ]
        for number in range(CALLERS)
    ]
    # In each caller's line the second call fails twice: everything behind it has to wait.
    failing = [
        {"operation": "add", "contains": line[1].conversation_id, "status": 503, "count": 4} for line in lines
    ]
    rig.mem0_faults(*(failing if retried else []))
    for place in range(CALLS_EACH):
        rig.deliver_all([line[place] for line in lines])
    rig.drained(90)
    rig.mem0_faults()
    sequence = [payload["metadata"] for payload in rig.add_payloads()]
    right = 0
    for line in lines:
        for kind in ("factual", "semantic"):
            of_line = [
                entry["conversation_id"]
                for entry in sequence
                if entry["type"] == kind and entry["conversation_id"] in ids(line)
            ]
            right += of_line == ids(line)
    tally = rig.tally([call for line in lines for call in line])
    section.add(
        f"{CALLERS} callers, {CALLS_EACH} calls each" + (", the second call fails twice" if retried else ""),
        {"in order": f"{right // 2} of {CALLERS}", **tally.figures()},
        passed=tally.clean and right == 2 * CALLERS,
    )


@dataclass(frozen=True, kw_only=True)
class _Line:
    poison: Call
    behind: Call
    others: list[Call]


def _poison(section: Section, rig: Rig, words: str, fault: dict[str, int]) -> None:
    line = _Line(
        poison=make_call(POISONED, start=FIRST_START),
        behind=make_call(POISONED, start=FIRST_START + 100),
        others=rig.calls(OTHERS),
    )
    rig.mem0_faults({"operation": "add", "contains": line.poison.conversation_id, **fault})
    began = time.monotonic()
    rig.deliver(line.poison)
    rig.deliver(line.behind)
    rig.deliver_all(line.others)
    others = _seconds(rig, line.others, began)
    behind = _seconds(rig, [line.behind], began)
    rig.drained(60)
    rig.mem0_faults()
    tally = rig.tally([line.behind, *line.others])
    poison = rig.tally([line.poison])
    section.add(
        f"poison: {words}; one call of the same caller behind it, {OTHERS} of others",
        tally.figures(),
        passed=tally.clean and poison.dead_lettered and others < behind + 1,
        remark=f"others remembered after {others:.1f} s, the caller's own next call after {behind:.1f} s",
    )


def _seconds(rig: Rig, calls: list[Call], began: float) -> float:
    """Seconds until these are remembered."""
    until(lambda: len(rig.tally(calls).remembered) == len(calls), 60)
    return time.monotonic() - began
