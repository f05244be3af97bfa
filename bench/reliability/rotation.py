"""Rotation: each of the three keys is changed while traffic runs, and no request may fail because of it."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Event

from bench.common.calls import Call, caller
from bench.common.rig import Progress
from bench.common.section import Section
from bench.reliability.rig import OK, FaultRig, meanwhile
from local.elevenlabs import Reply
from local.system import DEFAULTS

CACHE_SECONDS = 6
NEW = "new"
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
    """Callers who ring, ask and hang up again and again."""

    rig: FaultRig
    keys: Keys
    calls: list[Call] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    requests: int = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let three of them do so inside the block."""
        self.requests = 0
        self.failures.clear()
        with meanwhile(self._run, self._run, self._run):
            yield

    def add_to(self, section: Section, words: str, remark: str = "", *, passed: bool = True) -> None:
        """Say what became of the traffic while the keys were changed."""
        if self.failures:
            remark += f"; the first failure: {self.failures[0]}"
        figures = {"requests": self.requests, "failed": len(self.failures)}
        section.add(words, figures, passed=passed and not self.failures, remark=remark)

    def _run(self, over: Event) -> None:
        while not over.wait(_PAUSE_SECONDS):
            (call,) = self.rig.calls(1)
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
        traffic = Traffic(rig, Keys(DEFAULTS["ELEVENLABS_HMAC_KEY"], DEFAULTS["ELEVENLABS_WORKSPACE_KEY"]))
        _overlap(section, traffic)
        _removal(section, traffic)
        progress("rotation: ElevenLabs' keys are rotated")
        _mem0_key(section, traffic)
        tally = rig.outcome(traffic.calls, 60)
        section.add("all calls of this traffic", tally.figures(), passed=tally.clean)
    return section


def _overlap(section: Section, traffic: Traffic) -> None:
    """The new keys are added, and both old and new pass; then the sender changes to the new ones."""
    rig, keys = traffic.rig, traffic.keys
    old = replace(keys)
    with traffic.running():
        time.sleep(_PHASE_SECONDS)
        rig.change_secret(ELEVENLABS_HMAC_KEY=[NEW, old.hmac], ELEVENLABS_WORKSPACE_KEY=[NEW, old.workspace])
        probes = [deliver(rig, call, key) for key in (NEW, old.hmac) for call in rig.calls(10)]
        probes += [rig.look_up(caller(1), key=key) for key in (NEW, old.workspace) for _ in range(10)]
        keys.hmac = keys.workspace = NEW
        time.sleep(_PHASE_SECONDS)
    passed = sum(reply.status == OK for reply in probes)
    traffic.add_to(
        section,
        "new signing and workspace keys are added, and used at once",
        f"{passed} of {len(probes)} probes with the old and the new keys passed",
        passed=passed == len(probes),
    )


def _removal(section: Section, traffic: Traffic) -> None:
    """The old keys are removed: they fail within the cache's time limit, and the traffic does not notice."""
    rig = traffic.rig
    hmac, workspace = DEFAULTS["ELEVENLABS_HMAC_KEY"], DEFAULTS["ELEVENLABS_WORKSPACE_KEY"]
    with traffic.running():
        rig.change_secret(ELEVENLABS_HMAC_KEY=NEW, ELEVENLABS_WORKSPACE_KEY=[NEW])
        began = time.monotonic()
        last = {"PostCall": 0.0, "ClientData": 0.0}
        refused = dict.fromkeys(last, 0)

        def gone() -> bool:
            for what, reply in (
                ("PostCall", deliver(rig, rig.calls(1)[0], hmac)),
                ("ClientData", rig.look_up(caller(1), key=workspace)),
            ):
                refused[what] = refused[what] + 1 if reply.status == _REFUSED else 0
                if reply.status != _REFUSED:
                    last[what] = time.monotonic() - began
            return min(refused.values()) >= _SURE

        gone_at_last = rig.until(gone, 4 * CACHE_SECONDS)
    words = ", ".join(f"{what} after {seconds:.1f} s" for what, seconds in last.items())
    traffic.add_to(
        section,
        "the old keys are removed",
        f"the old keys passed for the last time: {words}",
        passed=gone_at_last and max(last.values()) <= CACHE_SECONDS + 1,
    )


def _mem0_key(section: Section, traffic: Traffic) -> None:
    """Mem0 refuses the old key from one moment to the next: the functions read the secret anew, and go on."""
    with traffic.running():
        time.sleep(_PHASE_SECONDS)
        traffic.rig.change_secret(MEM0_API_KEY=NEW)
        traffic.rig.mem0("PUT", "/_credentials", {"api_keys": [NEW]})
        time.sleep(_PHASE_SECONDS)
    traffic.add_to(section, "Mem0's key is changed, and Mem0 refuses the old one at once")
