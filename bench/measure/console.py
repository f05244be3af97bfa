"""The console's pages with much to show: 10,000 calls, and a caller with 5,000 memories."""

import json
import time
from collections.abc import Iterator
from itertools import chain
from statistics import median
from typing import Any

import httpx

from bench.common.calls import make_call
from bench.common.rig import Progress, Rig
from bench.common.section import Section, ms
from local.console import console
from ops.calls.sources import PAGE_SIZE

CALLS = 10_000
MEMORIES = 5_000
CALLERS = 100
WANTED_MS = 300
USER_ID = "+16125550142"

_OF_CALL = 20  # memories
_TIMES = 9


def measure(progress: Progress) -> Section:
    """Open each page several times, one after the other; the first time counts as well."""
    progress(f"console: {CALLS} calls and {MEMORIES} memories")
    with Rig(deliver_logs=True, progress=progress) as rig, console(rig.system) as server:
        start = int(time.time()) - CALLS * 60
        rig.system.elevenlabs.workspace.seed(_conversations(start))
        for call in range(MEMORIES // _OF_CALL):
            facts = [
                f"The caller ordered {number + 1} bags of soil in order {call}." for number in range(_OF_CALL)
            ]
            rig.remember(USER_ID, facts, "factual", start + call * 60, f"conv_{call:05d}")
        origin = f"http://127.0.0.1:{server.port}"
        with httpx.Client(follow_redirects=True, timeout=60) as browser:
            browser.get(server.url)
            found = browser.post(f"{origin}/callers", headers={"Origin": origin}, data={"caller": USER_ID})
            caller = str(found.url)
            pages = {
                "calls": f"{origin}/calls",
                "calls, the page after": f"{origin}/calls?before={start + (CALLS - 100) * 60},x",
                "a call": f"{origin}/calls/conv_{CALLS - 1:05d}",
                "a caller": caller,
                "a caller, the last page": f"{caller}?page={MEMORIES // PAGE_SIZE}",
                "what an agent is told": f"{caller}/prompt",
                "search": f"{caller}/search?q=what+did+they+order",
                "callers": f"{origin}/callers",
            }
            times = {name: [_open(browser, url) for _ in range(_TIMES)] for name, url in pages.items()}
    slowest = max(chain.from_iterable(times.values()))
    worst = max(times, key=lambda name: max(times[name]))
    section = Section(title="Console", how=HOW)
    section.target(
        "slowest page of the console",
        f"≤ {WANTED_MS} ms",
        f"{ms(slowest)} ({worst})",
        reached=slowest <= WANTED_MS,
        reason="a page of calls asks ElevenLabs and Mem0 about each call.",
    )
    rows = [[name, ms(opened[0]), ms(median(opened)), ms(max(opened))] for name, opened in times.items()]
    section.table(("page", "first", "median", "slowest"), rows)
    return section


def _open(browser: httpx.Client, url: str) -> float:
    began = time.perf_counter()
    browser.get(url).raise_for_status()
    return (time.perf_counter() - began) * 1000


def _conversations(start: int) -> Iterator[dict[str, Any]]:
    """Calls that the ledger does not know, which is the case that takes most requests to tell."""
    for number in range(CALLS):
        call = make_call(
            USER_ID if number == CALLS - 1 else f"+1612555{100 + number % CALLERS:04d}",
            conversation_id=f"conv_{number:05d}",
            start=start + number * 60,
            said=(f"Please order {number + 2} bags of soil.",),
            summary=f"The caller orders {number + 2} bags of soil.",
        )
        data: dict[str, Any] = json.loads(call.body)["data"]
        yield data


HOW = f"""{CALLS:,} calls in the simulated workspace, which the ledger does not know, and one caller
with {MEMORIES:,} memories in the stand-in. Each page is opened {_TIMES} times over HTTP; *first* is the
first time, when nothing was read before."""
