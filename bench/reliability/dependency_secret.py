"""Faults of Secrets Manager when the cached secret has expired: the functions go on with the old values.

The cases run one after the other, each with new instances, because a cached secret belongs to no caller.
"""

import time
from typing import Any

from bench.common.rig import Progress
from bench.common.section import Section
from bench.reliability.dependency_start import SECRET
from bench.reliability.rig import OK, FaultRig

CALLS = 5
CACHE_SECONDS = 1
_PUT_OFF = "could not be remembered yet"


def rig_of_its_own(progress: Progress) -> FaultRig:
    """A system in which a secret soon runs out."""
    environment = {"CREDENTIALS_CACHE_SECONDS": str(CACHE_SECONDS), "RETRY_DELAYS": "1"}
    return FaultRig(visibility_timeout=20, environment=environment, progress=progress)


def run(section: Section, rig: FaultRig, progress: Progress) -> None:
    """Append the cases to `section`."""
    for words, rule in SECRET.items():
        _secret(section, rig, words, rule)
        progress(f"dependency: the secret has run out, and Secrets Manager {words}: done")


def _secret(section: Section, rig: FaultRig, words: str, rule: dict[str, Any]) -> None:
    (known,) = rig.calls(1)
    hung_up, queued = rig.calls(CALLS), rig.calls(CALLS)
    rig.system.source.resume()
    _one_instance_that_knows(rig, known.user_id)
    rig.system.source.pause()
    rig.deliver_all(queued, at_once=1)
    time.sleep(CACHE_SECONDS + 0.1)
    rig.system.aws.set_faults({"operation": "secretsmanager:GetSecretValue", **rule})
    rung = rig.look_up(known.user_id)
    asked = rig.retrieve(known.user_id)
    at_others = _fired(rig)
    deliveries = rig.deliver_all(hung_up, at_once=1)
    at_webhooks = _fired(rig)
    # A second instance would have to start without the secret.
    source = rig.event_source(maximum_concurrency=1)
    rig.drained(60)
    source.stop()
    at_worker = _fired(rig)
    rig.system.aws.set_faults()
    first = "/".join(sorted({str(delivery.attempts[0].reply) for delivery in deliveries}))
    tally = rig.tally(hung_up)
    section.add(
        f"webhook: the secret has run out, and Secrets Manager {words}",
        {
            "faults": at_webhooks - at_others,
            "first answer": first,
            "tries": max(len(delivery.attempts) for delivery in deliveries),
            **tally.figures(),
        },
        passed=first == str(OK) and tally.clean and at_webhooks > at_others,
    )
    section.add(
        f"ClientData and Retrieve: the secret has run out, and Secrets Manager {words}",
        {"faults": at_others, "ClientData": str(rung), "Retrieve": str(asked)},
        passed=rung.status == asked.status == OK and at_others > 1,
        remark="; ".join(f"told: {reply.text[:120]}" for reply in (rung, asked) if reply.status != OK),
    )
    tally = rig.tally(queued)
    retried = sum(call.conversation_id in line for line in rig.logged(_PUT_OFF) for call in queued)
    section.add(
        f"worker: the secret has run out, and Secrets Manager {words}",
        # The webhook has met the fault in the same instance, which tries again ten seconds later.
        {"faults": at_worker - at_others, "first answer": first, "tries": 1, **tally.figures()},
        passed=tally.clean and not retried and at_worker > at_others,
        remark=f"{retried or 'no'} retries",
    )


def _one_instance_that_knows(rig: FaultRig, user_id: str) -> None:
    """Have one instance of each function, which has read the secret for all that it does."""
    for _ in range(3):
        rig.cold()
        rig.deliver_all(rig.calls(1))
        rig.drained(20)
        rig.look_up(user_id)
        rig.retrieve(user_id)
        if len(rig.system.host.instances("post-call")) == 1:
            return


def _fired(rig: FaultRig) -> int:
    return sum(int(rule["fired"]) for rule in rig.system.aws.faults())
