"""Redrive: the cause is fixed, one command moves the dead letters back, and they are remembered once."""

import json
from dataclasses import replace

from bench.common.calls import FIRST_START, Call, ids, make_call
from bench.common.rig import Progress
from bench.common.section import Section
from bench.reliability.rig import FaultRig
from bench.reliability.tally import Tally
from local.elevenlabs import encode
from local.lambda_host.toolchain import ROOT
from ops.dead_letters import Reader

CALLS = 20
ONE_CALLER = "+18885550102"
_OLD_FORM = ROOT / "tests" / "unit" / "messages" / "1-plain.json"
_IN_ORDER = "five calls of one caller were rejected (400): redriven in order"
_SECONDS = 60


def run(progress: Progress) -> Section:
    """Let calls become dead letters, fix the cause, redrive, and count."""
    section = Section(
        title="Redrive",
        how=(
            f"{CALLS} calls become dead letters. Then the cause is fixed and `python -m ops redrive` is run"
            " against the queues. They must be remembered once, and no dead letter may be left."
            " Webhooks that are not understood stay there."
        ),
    )
    with FaultRig(visibility_timeout=8, environment={"RETRY_DELAYS": "1"}, progress=progress) as rig:
        rig.system.host.warm("post-call", 4)
        for words, fault in (
            ("Mem0's key was wrong (401)", {"status": 401}),
            (
                "Mem0 rejected them (400); one of the two adds had been accepted",
                {"status": 400, "infer": True},
            ),
            ("Mem0 accepted them and each extraction failed", {"operation": "infer", "fail": True}),
            ("Mem0 answered 200 with an error body", {"status": 200, "body": {"detail": "over quota"}}),
            (_IN_ORDER, {"status": 400}),
        ):
            alone = words == _IN_ORDER
            starts = range(FIRST_START, FIRST_START + 500, 100)
            calls = [make_call(ONE_CALLER, start=start) for start in starts] if alone else rig.calls(CALLS)
            with rig.faults({"operation": "add"} | fault):
                rig.deliver_all(calls, at_once=1 if alone else 8)
                before = rig.outcome(calls, _SECONDS)
            # As deployed the dead letters wait for hours: SQS's deduplication window has long passed.
            rig.system.aws.advance_clock(301)
            code, tally = _redriven(rig, calls)
            section.add(
                words,
                {"dead letters before": len(before.dead), **tally.figures()},
                passed=not code
                and before.dead_lettered
                and tally.clean
                and (not alone or _in_order(rig, calls)),
                remark=f"exit code {code}",
            )
        _changed_schema(section, rig)
        _earlier_release(section, rig)
    return section


def _in_order(rig: FaultRig, calls: list[Call]) -> bool:
    """Whether Mem0 accepted these calls in the order in which they were made."""
    accepted = [payload["metadata"]["conversation_id"] for payload in rig.add_payloads()]
    first = [accepted.index(call) for call in ids(calls) if call in accepted]
    return len(first) == len(calls) and first == sorted(first)


def _changed_schema(section: Section, rig: FaultRig) -> None:
    """Deliver signed webhooks whose transcript became an object: acknowledged, and kept with a reason."""
    calls = []
    for call in rig.calls(CALLS):
        event = json.loads(call.body)
        event["data"]["transcript"] = {"turns": event["data"]["transcript"]}
        calls.append(replace(call, body=encode(event)))
    accepted = sum(delivery.accepted for delivery in rig.deliver_all(calls))
    tally = rig.outcome(calls, _SECONDS)
    with Reader(rig.sqs, rig.system.dead_letter_url) as reader:  # for what comes next
        for letter in reader.read():
            reader.delete(letter)
    section.add(
        "webhooks with a changed schema (the transcript is an object): acknowledged and kept, not redriven",
        {"dead letters before": 0, **tally.figures()},
        passed=accepted == len(calls) and tally.dead_lettered,
        remark=f"{accepted} answered 200",
    )


def _earlier_release(section: Section, rig: FaultRig) -> None:
    """Find messages of the form of an earlier release in the queue and among the dead letters."""
    form = json.loads(json.loads(_OLD_FORM.read_text(encoding="utf-8"))["body"])
    calls = rig.calls(CALLS)
    for number, call in enumerate(calls):
        body = form | {"conversation_id": call.conversation_id, "user_id": call.user_id}
        url = (rig.system.queue_url, rig.system.dead_letter_url)[number % 2]
        rig.sqs.send_message(
            QueueUrl=url,
            MessageBody=json.dumps(body),
            MessageGroupId=call.user_id,
            MessageDeduplicationId=call.conversation_id,
        )
    before = rig.outcome(calls, _SECONDS)
    code, tally = _redriven(rig, calls)
    section.add(
        "messages of an earlier release, half of them in the queue, half among the dead letters",
        {"dead letters before": len(before.dead), **tally.figures()},
        passed=not code and tally.clean,
        remark=f"exit code {code}",
    )


def _redriven(rig: FaultRig, calls: list[Call]) -> tuple[int, Tally]:
    """Run the documented command: its exit code, and what became of the calls."""
    urls = ["--queue-url", rig.system.queue_url, "--dead-letter-url", rig.system.dead_letter_url]
    with rig.ops("redrive", *urls) as process:
        printed, _ = process.communicate(timeout=_SECONDS)
    rig.progress(f"redrive: exit code {process.returncode}: {printed.strip().splitlines()[-1:]}")
    rig.until(lambda: rig.waiting(rig.system.dead_letter_url) == 0, 20)
    return process.returncode, rig.outcome(calls, _SECONDS)
