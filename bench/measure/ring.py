"""A cold ring: how long the phone rings when the first call finds no instance, with a network as it is.

Secrets Manager and Mem0 are as slow here as they are from Lambda, and Mem0 speaks TLS.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.measure.cold import FUNCTIONS, NAMES
from bench.measure.report import Section, Table, Target, at_most, median, ms, ratio
from bench.measure.rig import CALLER, Rig
from local.mem0 import server
from local.mem0.server import Mem0StandIn

SECRET_MS = 60
MEM0_MS = 150
MOST = 1.25
_SECRET = {"operation": "secretsmanager:GetSecretValue", "latency_seconds": SECRET_MS / 1000}
_MEM0 = {"operation": ["ping", "get_all", "search"], "latency_seconds": MEM0_MS / 1000}


def measure(rig: Rig, rings: int) -> Section:
    """Ring each function cold, `rings` times, and start it as often with nothing to wait for."""
    rows: list[list[str]] = []
    targets: list[Target] = []
    with tempfile.TemporaryDirectory() as folder, server.start(Path(folder), tls=True) as mem0:
        _start(rig, FUNCTIONS[0], mem0)  # the disk's cache is warm for all of them afterwards
        for function in FUNCTIONS:
            starts, answers = [], []
            for turn in range(rings):
                rig.progress(f"cold ring of {NAMES[function]}: {turn + 1} of {rings}")
                starts.append(_start(rig, function, mem0))
                with _slow(rig, mem0):
                    answers.append(_ring(rig, function, mem0))
            start, answer = median(starts), median(answers)
            least = start + MEM0_MS
            rows.append([NAMES[function], ms(start), ms(least), ms(answer), ratio(answer / least)])
            targets.append(
                at_most(
                    f"cold ring of {NAMES[function]}",
                    answer / least,
                    MOST,
                    f"≤ {MOST} \u00d7 (start + one round trip to Mem0)",
                    reason=REASON,
                )
            )
    headers = ("", "start alone", "and one round trip", "cold ring", "ratio")
    return Section(
        key="ring",
        title="Cold ring",
        how=HOW.format(secret=SECRET_MS, mem0=MEM0_MS, rings=rings),
        targets=targets,
        tables=[Table(headers=headers, rows=rows)],
    )


@contextmanager
def _slow(rig: Rig, mem0: Mem0StandIn) -> Iterator[None]:
    """Let Secrets Manager and Mem0 take their time inside the block."""
    rig.system.aws.set_faults(_SECRET)
    mem0.set_faults(_MEM0)
    try:
        yield
    finally:
        rig.system.aws.set_faults()
        mem0.set_faults()


def _start(rig: Rig, function: str, mem0: Mem0StandIn) -> float:
    """Milliseconds until an instance asks for its first event. Nothing that it waits for is slow."""
    with _host(rig, function, mem0) as host:
        (instance,) = host.warm(function)
        return float(instance.init_ms or 0.0)


def _ring(rig: Rig, function: str, mem0: Mem0StandIn) -> float:
    """Milliseconds from the start of a process to its first answer."""
    event = rig.client_data_event() if function == "client-data" else rig.retrieve_event(CALLER)
    with _host(rig, function, mem0) as host:
        outcome = host.invoke(function, event, timeout=60)
    answer: Mapping[str, Any] = json.loads(outcome.payload)
    if answer.get("statusCode") != 200:  # noqa: PLR2004
        raise RuntimeError(f"{function} answered {answer}")
    return float((outcome.init_ms or 0.0) + outcome.duration_ms)


def _host(rig: Rig, function: str, mem0: Mem0StandIn) -> Any:
    return rig.host("ours", function, mem0_url=mem0.url, SSL_CERT_FILE=str(mem0.certificate))


HOW = """What a caller waits for whose call finds no instance: from the start of the process until its first
answer, {rings} times each, medians. Secrets Manager answers after {secret} ms here and Mem0 after {mem0} ms a
request, behind TLS. The secret is read, Mem0 connected to and its key checked while mem0 is imported; the
first read goes out beside the check of the key, and no row leaves before that is passed. *Start alone* is the
start until the first event with nothing to wait for."""
REASON = "what the function waits for was not over when its imports were, or the machine was busy."
