"""Fuzzing all three handlers, on all cores: `tests/unit/fuzzing.py` with many more inputs."""

import os
import signal
import traceback
from collections import Counter
from dataclasses import dataclass
from multiprocessing import get_context

from bench.common.rig import Progress
from bench.common.section import Section

_RUNS = 10


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a run of so many inputs found: answers by status, ids that reached Mem0, and what was wrong."""

    statuses: Counter[str]
    ids: int
    problem: str = ""
    trace: str = ""


def fuzz_by_itself(count: int) -> Found:
    """Try so many inputs in a process of their own."""
    from tests.unit.fuzzing import fuzz, handlers  # noqa: PLC0415 - lambdas/ is on the path by now

    problem = trace = ""
    with handlers() as fuzzed:
        try:
            fuzz(fuzzed, count)
        except Exception as error:  # noqa: BLE001 - whatever a handler raised is what is looked for
            problem = f"{type(error).__name__}: {error}"[:500]
            trace = traceback.format_exc()
        return Found(statuses=fuzzed.statuses, ids=fuzzed.ids.total(), problem=problem, trace=trace)


def _undisturbed() -> None:
    """A Ctrl-C is for the process that started this one, which ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def run(progress: Progress, inputs: int = 20_000) -> Section:
    """Fuzz all three handlers, on all cores."""
    section = Section(
        title="Fuzzing",
        how=(
            "Events, headers and bodies from nearly right to anything at all, half of them with the right key"
            " and signature. Wrong would be: an exception, a stack trace in a body, a 5xx, or an id at Mem0"
            f" that is not a plain, checked string. In {_RUNS} runs, each with dice of its own."
        ),
    )
    statuses: Counter[str] = Counter()
    ids, problem = 0, ""
    with get_context("spawn").Pool(os.cpu_count(), _undisturbed) as processes:
        for found in processes.imap_unordered(fuzz_by_itself, [-(-inputs // _RUNS)] * _RUNS):
            statuses += found.statuses
            ids += found.ids
            problem = problem or found.problem
            progress(f"fuzz: {statuses.total()} inputs{f': {found.trace}' if found.trace else ''}")
    section.add(
        "all three handlers",
        {"inputs": statuses.total(), **dict(sorted(statuses.items())), "reached Mem0": ids},
        passed=not problem and statuses.total() >= inputs,
        remark=problem,
    )
    return section
