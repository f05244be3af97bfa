"""A cold ring: how long the phone rings when the first call finds no instance, with a network as it is.

Secrets Manager and Mem0 are as slow here as they are from Lambda, and Mem0 speaks TLS.
"""

import json
from statistics import median

from bench.common.rig import faults, stand_in
from bench.common.section import Section, ms, ratio
from bench.measure.rig import NAMES, HostRig, healthy
from local.mem0.server import Mem0StandIn

SECRET_MS = 60
MEM0_MS = 150
MOST = 1.25
_SECRET = {"operation": "secretsmanager:GetSecretValue", "latency_seconds": SECRET_MS / 1000}
_MEM0 = {"operation": ["ping", "get_all", "search"], "latency_seconds": MEM0_MS / 1000}


def measure(rig: HostRig, rings: int) -> Section:
    """Ring each function cold, `rings` times, and start it as often with nothing to wait for."""
    section = Section(title="Cold ring", how=HOW.format(secret=SECRET_MS, mem0=MEM0_MS, rings=rings))
    rows = []
    with stand_in(tls=True) as mem0:
        _start(rig, "client-data", mem0)  # the disk's cache is warm for all of them afterwards
        for function, name in NAMES.items():
            starts, answers = [], []
            for turn in range(rings):
                rig.progress(f"cold ring of {name}: {turn + 1} of {rings}")
                starts.append(_start(rig, function, mem0))
                with faults(rig.system.aws, _SECRET), faults(mem0, _MEM0):
                    answers.append(_ring(rig, function, mem0))
            start, answer = median(starts), median(answers)
            least = start + MEM0_MS
            rows.append([name, ms(start), ms(least), ms(answer), ratio(answer / least)])
            wanted = f"≤ {MOST} \u00d7 (start + one round trip to Mem0)"
            section.at_most(f"cold ring of {name}", answer / least, MOST, wanted, REASON)
    section.table(("", "start alone", "and one round trip", "cold ring", "ratio"), rows)
    return section


def _start(rig: HostRig, function: str, mem0: Mem0StandIn) -> float:
    """Milliseconds until an instance asks for its first event. Nothing that it waits for is slow."""
    with rig.host("ours", function, mem0=mem0) as host:
        (instance,) = host.warm(function)
        return float(instance.init_ms or 0.0)


def _ring(rig: HostRig, function: str, mem0: Mem0StandIn) -> float:
    """Milliseconds from the start of a process to its first answer."""
    with rig.host("ours", function, mem0=mem0) as host:
        outcome = host.invoke(function, rig.call_event(function), timeout=60)
    healthy(json.loads(outcome.payload))
    return float((outcome.init_ms or 0.0) + outcome.duration_ms)


HOW = """What a caller waits for whose call finds no instance: from the start of the process until its first
answer, {rings} times each, medians. Secrets Manager answers after {secret} ms here and Mem0 after {mem0} ms a
request, behind TLS. The secret is read, Mem0 connected to and its key checked while mem0 is imported; the
first read goes out beside the check of the key, and no row leaves before that is passed. *Start alone* is the
start until the first event with nothing to wait for."""
REASON = "what the function waits for was not over when its imports were, or the machine was busy."
