"""The deadline: whatever Mem0 does, a caller has an answer within MEM0_TIMEOUT and a little."""

import json
from typing import Any

from bench.common.command import MeasureError
from bench.common.rig import faults, stand_in
from bench.common.section import Section, ms
from bench.measure.rig import NAMES, HostRig
from local.mem0.server import Mem0StandIn

TIMEOUT = 1.0
GRACE = 0.3
LONG_IDLE = 400  # seconds, after which the pool makes a new connection
READS = {"operation": ["get_all", "search"]}
STALLS = {"operation": "connect", "hang": True}
FAULTS: dict[str, dict[str, Any]] = {
    "hangs": {**READS, "hang": True},
    "drips a byte a second": {**READS, "drip_bytes_per_second": 1.0, "drip_headers": True},
    "stalls in the TLS handshake": STALLS,
}
COLD = "stalls at a cold start, init included"
_FAILED = 500


def measure(rig: HostRig) -> Section:
    """Let Mem0 misbehave in each way, to a warm function and to a cold one."""
    spent: dict[tuple[str, str], float] = {}
    with stand_in(tls=True) as mem0:
        for function, name in NAMES.items():
            rig.progress(f"deadline of {name}")
            for fault, rule in FAULTS.items():
                spent[function, fault] = _warm(rig, function, mem0, rule)
            spent[function, COLD] = _cold(rig, function, mem0)
    worst = max(spent.values())
    section = Section(title="Deadline", how=HOW.format(timeout=TIMEOUT))
    section.target(
        "answered, whatever Mem0 does",
        f"≤ MEM0_TIMEOUT + {GRACE} s",
        f"MEM0_TIMEOUT + {(worst / 1000 - TIMEOUT):.2f} s",
        reached=worst <= (TIMEOUT + GRACE) * 1000,
        reason=COLD_REASON,
    )
    rows = [[fault, *(ms(spent[function, fault]) for function in NAMES)] for fault in (*FAULTS, COLD)]
    section.table(("Mem0", *NAMES.values()), rows)
    return section


def _warm(rig: HostRig, function: str, mem0: Mem0StandIn, rule: dict[str, Any]) -> float:
    """Milliseconds until a warm function answers while `rule` is in force."""
    event = rig.call_event(function)
    with rig.host("ours", function, probe=True, mem0=mem0, MEM0_TIMEOUT=str(TIMEOUT)) as host:
        for _ in range(2):
            rig.ask(host, function, event)
        if rule is STALLS:
            rig.ask(host, function, {"bench": "idle", "seconds": LONG_IDLE})
        with faults(mem0, rule):
            outcome = host.invoke(function, event, timeout=60)
    answer = json.loads(outcome.payload)["answer"]
    if answer["statusCode"] != _FAILED:
        raise MeasureError(f"{function} answered {answer} though {rule}")
    return outcome.duration_ms


def _cold(rig: HostRig, function: str, mem0: Mem0StandIn) -> float:
    """Milliseconds that a caller waits for a cold function while Mem0's handshake stalls: init and handler.

    The process's own start is not Mem0's fault: what it takes without the fault is subtracted.
    """
    started = []
    for rules in ([], [], [STALLS]):
        with (
            faults(mem0, *rules),
            rig.host("ours", function, mem0=mem0, MEM0_TIMEOUT=str(TIMEOUT)) as host,
        ):
            outcome = host.invoke(function, rig.call_event(function), timeout=60)
        started.append((outcome.init_ms or 0.0, outcome.duration_ms))
    *without, (init, duration) = started
    return max(0.0, init - min(start for start, _ in without)) + duration


HOW = """MEM0_TIMEOUT is set to {timeout:g} s here. The stand-in takes the request and says nothing, sends its
answer at a byte a second, or takes the connection and never shakes hands; in the last row it does that
already while the function starts, so that the start's own check of the key counts too. The naive way waits
for 300 s, each time anew with every byte: it is not measured, because the bench has to end."""
COLD_REASON = """at a cold start the check of the key may use up one MEM0_TIMEOUT in the init phase, and the
request then has its own: the row of the cold start shows the sum."""
