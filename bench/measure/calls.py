"""After the call: how long ElevenLabs waits for its 200, and how many calls a worker remembers a second."""

import json
import time
import uuid
from statistics import median
from typing import Any

from bench.common.calls import make_call
from bench.common.command import MeasureError
from bench.common.section import Section, ms
from bench.measure.rig import HostRig, healthy
from local.elevenlabs import sign
from local.lambda_host import LambdaHost
from local.lambda_host.event_source import to_record

SLOW = {"name": "slow", "operation": "add", "latency_seconds": 0.3}
CONDITIONS: dict[str, dict[str, Any]] = {
    "0.3 s": SLOW,
    "3 s": {**SLOW, "latency_seconds": 3.0},
    "down": {"name": "down", "refuse": True},
}
SPREAD, FASTER, OVERLAP = 0.1, 20, 1.8
"""The targets: how much acknowledgements may differ, and how many times faster than naive ours has to be."""
SAID = (
    ("agent", "Good morning, this is the garden centre. What can I do for you?"),
    ("user", "Hello, my name is Robin. My tomatoes have brown spots on their leaves."),
    ("agent", "I am sorry to hear that. Are they in the open, or in a greenhouse?"),
    ("user", "In the open. I water them in the evening, from above."),
    ("agent", "Then water them in the morning, and at the roots. I send you a spray for the leaves."),
    ("user", "Thank you. Please send it to my garden house, and call me on Friday."),
)


def webhook(rig: HostRig) -> dict[str, Any]:
    """A signed post-call webhook of a new call, by a caller of its own."""
    number = uuid.uuid4().int
    caller = f"+1612555{number % 10_000:04d}"
    turns = [{"role": role, "message": text} for role, text in SAID]
    now = int(time.time())
    call = make_call(
        caller, conversation_id=f"conv_{number:032x}", start=now - 120, turns=turns, user_id=caller
    )
    signature = sign(call.body, rig.system.credentials.first("ELEVENLABS_HMAC_KEY"), now)
    return rig.event("post-call", call.body, elevenlabs_signature=signature)


def _queue(rig: HostRig) -> str:
    """A call queue that only the bench consumes."""
    attributes = {"FifoQueue": "true", "DeduplicationScope": "messageGroup"}
    attributes["FifoThroughputLimit"] = "perMessageGroupId"
    name = f"bench-{uuid.uuid4().hex}.fifo"
    return str(rig.system.aws.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def _answered(rig: HostRig, host: LambdaHost, *, accepted: bool = True) -> float:
    """Deliver one webhook; milliseconds until the answer."""
    outcome = host.invoke("post-call", webhook(rig), timeout=500)
    if accepted:
        healthy(json.loads(outcome.payload))
    return outcome.duration_ms


def measure(rig: HostRig, count: int) -> Section:
    """Deliver webhooks while Mem0 is slow, very slow and down; `count` in each condition to ours."""
    ours: dict[str, list[float]] = {condition: [] for condition in CONDITIONS}
    naive: dict[str, list[float]] = {condition: [] for condition in CONDITIONS}
    with (
        rig.host("ours", "post-call", CALL_QUEUE_URL=_queue(rig)) as our_host,
        rig.host("naive", "post-call") as naive_host,
    ):
        for host in (our_host, naive_host):
            for _ in range(3):
                _answered(rig, host)
        for turn in range(count):  # in turn, so that both sides share what else the machine does
            for condition, rule in CONDITIONS.items():
                with rig.faults(rule):
                    ours[condition].append(_answered(rig, our_host))
                    if turn < (5 if condition == "0.3 s" else 1):
                        spent = _answered(rig, naive_host, accepted=condition != "down")
                        naive[condition].append(spent)
    ours_ms = {condition: median(times) for condition, times in ours.items()}
    naive_ms = {condition: median(times) for condition, times in naive.items()}
    typical = median([spent for times in ours.values() for spent in times])
    spread = max(abs(duration / typical - 1) for duration in ours_ms.values())
    faster = naive_ms["0.3 s"] / ours_ms["0.3 s"]
    section = Section(title="Acknowledgement of a finished call", how=HOW.format(count=count))
    section.target(
        "acknowledgement, Mem0 slow, slower, down",
        f"the same ± {SPREAD:.0%}",
        f"± {spread:.0%}",
        reached=spread <= SPREAD,
        reason="the local queue (moto) shares two cores with the rest; the code never talks to Mem0.",
    )
    section.target(
        "acknowledgement with Mem0 at 0.3 s",
        f"≥ {FASTER} \u00d7 faster than naive",
        f"{faster:.0f} \u00d7",
        reached=faster >= FASTER,
        reason="what is left is one SendMessage to the local queue (moto), which is slower than SQS.",
    )
    theirs = {condition: ms(value) for condition, value in naive_ms.items()}
    theirs["down"] = f"500 after {theirs['down']}: lost"
    section.table(("Mem0", "ours", "naive"), [[name, ms(ours_ms[name]), theirs[name]] for name in CONDITIONS])
    section.figures = {"ack.ours": ours_ms["0.3 s"], "ack.naive": naive_ms["0.3 s"]}
    return section


def _records(rig: HostRig, host: LambdaHost, queue: str, count: int) -> list[dict[str, Any]]:
    """SQS records of `count` calls, as our own webhook queues them."""
    for _ in range(count):
        _answered(rig, host)
    sqs = rig.system.aws.client("sqs")
    found: list[dict[str, Any]] = []
    while len(found) < count:
        answer = sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=600, MessageSystemAttributeNames=["All"]
        )
        if not answer.get("Messages"):
            raise MeasureError(f"only {len(found)} of {count} calls came out of the queue")
        found += [
            to_record(message, "arn:aws:sqs:us-east-1:123456789012:bench.fifo")
            for message in answer["Messages"]
        ]
    return found


def _process(host: LambdaHost, records: list[dict[str, Any]], *, leave: bool) -> list[float]:
    """Give the worker `records` one by one; milliseconds of each. `leave`: whether they stay in the queue."""
    spent = []
    for record in records:
        outcome = host.invoke("post-call", {"Records": [record]}, timeout=100)
        if outcome.error or bool(json.loads(outcome.payload)["batchItemFailures"]) is not leave:
            raise MeasureError(f"the worker answered {outcome.payload.decode()}")
        spent.append(outcome.duration_ms)
    return spent


def measure_worker(rig: HostRig, count: int) -> Section:
    """Calls that one instance remembers in a second, with Mem0 at 0.3 s for each answer."""
    queue = _queue(rig)
    with rig.host("ours", "post-call", CALL_QUEUE_URL=queue) as host:
        records = _records(rig, host, queue, count + 1)
        with rig.faults({**SLOW, "operation": ["add", "event"]}):
            # The first call is the worker's own cold start: it connects to Mem0.
            accepted = median(_process(host, records, leave=True)[1:])
            rig.mem0("POST", "/_settle?timeout=30")
            checked = median(_process(host, records, leave=False))
    with rig.host("naive", "post-call") as host, rig.faults(SLOW):
        _answered(rig, host)
        naive = median([_answered(rig, host) for _ in range(count)])
    section = Section(title="Worker", how=HOW_WORKER.format(count=count))
    section.target(
        "adds of a call, with the ledger around them",
        f"≥ {OVERLAP} \u00d7 faster than naive",
        f"{naive / accepted:.2f} \u00d7",
        reached=naive / accepted >= OVERLAP,
        reason=LEDGER,
    )
    section.table(
        ("", "calls a second", "until accepted", "until known to be stored"),
        [
            ["ours", f"{1000 / (accepted + checked):.2f}", ms(accepted), ms(checked)],
            ["naive", f"{1000 / naive:.2f}", ms(naive), "never"],
        ],
    )
    section.figures = {"worker.accept": accepted, "worker.check": checked}
    return section


HOW = """A signed webhook with six turns, to a warm function, {count} times in each of three conditions in
turn. Ours checks it and puts it into the queue; the naive way answers when both adds are done."""
HOW_WORKER = """{count} calls of different callers, each in a batch of its own, as the event source is
deployed. Mem0 takes 0.3 s to answer; the naive way makes the two adds one after the other, ours side by
side, with the ledger around them. A second delivery then asks Mem0 whether the extraction has succeeded; the
naive way does not know."""
LEDGER = """beside the two adds, which overlap, a call waits for three updates of the ledger, each through
moto on the same two cores, where it takes longer than in DynamoDB."""
