"""Faults of Mem0's ping and of the secret while an instance starts.

The cases run one after the other, each with all instances started anew.
"""

from collections.abc import Mapping
from typing import Any

from bench.common.calls import Call, make_call
from bench.common.rig import Progress
from bench.common.section import Section
from bench.reliability.rig import FaultRig
from local.elevenlabs import Delivery, Reply

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


def run(section: Section, rig: FaultRig, progress: Progress) -> None:
    """Append the cases to `section`."""
    rig.system.aws.set_faults()
    for number, (words, rule) in enumerate(MEM0.items()):
        _mem0(section, rig, f"+1778{number:07d}", words, rule)
    progress("dependency: Mem0 at the start is done")
    for number, (words, rule) in enumerate(SECRET.items()):
        _secret(section, rig, f"+1779{number:07d}", words, rule)


def _mem0(section: Section, rig: FaultRig, user: str, words: str, rule: dict[str, Any]) -> None:
    rig.cold()
    rig.mem0("DELETE", "/_requests")
    with rig.faults({"operation": "ping", **rule}):
        during = rig.look_up(user)
        pings = _pings(rig)
        call = make_call(user)
        delivery = rig.deliver(call)
        rig.until(lambda: _pings(rig) > pings, 10)
        rig.until(lambda: any(call.conversation_id in line for line in rig.logged("ERROR")), 10)
    _row(section, rig, f"Mem0: {words}", call, delivery, during)


def _secret(section: Section, rig: FaultRig, user: str, words: str, rule: dict[str, Any]) -> None:
    rig.cold()
    fault = {"operation": "secretsmanager:GetSecretValue", **rule}
    rig.system.aws.set_faults(fault)
    during = rig.look_up(user)
    rig.system.aws.set_faults({**fault, "count": _FAILED_READ})
    call = make_call(user)
    delivery = rig.deliver(call)
    rig.system.aws.set_faults()
    _row(section, rig, f"Secrets Manager {words}", call, delivery, during)


def _pings(rig: FaultRig) -> int:
    return len(rig.mem0("GET", "/_requests?operation=ping"))


def _row(  # noqa: PLR0913, PLR0917 - what was counted
    section: Section, rig: FaultRig, words: str, call: Call, delivery: Delivery, during: Reply
) -> None:
    after = rig.look_up(call.user_id)
    tally = rig.outcome([call], 30)
    figures = {
        "first answer": str(delivery.attempts[0].reply),
        "tries": len(delivery.attempts),
        **tally.figures(),
        "ClientData": f"{during}, then {after}",
    }
    passed = (during.status, after.status) == (500, 200) and "error" in during.text
    section.add(
        f"start: {words}",
        figures,
        passed=passed and delivery.accepted and tally.clean,
        remark=f"told: {during.text[:120]}",
    )
