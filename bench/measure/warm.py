"""Warm calls: how much of a call is our own time, how many requests Mem0 gets, and what growth changes."""

import json
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.common.charts import NAIVE, OURS, Bar
from bench.common.section import Section, ms, percentile
from bench.measure.rig import BOTH, NAMES, HostRig, Side, healthy
from local.lambda_host import LambdaHost

MEMORIES = 20
GROWTH = (10, 100, 1000, 5000)
P50_MS = 3.0
P99_MS = 10.0
MOST_REQUESTS = 2
GROWN_BY = 1.5
BUDGET = 6000  # CONTEXT_CHARACTERS: the memory context's share of the prompt
_CALLER, _OTHER = "+16125550143", "+16125550144"


@dataclass(frozen=True, kw_only=True)
class Warm:
    """Warm calls of one function: times in ms, one entry for each call."""

    own: list[float]
    cpu: list[float]
    requests: int
    last: dict[str, Any]


def calls(rig: HostRig, host: LambdaHost, function: str, caller: str, count: int) -> Warm:
    """Invoke a warm function `count` times; own time is the handler's minus what it waited for Mem0.

    Waiting is being blocked in the socket until an answer is there; everything else counts as ours.
    """
    event = rig.call_event(function, caller)
    rig.requests()
    answers = [rig.ask(host, function, event) for _ in range(count)]
    requests = rig.requests() // count
    return Warm(
        own=[float(answer["ms"]) - float(answer["waited_ms"]) for answer in answers],
        cpu=[float(answer["cpu_ms"]) for answer in answers],
        requests=requests,
        last=json.loads(healthy(answers[-1]["answer"])["body"]),
    )


def warmed(rig: HostRig, side: Side, function: str, caller: str, count: int, first: int) -> Warm:  # noqa: PLR0913, PLR0917
    """`count` calls of a function of its own, after `first` others that are not counted."""
    with rig.host(side, function, probe=True) as host:
        calls(rig, host, function, caller, first)
        return calls(rig, host, function, caller, count)


def measure(rig: HostRig, count: int) -> Section:
    """Own time of a warm call: `count` calls of ours for each function, a tenth of that for the naive way."""
    section = Section(title="Our own time, warm", how=HOW.format(memories=MEMORIES))
    rig.seed(_CALLER, MEMORIES)
    rows = []
    for function, name in NAMES.items():
        found: dict[Side, Warm] = {}
        for side in BOTH:
            amount = count if side == "ours" else max(20, count // 10)
            rig.progress(f"{amount} warm calls of {name}, {side}")
            found[side] = warmed(rig, side, function, _CALLER, amount, first=20)
            own, busy = found[side].own, median(found[side].cpu)
            section.figures |= {f"{function}.{side}.own": median(own), f"{function}.{side}.own_cpu": busy}
            rows.append([f"{name}, {side}", str(amount), ms(median(own)), ms(percentile(own, 99)), ms(busy)])
        own = found["ours"].own
        half, last = median(own), percentile(own, 99)
        section.target(
            f"own time of {name}, p50 and p99",
            f"≤ {P50_MS:g} ms, ≤ {P99_MS:g} ms",
            f"{ms(half)}, {ms(last)}",
            reached=half <= P50_MS and last <= P99_MS,
            reason=BUSY.format(cpu=ms(median(found["ours"].cpu))),
        )
    section.table(("", "calls", "p50", "p99", "CPU, p50"), rows)
    return section


def measure_trips(rig: HostRig) -> Section:
    """Requests that reach Mem0: in a cold start, and in each warm call after it."""
    section = Section(
        title="Round trips to Mem0",
        how="Counted by the stand-in. The one at a cold start is mem0's own check of its key.",
    )
    rig.seed(_OTHER, MEMORIES)
    rows = []
    for function, name in NAMES.items():
        for side in BOTH:
            with rig.host(side, function, probe=True) as host:
                rig.requests()
                host.warm(function)
                cold = rig.requests()
                most = max(calls(rig, host, function, _OTHER, 1).requests for _ in range(10))
            rows.append([f"{name}, {side}", str(cold), str(most)])
            if side == "ours":
                found = f"{most} warm, {cold} more at a cold start"
                wanted, reached = "1 warm, at most 1 more cold", most == 1 and cold <= 1
                section.target(f"round trips of {name}", wanted, found, reached=reached)
    section.table(("", "at a cold start", "each warm call"), rows)
    return section


def measure_growth(rig: HostRig, count: int) -> Section:
    """ClientData for callers with more and more memories."""
    section = Section(
        title="Growth",
        how="ClientData for a caller who has called for years; three of four memories are facts.",
    )
    rows = []
    found: dict[tuple[str, int], Warm] = {}
    for number, size in enumerate(GROWTH):
        rig.progress(f"a caller with {size:,} memories")
        caller = f"+161255503{number:02d}"
        rig.seed(caller, size)
        for side in BOTH:
            amount = count if side == "ours" else max(5, count // 20)
            warm = found[side, size] = warmed(rig, side, "client-data", caller, amount, first=5)
            told = warm.last["dynamic_variables"]
            counted = [str(warm.requests), str(told["memory_count"]), f"{len(told['memory_context']):,}"]
            rows.append([f"{size:,}, {side}", *counted, ms(median(warm.own)), ms(median(warm.cpu))])
    ours = [found["ours", size] for size in GROWTH]
    most = max(warm.requests for warm in ours)
    context = max(len(warm.last["dynamic_variables"]["memory_context"]) for warm in ours)
    grown = median(found["ours", 5000].own) / median(found["ours", 100].own)
    section.target(
        "requests with 5,000 memories", f"≤ {MOST_REQUESTS}", str(most), reached=most <= MOST_REQUESTS
    )
    section.target(
        "longest memory context", f"≤ {BUDGET:,} characters", f"{context:,}", reached=context <= BUDGET
    )
    wanted = f"≤ {GROWN_BY} \u00d7"
    section.at_most("own time from 100 to 5,000 memories", grown, GROWN_BY, wanted, GROWN)
    section.table(("memories", "requests", "count told", "characters", "own time, p50", "CPU, p50"), rows)
    section.chart(
        "performance-growth.svg",
        "Own time of ClientData by the number of memories (median)",
        [
            [
                Bar(label=f"{size:,} memories, {side}", value=value, words=ms(value), colour=colour)
                for side, colour in (("ours", OURS), ("naive", NAIVE))
                for value in [median(found[side, size].own)]
            ]
            for size in GROWTH
        ],
    )
    return section


HOW = """The handler's time minus the time in which it was blocked until Mem0's answer was there: making and
sending the request, parsing the answer and logging all count as ours. The caller has {memories} memories."""
BUSY = """the function's own CPU time was {cpu} for each call, woken up with cold caches between the
stand-in and the Lambda host: mem0's client, JSON, choosing what is told, and one log line."""
GROWN = "of more than 200 memories two full pages are read, 400 rows for 100: reading JSON costs per row."
