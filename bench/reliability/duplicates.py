"""Duplicates: the same delivery many times, at once and over an hour, and the same call with another body."""

import json
from dataclasses import replace

from bench.reliability.calls import Call
from bench.reliability.report import Section
from bench.reliability.rig import Progress, Rig, until
from local.elevenlabs import encode

COPIES = 100
SPREAD = 12
"""Copies over an hour, one every five minutes: each just outside SQS's deduplication window."""
_WINDOW_SECONDS = 301


def run(progress: Progress) -> Section:
    """Deliver too often, and count."""
    section = Section(
        key="duplicates",
        title="Duplicates",
        about="*Answered 200*: how many of the deliveries were accepted. One set of memories must be left.",
    )
    with Rig(visibility_timeout=8, progress=progress) as rig:
        rig.system.host.warm("post-call", 3)
        _copies_at_once(section, rig)
        progress("duplicates: copies at once done")
        _copies_over_an_hour(section, rig)
        _retry_of_an_accepted_one(section, rig)
        _changed_body(section, rig)
        progress("duplicates: all done")
    return section


def _copies_at_once(section: Section, rig: Rig) -> None:
    (call,) = rig.calls(1)
    deliveries = rig.deliver_all([call] * COPIES, at_once=COPIES)
    accepted = sum(delivery.accepted for delivery in deliveries)
    rig.drained(60)
    refused = sum(attempt.reply.status == 503 for one in deliveries for attempt in one.attempts)  # noqa: PLR2004
    tally = rig.tally([call])
    section.add(
        f"{COPIES} copies at once",
        {"deliveries": COPIES, "answered 200": accepted, **tally.figures()},
        passed=tally.clean and accepted == COPIES,
        remark=f"{refused} tries met a used up reservation (503) and were repeated by ElevenLabs",
    )


def _copies_over_an_hour(section: Section, rig: Rig) -> None:
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


def _retry_of_an_accepted_one(section: Section, rig: Rig) -> None:
    (call,) = rig.calls(1)
    first = rig.deliver(call)
    # The 200 was lost on its way: ElevenLabs does what it does after a timeout.
    second = rig.deliver(call)
    rig.drained(30)
    tally = rig.tally([call])
    section.add(
        "ElevenLabs' retry of a delivery that had been accepted",
        {"deliveries": 2, "answered 200": first.accepted + second.accepted, **tally.figures()},
        passed=tally.clean and first.accepted and second.accepted,
    )


def _changed_body(section: Section, rig: Rig) -> None:
    (call,) = rig.calls(1)
    first = rig.deliver(call)
    rig.drained(30)
    second = rig.deliver(_changed(call))
    rig.drained(30)
    words = "call ignored: another body"
    logged = until(lambda: _logged(rig, words, call), 5)
    tally = rig.tally([call])
    section.add(
        "the same conversation with a changed body",
        {"deliveries": 2, "answered 200": first.accepted + second.accepted, **tally.figures()},
        passed=tally.clean and logged and first.accepted and second.accepted,
        remark="logged, and not added" if logged else "NOT logged",
    )


def _changed(call: Call) -> Call:
    event = json.loads(call.body)
    event["data"]["transcript"][-1]["message"] = "Her name is not Juniper at all, it is Bramble."
    return replace(call, body=encode(event))


def _logged(rig: Rig, words: str, call: Call) -> bool:
    lines = rig.system.host.logs.lines("post-call")
    return any(words in line and call.conversation_id in line for line in lines)
