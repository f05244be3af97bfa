"""Duplicates: the same delivery many times, at once and over an hour, and the same call with another body."""

import json
from dataclasses import replace

from bench.common.calls import Call
from bench.common.rig import Progress
from bench.common.section import Section
from bench.reliability.rig import FaultRig
from local.elevenlabs import encode

COPIES = 100
SPREAD = 12
"""Copies over an hour, one every five minutes: each just outside SQS's deduplication window."""
_WINDOW_SECONDS = 301


def run(progress: Progress) -> Section:
    """Deliver too often, and count."""
    section = Section(
        title="Duplicates",
        how="*Answered 200*: how many of the deliveries were accepted. One set of memories must be left.",
    )
    with FaultRig(visibility_timeout=8, progress=progress) as rig:
        rig.system.host.warm("post-call", 3)
        _copies_at_once(section, rig)
        progress("duplicates: copies at once done")
        _copies_over_an_hour(section, rig)
        # The 200 was lost on its way: ElevenLabs does what it does after a timeout.
        (call,) = rig.calls(1)
        _twice(section, rig, call, call, "ElevenLabs' retry of a delivery that had been accepted")
        (call,) = rig.calls(1)
        _twice(section, rig, call, _changed(call), "the same conversation with a changed body")
    return section


def _copies_at_once(section: Section, rig: FaultRig) -> None:
    (call,) = rig.calls(1)
    deliveries = rig.deliver_all([call] * COPIES, at_once=COPIES)
    accepted = sum(delivery.accepted for delivery in deliveries)
    refused = sum(attempt.reply.status == 503 for one in deliveries for attempt in one.attempts)  # noqa: PLR2004
    tally = rig.outcome([call], 60)
    section.add(
        f"{COPIES} copies at once",
        {"deliveries": COPIES, "answered 200": accepted, **tally.figures()},
        passed=tally.clean and accepted == COPIES,
        remark=f"{refused} tries met a used up reservation (503) and were repeated by ElevenLabs",
    )


def _copies_over_an_hour(section: Section, rig: FaultRig) -> None:
    (call,) = rig.calls(1)
    accepted = 0
    for _ in range(SPREAD):
        accepted += rig.deliver(call).accepted
        rig.drained(30)
        rig.system.aws.advance_clock(_WINDOW_SECONDS)
    tally = rig.tally([call])
    section.add(
        f"{SPREAD} copies, one every five minutes",
        {"deliveries": SPREAD, "answered 200": accepted, **tally.figures()},
        passed=tally.clean and accepted == SPREAD,
        remark="each just outside SQS's deduplication window: the ledger alone decides",
    )


def _twice(section: Section, rig: FaultRig, first: Call, second: Call, words: str) -> None:
    """Deliver a call, and again; another body must be logged, and not added."""
    changed = first.body != second.body
    accepted = int(rig.deliver(first).accepted)
    if changed:
        rig.drained(30)
    accepted += rig.deliver(second).accepted
    tally = rig.outcome([first], 30)
    logged = changed and rig.until(
        lambda: any(first.conversation_id in line for line in rig.logged("call ignored: another body")), 5
    )
    section.add(
        words,
        {"deliveries": 2, "answered 200": accepted, **tally.figures()},
        passed=tally.clean and logged == changed and accepted == 2,  # noqa: PLR2004 - both
        remark=("logged, and not added" if logged else "NOT logged") if changed else "",
    )


def _changed(call: Call) -> Call:
    event = json.loads(call.body)
    event["data"]["transcript"][-1]["message"] = "Her name is not Juniper at all, it is Bramble."
    return replace(call, body=encode(event))
