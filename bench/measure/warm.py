"""Warm calls: how much of a call is our own time, how many requests Mem0 gets, and what growth changes."""

import json
from dataclasses import dataclass
from typing import Any

from bench.measure.charts import NAIVE, OURS, Bar, bars
from bench.measure.cold import FUNCTIONS, NAMES
from bench.measure.report import Chart, Section, Table, Target, at_most, median, ms, percentile, ratio
from bench.measure.rig import Rig, Side
from local.lambda_host import LambdaHost

MEMORIES = 20
GROWTH = (10, 100, 1000, 5000)
P50_MS = 3.0
P99_MS = 10.0
MOST_REQUESTS = 2
BUDGET = 6000  # CONTEXT_CHARACTERS: the memory context's share of the prompt


@dataclass(frozen=True, kw_only=True)
class Warm:
    """Warm calls of one function: times in ms, one entry for each call."""

    own: list[float]
    cpu: list[float]
    requests: int
    last: dict[str, Any]


def calls(rig: Rig, host: LambdaHost, function: str, event: dict[str, Any], count: int) -> Warm:
    """Invoke a warm function `count` times; own time is the handler's minus what it waited for Mem0.

    Waiting is being blocked in the socket until an answer is there; everything else counts as ours.
    """
    rig.requests()
    answers = [rig.ask(host, function, event) for _ in range(count)]
    requests = len(rig.requests()) // count
    last = answers[-1]["answer"]
    if last["statusCode"] != 200:  # noqa: PLR2004 - OK
        raise RuntimeError(f"{function} answered {last}")
    own = [float(answer["ms"]) - float(answer["waited_ms"]) for answer in answers]
    cpu = [float(answer["cpu_ms"]) for answer in answers]
    return Warm(own=own, cpu=cpu, requests=requests, last=json.loads(last["body"]))


def measure(rig: Rig, count: int) -> Section:
    """Own time of a warm call: `count` calls of ours for each function, a tenth of that for the naive way."""
    rig.seed("+16125550143", MEMORIES)
    events = {
        "client-data": rig.client_data_event("+16125550143"),
        "retrieve": rig.retrieve_event("+16125550143"),
    }
    rows, targets = [], []
    figures: dict[str, float] = {}
    for function in FUNCTIONS:
        name = NAMES[function]
        sides: tuple[Side, ...] = ("ours", "naive")
        found: dict[str, Warm] = {}
        for side in sides:
            amount = count if side == "ours" else max(20, count // 10)
            rig.progress(f"{amount} warm calls of {name}, {side}")
            with rig.host(side, function, probe=True) as host:
                calls(rig, host, function, events[function], 20)
                found[side] = calls(rig, host, function, events[function], amount)
            own = found[side].own
            figures[f"{function}.{side}.own"] = median(own)
            busy = median(found[side].cpu)
            figures[f"{function}.{side}.own_cpu"] = busy
            rows.append([f"{name}, {side}", str(amount), ms(median(own)), ms(percentile(own, 99)), ms(busy)])
        own = found["ours"].own
        half, last = median(own), percentile(own, 99)
        wanted = f"≤ {P50_MS:g} ms, ≤ {P99_MS:g} ms"
        reached = f"{ms(half)}, {ms(last)}"
        met = half <= P50_MS and last <= P99_MS
        what = f"own time of {name}, p50 and p99"
        reason = BUSY.format(cpu=ms(median(found["ours"].cpu)))
        targets.append(Target(what=what, wanted=wanted, reached=reached, met=met, reason=reason))
    return Section(
        key="warm",
        title="Our own time, warm",
        how=HOW.format(memories=MEMORIES),
        targets=targets,
        tables=[Table(headers=("", "calls", "p50", "p99", "CPU, p50"), rows=rows)],
        figures=figures,
    )


def measure_trips(rig: Rig) -> Section:
    """Requests that reach Mem0: in a cold start, and in each warm call after it."""
    rig.progress("counting round trips")
    rig.seed("+16125550144", MEMORIES)
    events = {
        "client-data": rig.client_data_event("+16125550144"),
        "retrieve": rig.retrieve_event("+16125550144"),
    }
    rows, targets = [], []
    sides: tuple[Side, ...] = ("ours", "naive")
    for function in FUNCTIONS:
        for side in sides:
            with rig.host(side, function, probe=True) as host:
                rig.requests()
                host.warm(function)
                cold = len(rig.requests())
                warm = [calls(rig, host, function, events[function], 1).requests for _ in range(10)]
            most = max(warm)
            rows.append([f"{NAMES[function]}, {side}", str(cold), str(most)])
            if side == "ours":
                reached = f"{most} warm, {cold} more at a cold start"
                met = most == 1 and cold <= 1
                wanted = "1 warm, at most 1 more cold"
                targets.append(
                    Target(what=f"round trips of {NAMES[function]}", wanted=wanted, reached=reached, met=met)
                )
    return Section(
        key="trips",
        title="Round trips to Mem0",
        how="Counted by the stand-in. The one at a cold start is mem0's own check of its key.",
        targets=targets,
        tables=[Table(headers=("", "at a cold start", "each warm call"), rows=rows)],
    )


def measure_growth(rig: Rig, count: int) -> Section:
    """ClientData for callers with more and more memories."""
    rows = []
    found: dict[tuple[str, int], Warm] = {}
    sides: tuple[Side, ...] = ("ours", "naive")
    for size in GROWTH:
        rig.progress(f"a caller with {size:,} memories")
        caller = f"+161255503{GROWTH.index(size):02d}"
        rig.seed(caller, size)
        for side in sides:
            amount = count if side == "ours" else max(5, count // 20)
            with rig.host(side, "client-data", probe=True) as host:
                calls(rig, host, "client-data", rig.client_data_event(caller), 5)
                found[side, size] = calls(rig, host, "client-data", rig.client_data_event(caller), amount)
            warm = found[side, size]
            context = len(warm.last["dynamic_variables"]["memory_context"])
            told = warm.last["dynamic_variables"]["memory_count"]
            rows.append(
                [
                    f"{size:,}, {side}",
                    str(warm.requests),
                    told,
                    f"{context:,}",
                    ms(median(warm.own)),
                    ms(median(warm.cpu)),
                ]
            )
    most = max(found["ours", size].requests for size in GROWTH)
    context = max(len(found["ours", size].last["dynamic_variables"]["memory_context"]) for size in GROWTH)
    grown = median(found["ours", 5000].own) / median(found["ours", 100].own)
    chart = [
        [
            Bar(label=f"{size:,} memories, {side}", value=value, words=ms(value), colour=colour)
            for side, colour in (("ours", OURS), ("naive", NAIVE))
            for value in [median(found[side, size].own)]
        ]
        for size in GROWTH
    ]
    return Section(
        key="growth",
        title="Growth",
        how="ClientData for a caller who has called for years; three of four memories are facts.",
        targets=[
            Target(
                what="requests with 5,000 memories",
                wanted=f"≤ {MOST_REQUESTS}",
                reached=str(most),
                met=most <= MOST_REQUESTS,
            ),
            Target(
                what="longest memory context",
                wanted=f"≤ {BUDGET:,} characters",
                reached=f"{context:,}",
                met=context <= BUDGET,
            ),
            at_most("own time from 100 to 5,000 memories", grown, 1.5, "≤ 1.5 \u00d7", reason=GROWN),
        ],
        tables=[
            Table(
                headers=("memories", "requests", "count told", "characters", "own time, p50", "CPU, p50"),
                rows=rows,
            )
        ],
        charts=[
            Chart(
                name="performance-growth.svg",
                words="own time by the number of memories",
                svg=bars("Own time of ClientData by the number of memories (median)", chart),
            )
        ],
        figures={"growth": ratio_of(found)},
    )


def ratio_of(found: dict[tuple[str, int], Warm]) -> float:
    """How much longer the naive way needs for 5,000 memories than ours."""
    return median(found["naive", 5000].own) / median(found["ours", 5000].own)


HOW = """The handler's time minus the time in which it was blocked until Mem0's answer was there: making and
sending the request, parsing the answer and logging all count as ours. The caller has {memories} memories."""
BUSY = """the function's own CPU time was {cpu} for each call, woken up with cold caches between the
stand-in and the Lambda host: mem0's client, JSON, choosing what is told, and one log line."""
GROWN = "a full page has 200 rows where a caller with 100 memories has 100: reading JSON costs per row."
__all__ = ["calls", "measure", "measure_growth", "measure_trips", "ratio"]
