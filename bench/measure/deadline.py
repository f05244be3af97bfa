"""The deadline: whatever Mem0 does, a caller has an answer within MEM0_TIMEOUT and a little."""

import json
import tempfile
from pathlib import Path
from typing import Any

from bench.measure.cold import FUNCTIONS, NAMES
from bench.measure.report import Section, Table, Target, ms
from bench.measure.rig import Rig
from local.mem0 import server
from local.mem0.server import Mem0StandIn

TIMEOUT = 1.0
GRACE = 0.3
LONG_IDLE = 400  # seconds, after which the pool makes a new connection
FAULTS: dict[str, dict[str, Any]] = {
    "hangs": {"operation": ["get_all", "search"], "hang": True},
    "drips a byte a second": {
        "operation": ["get_all", "search"],
        "drip_bytes_per_second": 1.0,
        "drip_headers": True,
    },
    "stalls in the TLS handshake": {"operation": "connect", "hang": True},
}
COLD = "stalls at a cold start, init included"


def measure(rig: Rig) -> Section:
    """Let Mem0 misbehave in each way, to a warm function and to a cold one."""
    spent: dict[tuple[str, str], float] = {}
    with tempfile.TemporaryDirectory() as folder, server.start(Path(folder), tls=True) as mem0:
        for function in FUNCTIONS:
            rig.progress(f"deadline of {NAMES[function]}")
            for fault, rule in FAULTS.items():
                spent[function, fault] = _warm(rig, function, mem0, rule)
            spent[function, COLD] = _cold(rig, function, mem0)
    worst = max(spent.values())
    faults = (*FAULTS, COLD)
    rows = [[fault, *(ms(spent[function, fault]) for function in FUNCTIONS)] for fault in faults]
    limit = (TIMEOUT + GRACE) * 1000
    return Section(
        key="deadline",
        title="Deadline",
        how=HOW.format(timeout=TIMEOUT),
        targets=[
            Target(
                what="answered, whatever Mem0 does",
                wanted=f"≤ MEM0_TIMEOUT + {GRACE} s",
                reached=f"MEM0_TIMEOUT + {(worst / 1000 - TIMEOUT):.2f} s",
                met=worst <= limit,
                reason=COLD_REASON,
            )
        ],
        tables=[Table(headers=("Mem0", *(NAMES[function] for function in FUNCTIONS)), rows=rows)],
    )


def _warm(rig: Rig, function: str, mem0: Mem0StandIn, rule: dict[str, Any]) -> float:
    """Milliseconds until a warm function answers while `rule` is in force."""
    event = rig.client_data_event() if function == "client-data" else rig.retrieve_event()
    trusted, timeout = str(mem0.certificate), str(TIMEOUT)
    with rig.host(
        "ours", function, probe=True, mem0_url=mem0.url, SSL_CERT_FILE=trusted, MEM0_TIMEOUT=timeout
    ) as host:
        for _ in range(2):
            rig.ask(host, function, event)
        if rule["operation"] == "connect":
            rig.ask(host, function, {"bench": "idle", "seconds": LONG_IDLE})
        mem0.set_faults(rule)
        try:
            outcome = host.invoke(function, event, timeout=60)
        finally:
            mem0.set_faults()
    answer = json.loads(outcome.payload)["answer"]
    if answer["statusCode"] != 500:  # noqa: PLR2004 - the answer that says what failed
        raise RuntimeError(f"{function} answered {answer} though {rule}")
    return outcome.duration_ms


def _cold(rig: Rig, function: str, mem0: Mem0StandIn) -> float:
    """Milliseconds that a caller waits for a cold function while Mem0's handshake stalls: init and handler.

    The process's own start is not Mem0's fault: what it takes without the fault is subtracted.
    """
    event = rig.client_data_event() if function == "client-data" else rig.retrieve_event()
    trusted, timeout = str(mem0.certificate), str(TIMEOUT)
    started = []
    for rules in ([], [], [FAULTS["stalls in the TLS handshake"]]):
        mem0.set_faults(*rules)
        try:
            with rig.host(
                "ours", function, mem0_url=mem0.url, SSL_CERT_FILE=trusted, MEM0_TIMEOUT=timeout
            ) as host:
                outcome = host.invoke(function, event, timeout=60)
        finally:
            mem0.set_faults()
        started.append(((outcome.init_ms or 0.0), outcome.duration_ms))
    *healthy, (init, duration) = started
    return max(0.0, init - min(each for each, _ in healthy)) + duration


HOW = """MEM0_TIMEOUT is set to {timeout:g} s here. The stand-in takes the request and says nothing, sends its
answer at a byte a second, or takes the connection and never shakes hands; in the last row it does that
already while the function starts, so that the start's own check of the key counts too. The naive way waits
for 300 s, each time anew with every byte: it is not measured, because the bench has to end."""
COLD_REASON = """at a cold start the check of the key may use up one MEM0_TIMEOUT in the init phase, and the
request then has its own: the row of the cold start shows the sum."""
