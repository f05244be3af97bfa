"""Faults of Mem0's ping and of the secret while an instance starts.

The cases run one after the other, each with all instances started anew.
"""

from collections.abc import Mapping
from typing import Any

from bench.reliability.calls import make_call
from bench.reliability.report import Section
from bench.reliability.rig import Progress, Rig, until

_FAILED_READ = 3
"""Attempts of one call to AWS."""
MEM0: Mapping[str, dict[str, Any]] = {
    "refuses the connection": {"refuse": True},
    "hangs": {"hang": True},
    "401": {"status": 401},
    "429 with Retry-After": {"status": 429, "headers": {"Retry-After": "2"}},
    "500": {"status": 500},
    "503": {"status": 503},
    "HTML instead of JSON": {"html": True},
    "a byte at a time": {"drip_bytes_per_second": 10, "drip_headers": True},
}
SECRET: Mapping[str, dict[str, Any]] = {
    "refuses the connection": {"refuse": True},
    "throttles": {"status": 400, "body": {"__type": "ThrottlingException"}},
    "is slow (3 s)": {"latency_seconds": 3},
}


def run(section: Section, rig: Rig, progress: Progress) -> None:
    """Append the cases to `section`."""
    rig.system.aws.set_faults()
    for number, (words, rule) in enumerate(MEM0.items()):
        _mem0(section, rig, number, words, rule)
    rig.mem0_faults()
    progress("dependency: Mem0 at the start is done")
    for number, (words, rule) in enumerate(SECRET.items()):
        _secret(section, rig, number, words, rule)


def _mem0(section: Section, rig: Rig, number: int, words: str, rule: dict[str, Any]) -> None:
    rig.cold()
    rig.mem0("DELETE", "/_requests")
    rig.mem0_faults({"operation": "ping", **rule})
    user = f"+1778{number:07d}"
    during = rig.look_up(user)
    pings = len(rig.mem0("GET", "/_requests?operation=ping"))
    call = make_call(user)
    delivery = rig.deliver(call)
    until(lambda: len(rig.mem0("GET", "/_requests?operation=ping")) > pings, 10)
    until(lambda: _failed_once(rig, call.conversation_id), 10)
    rig.mem0_faults()
    after = rig.look_up(user)
    rig.drained(30)
    tally = rig.tally([call])
    figures = {
        "first answer": str(delivery.attempts[0].reply),
        "tries": len(delivery.attempts),
        **tally.figures(),
        "ClientData": f"{during}, then {after}",
    }
    passed = (during.status, after.status) == (500, 200) and "error" in during.text and delivery.accepted
    passed = passed and tally.clean
    section.add(f"start: Mem0: {words}", figures, passed=passed, remark=f"told: {during.text[:120]}")


def _failed_once(rig: Rig, conversation: str) -> bool:
    """Whether the worker has said that this call failed."""
    return any(conversation in line and "ERROR" in line for line in rig.system.host.logs.lines("post-call"))


def _secret(section: Section, rig: Rig, number: int, words: str, rule: dict[str, Any]) -> None:
    rig.cold()
    fault = {"operation": "secretsmanager:GetSecretValue", **rule}
    rig.system.aws.set_faults(fault)
    user = f"+1779{number:07d}"
    during = rig.look_up(user)
    rig.system.aws.set_faults({**fault, "count": _FAILED_READ})
    call = make_call(user)
    delivery = rig.deliver(call)
    rig.system.aws.set_faults()
    after = rig.look_up(user)
    rig.drained(30)
    tally = rig.tally([call])
    figures = {
        "first answer": str(delivery.attempts[0].reply),
        "tries": len(delivery.attempts),
        **tally.figures(),
        "ClientData": f"{during}, then {after}",
    }
    passed = (during.status, after.status) == (500, 200) and delivery.accepted and tally.clean
    section.add(
        f"start: Secrets Manager {words}", figures, passed=passed, remark=f"told: {during.text[:120]}"
    )
