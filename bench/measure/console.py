"""The console's pages with much to show: 10,000 calls, and a caller with 5,000 memories."""

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from bench.measure.report import Section, Table, Target, median, ms
from local.console import console
from local.system import System
from ops.calls.sources import PAGE_SIZE

CALLS = 10_000
MEMORIES = 5_000
CALLERS = 100
WANTED_MS = 300
USER_ID = "+16125550142"

_OF_CALL = 20  # memories
_TIMES = 9
_AGENT = "agent_01lindenstreetvet"


def measure(progress: Callable[[str], None]) -> Section:
    """Open each page several times, one after the other; the first time counts as well."""
    progress(f"console: {CALLS} calls and {MEMORIES} memories")
    with System(deliver_logs=True) as system, console(system) as server:
        start = int(time.time()) - CALLS * 60
        system.elevenlabs.workspace.seed(_conversation(number, start) for number in range(CALLS))
        _remember(system, start)
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
    slowest = max(itertools.chain.from_iterable(times.values()))
    worst = max(times, key=lambda name: max(times[name]))
    return Section(
        key="console",
        title="Console",
        how=HOW,
        targets=[
            Target(
                what="slowest page of the console",
                wanted=f"≤ {WANTED_MS} ms",
                reached=f"{ms(slowest)} ({worst})",
                met=slowest <= WANTED_MS,
                reason="a page of calls asks ElevenLabs and Mem0 about each call.",
            )
        ],
        tables=[
            Table(
                headers=("page", "first", "median", "slowest"),
                rows=[[name, ms(all_[0]), ms(median(all_)), ms(max(all_))] for name, all_ in times.items()],
            )
        ],
    )


def _open(browser: httpx.Client, url: str) -> float:
    began = time.perf_counter()
    browser.get(url).raise_for_status()
    return (time.perf_counter() - began) * 1000


def _conversation(number: int, start: int) -> dict[str, Any]:
    """A call that the ledger does not know, which is the case that takes most requests to tell."""
    caller = USER_ID if number == CALLS - 1 else f"+1612555{100 + number % CALLERS:04d}"
    said = [
        {"role": "agent", "message": "How can I help you?", "time_in_call_secs": 0},
        {"role": "user", "message": f"Please order {number + 2} bags of soil.", "time_in_call_secs": 3},
    ]
    phone_call = {
        "type": "twilio",
        "direction": "inbound",
        "external_number": caller,
        "call_sid": f"CA{number}",
    }
    return {
        "agent_id": _AGENT,
        "agent_name": "Nora",
        "conversation_id": f"conv_{number:05d}",
        "status": "done",
        "user_id": None,
        "transcript": said,
        "metadata": {
            "start_time_unix_secs": start + number * 60,
            "call_duration_secs": 30,
            "phone_call": phone_call,
        },
        "analysis": {"transcript_summary": f"The caller orders {number + 2} bags of soil."},
        "conversation_initiation_client_data": {"dynamic_variables": {"system__caller_id": caller}},
    }


def _remember(system: System, start: int) -> None:
    """The caller's memories, so many of each call."""
    headers = {"Authorization": f"Token {system.endpoints.mem0_api_key}"}
    with httpx.Client(base_url=system.mem0_url, headers=headers, timeout=60) as mem0:
        for call in range(MEMORIES // _OF_CALL):
            body = {
                "user_id": USER_ID,
                "infer": False,
                "timestamp": start + call * 60,
                "messages": [{"role": "user", "content": words} for words in _facts(call)],
                "metadata": {
                    "type": "factual",
                    "conversation_id": f"conv_{call:05d}",
                    "call_start": start + call * 60,
                },
            }
            mem0.post("/v3/memories/add/", json=body).raise_for_status()


def _facts(call: int) -> Iterator[str]:
    for number in range(_OF_CALL):
        yield f"The caller ordered {number + 1} bags of soil for the bed {call * _OF_CALL + number}."


HOW = f"""{CALLS:,} calls in the simulated workspace, which the ledger does not know, and one caller
with {MEMORIES:,} memories in the stand-in. Each page is opened {_TIMES} times over HTTP; *first* is the
first time, when nothing was read before."""
