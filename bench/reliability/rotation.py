"""Rotation: each of the three keys is changed while traffic runs, and no request may fail because of it."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from typing import Self

from bench.common.calls import Call, caller, make_call
from bench.common.rig import Progress
from bench.common.section import Section, Value
from bench.reliability.rig import OK, FaultRig, meanwhile, until
from local.elevenlabs import Reply
from local.system import DEFAULTS

CACHE_SECONDS = 6
OLD, NEW = "old", "new"
_PHASE_SECONDS = 3.0
_PAUSE_SECONDS = 0.1
_REFUSED = 401
_SURE = 20
"""Refusals in a row after which a key counts as gone: all instances have been asked."""


@dataclass
class Keys:
    """What the sender uses at the moment."""

    hmac: str
    workspace: str


@dataclass
class Traffic:
    """Callers who go on ringing, asking and hanging up until the block ends."""

    rig: FaultRig
    keys: Keys
    calls: list[Call] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    requests: int = 0

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Let three of them do so inside the block."""
        with meanwhile(*(partial(self._run, first) for first in (700_000, 710_000, 720_000))):
            yield self

    @property
    def figures(self) -> dict[str, Value]:
        """How many requests were sent, and how many failed."""
        return {"requests": self.requests, "failed": len(self.failures)}

    def _run(self, number: int, over: Event) -> None:
        while not over.wait(_PAUSE_SECONDS):
            number += 1
            call = make_call(caller(number))
            rung = self.rig.look_up(caller(1), key=self.keys.workspace)
            for what, reply in (
                ("ClientData", rung),
                ("Retrieve", self.rig.retrieve(caller(1), headers={"X-Memory-Token": token(rung)})),
                ("PostCall", deliver(self.rig, call, self.keys.hmac)),
            ):
                self.requests += 1
                if reply.status != OK:
                    self.failures.append(f"{what}: {reply} {reply.text}")
            self.calls.append(call)


def token(answer: Reply) -> str:
    """The call token in an answer of ClientData; something that is none if it was refused."""
    if answer.status != OK:
        return "none"
    return str(json.loads(answer.text)["dynamic_variables"]["secret__memory_token"])


def deliver(rig: FaultRig, call: Call, key: str) -> Reply:
    """Deliver a call once, signed with this key."""
    return rig.deliver(call, key=key, retry_enabled=False).last


def run(progress: Progress) -> Section:
    """Rotate, and count what failed."""
    section = Section(
        title="Rotation",
        how=(
            f"The secret is changed while traffic runs; the functions cache it for {CACHE_SECONDS} s here"
            " (300 s as deployed). A signature, key or token that does not fit makes a function read the"
            " secret anew, five times in a row and then once every two seconds, so a new key may be used as"
            " soon as it is in the secret. Retrieve is asked with the token that ClientData has just issued."
            " *Failed*: requests of the traffic that were not answered with 200."
        ),
    )
    environment = {"CREDENTIALS_CACHE_SECONDS": str(CACHE_SECONDS), "RETRY_DELAYS": "1"}
    with FaultRig(visibility_timeout=8, environment=environment, progress=progress) as rig:
        rig.system.host.warm("post-call", 4)
        rig.system.host.warm("client-data", 3)
        rig.mem0("PUT", "/_credentials", {"api_keys": [DEFAULTS["MEM0_API_KEY"]]})
        keys = Keys(DEFAULTS["ELEVENLABS_HMAC_KEY"], DEFAULTS["ELEVENLABS_WORKSPACE_KEY"])
        everything: list[Call] = []
        everything += _overlap(section, rig, keys)
        everything += _removal(section, rig, keys)
        progress("rotation: ElevenLabs' keys are rotated")
        everything += _mem0_key(section, rig, keys)
        tally = rig.outcome(everything, 60)
        section.add("all calls of this traffic", tally.figures(), passed=tally.clean)
    return section


def _overlap(section: Section, rig: FaultRig, keys: Keys) -> list[Call]:
    """The new keys are added, and both old and new pass; then the sender changes to the new ones."""
    old = Keys(keys.hmac, keys.workspace)
    with Traffic(rig, keys).running() as traffic:
        time.sleep(_PHASE_SECONDS)
        rig.change_secret(ELEVENLABS_HMAC_KEY=[NEW, old.hmac], ELEVENLABS_WORKSPACE_KEY=[NEW, old.workspace])
        probes = [deliver(rig, call, key) for key in (NEW, old.hmac) for call in rig.calls(10)]
        probes += [rig.look_up(caller(1), key=key) for key in (NEW, old.workspace) for _ in range(10)]
        keys.hmac = keys.workspace = NEW
        time.sleep(_PHASE_SECONDS)
    passed = sum(reply.status == OK for reply in probes)
    section.add(
        "new signing and workspace keys are added, and used at once",
        traffic.figures,
        passed=not traffic.failures and passed == len(probes),
        remark=f"{passed} of {len(probes)} probes with the old and the new keys passed" + _first(traffic),
    )
    return traffic.calls


def _removal(section: Section, rig: FaultRig, keys: Keys) -> list[Call]:
    """The old keys are removed: they fail within the cache's time limit, and the traffic does not notice."""
    calls: list[Call] = []
    old_keys = DEFAULTS["ELEVENLABS_HMAC_KEY"], DEFAULTS["ELEVENLABS_WORKSPACE_KEY"]
    with Traffic(rig, keys).running() as traffic:
        rig.change_secret(ELEVENLABS_HMAC_KEY=NEW, ELEVENLABS_WORKSPACE_KEY=[NEW])
        began = time.monotonic()
        last = {"PostCall": began, "ClientData": began}
        refused = dict.fromkeys(last, 0)

        def gone() -> bool:
            for what, reply in (
                ("PostCall", deliver(rig, rig.calls(1)[0], old_keys[0])),
                ("ClientData", rig.look_up(caller(1), key=old_keys[1])),
            ):
                refused[what] = refused[what] + 1 if reply.status == _REFUSED else 0
                if reply.status != _REFUSED:
                    last[what] = time.monotonic()
            return min(refused.values()) >= _SURE

        gone_at_last = until(gone, 4 * CACHE_SECONDS)
    calls += traffic.calls
    seconds = {what: moment - began for what, moment in last.items()}
    words = ", ".join(f"{what} after {moment:.1f} s" for what, moment in seconds.items())
    section.add(
        "the old keys are removed",
        traffic.figures,
        passed=not traffic.failures and gone_at_last and max(seconds.values()) <= CACHE_SECONDS + 1,
        remark=f"the old keys passed for the last time: {words}" + _first(traffic),
    )
    return calls


def _mem0_key(section: Section, rig: FaultRig, keys: Keys) -> list[Call]:
    """Mem0 refuses the old key from one moment to the next: the functions read the secret anew, and go on."""
    with Traffic(rig, keys).running() as traffic:
        time.sleep(_PHASE_SECONDS)
        rig.change_secret(MEM0_API_KEY=NEW)
        rig.mem0("PUT", "/_credentials", {"api_keys": [NEW]})
        time.sleep(_PHASE_SECONDS)
    section.add(
        "Mem0's key is changed, and Mem0 refuses the old one at once",
        traffic.figures,
        passed=not traffic.failures,
        remark=_first(traffic),
    )
    return traffic.calls


def _first(traffic: Traffic) -> str:
    return f"; the first failure: {traffic.failures[0]}" if traffic.failures else ""
