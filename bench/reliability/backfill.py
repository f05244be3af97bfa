"""Backfill: thousands of past conversations are imported while calls come in, and the command is killed."""

import json
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bench.common.calls import Call, caller, make_call
from bench.common.rig import Progress
from bench.common.section import Section
from bench.reliability.rig import KINDS, FaultRig, meanwhile
from local.elevenlabs.workspace import AGENTS
from local.memories import Memories

CONVERSATIONS = 10_000
FEW = 1_000
CALLERS = 500
AGENT = next(iter(AGENTS))
_SECONDS = 1800.0
_POLL_SECONDS = 0.5
_LIVE_EVERY = 5.0
_FIRST_START = 1_750_000_000
_FIRST_LIVE = 900_000
_RUNS = 3  # of which all but the last are killed


def run(progress: Progress, *, conversations: int = CONVERSATIONS) -> Section:
    """Import a few conversations, and then many, in runs of which all but the last are killed."""
    section = Section(
        title="Backfill",
        how=(
            f"Past conversations of {CALLERS} callers stand in the workspace, and `amem backfill` imports"
            " them through the queue and the worker, as deployed; the many only as passages, because moto"
            f" takes its time. The command is run {_RUNS} times: all runs but the last are killed (SIGKILL)"
            f" after an equal share. *Memory* is its peak. Every {_LIVE_EVERY:g} s a call comes in by its"
            " webhook (*live calls*); *slowest* is how long it took at most until it was remembered."
        ),
    )
    for count, kinds in ((min(FEW, conversations), KINDS), (conversations, KINDS[1:])):
        settings = {"store_types": "both" if kinds == KINDS else kinds[0]}
        with FaultRig(settings=settings, environment={"RETRY_DELAYS": "1"}, progress=progress) as rig:
            _import(section, rig, count, kinds)
    return section


def _import(section: Section, rig: FaultRig, count: int, kinds: Sequence[str]) -> None:
    calls = [
        make_call(
            caller(number % CALLERS),
            start=_FIRST_START + 60 * number,
            said=(f"Please put {number + 2} bags of soil aside for me.",),
        )
        for number in range(count)
    ]
    rig.system.elevenlabs.workspace.seed(_details(calls))
    rig.system.host.warm("post-call", 4)
    began, peaks, codes = time.monotonic(), list[float](), list[int]()
    live, delays = list[Call](), list[float]()
    with meanwhile(partial(_live_calls, rig, frozenset(kinds), live, delays)):
        for part in range(1, _RUNS + 1):
            share = count * part // _RUNS * len(kinds)
            stop = partial(_has_adds, rig, share) if part < _RUNS else None
            code, peak = _command(rig, stop)
            codes.append(code)
            peaks.append(peak)
            rig.progress(f"run {part} of {_RUNS} ended with {code}, at its peak with {peak:.0f} MB")
        drained = rig.drained(_SECONDS)
    seconds = time.monotonic() - began
    adds = rig.accepted_adds()
    past = [adds.get(call.conversation_id, Counter()) for call in calls]
    remembered = [one for one in past if one.keys() >= set(kinds)]
    doubled = sum(times - 1 for one in past for times in one.values())
    now = [adds.get(call.conversation_id, Counter()) for call in live]
    section.add(
        f"{count:,} conversations, {' and '.join(kinds)}",
        {
            "seconds": round(seconds),
            "a second": round(count / seconds),
            "memory": f"{max(peaks):.0f} MB",
            "remembered": len(remembered),
            "lost": count - len(remembered),
            "doubled": doubled,
            "live calls": len(live),
            "slowest": f"{max(delays, default=0):.1f} s",
        },
        passed=drained
        and len(remembered) == count
        and not doubled
        and codes == [-signal.SIGKILL] * (_RUNS - 1) + [0]
        and all(one == Counter(kinds) for one in now),
    )


def _details(calls: list[Call]) -> Iterator[dict[str, Any]]:
    """The calls as the workspace keeps them: what their webhooks would deliver."""
    for call in calls:
        data: dict[str, Any] = json.loads(call.body)["data"]
        yield {**data, "agent_id": AGENT}


def _has_adds(rig: FaultRig, count: int) -> bool:
    """Whether Mem0 was sent so many adds."""
    return int(rig.mem0("GET", "/_stats")["by_operation"].get("add", 0)) >= count


def _command(rig: FaultRig, stop: Callable[[], bool] | None) -> tuple[int, float]:
    """Run `amem backfill`, killed as soon as `stop` holds; its exit code and its peak memory in MB."""
    command = ["backfill", "--yes", "--json", "--agent", AGENT]
    with rig.ops(*command, output=subprocess.DEVNULL) as process:
        peak, end = 0.0, time.monotonic() + _SECONDS
        while process.poll() is None:
            peak = _peak_memory(process.pid) or peak
            if time.monotonic() > end or (stop and stop()):
                process.kill()
            time.sleep(_POLL_SECONDS)
    return process.returncode, peak


def _peak_memory(pid: int) -> float:
    """The most memory of its own that a process has had until now, in MB; 0 if it has just ended.

    What `wait4` tells begins with the memory of the process that started it.
    """
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def _live_calls(
    rig: FaultRig, kinds: frozenset[str], calls: list[Call], delays: list[float], over: threading.Event
) -> None:
    """Note calls that come in, each of a caller of its own, and how long it took to remember them."""
    with Memories(rig.system.endpoints, sleep=lambda _seconds: time.sleep(0.1)) as memories:
        while not over.wait(_LIVE_EVERY):
            call = make_call(caller(_FIRST_LIVE + len(calls)))
            calls.append(call)
            began = time.monotonic()
            rig.deliver(call)
            memories.wait_for(call.conversation_id, kinds, 60)
            delays.append(time.monotonic() - began)
