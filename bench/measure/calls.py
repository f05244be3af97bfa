"""After the call: how long ElevenLabs waits for its 200, and how many calls a worker remembers a second."""

import hashlib
import hmac
import json
import time
import uuid
from typing import Any

from bench.measure.charts import NAIVE, OURS, Bar, bars
from bench.measure.report import Chart, Section, Table, Target, median, ms
from bench.measure.rig import Rig
from local.lambda_host import LambdaHost
from local.lambda_host.event_source import to_record

SLOW = {"name": "slow", "operation": "add", "latency_seconds": 0.3}
CONDITIONS: dict[str, dict[str, Any]] = {
    "0.3 s": SLOW,
    "3 s": {**SLOW, "latency_seconds": 3.0},
    "down": {"name": "down", "refuse": True},
}
SAID = (
    ("agent", "Good morning, this is the garden centre. What can I do for you?"),
    ("user", "Hello, my name is Robin. My tomatoes have brown spots on their leaves."),
    ("agent", "I am sorry to hear that. Are they in the open, or in a greenhouse?"),
    ("user", "In the open. I water them in the evening, from above."),
    ("agent", "Then water them in the morning, and at the roots. I send you a spray for the leaves."),
    ("user", "Thank you. Please send it to my garden house, and call me on Friday."),
)


def webhook(rig: Rig) -> dict[str, Any]:
    """A signed post-call webhook of a new call, by a caller of its own."""
    number = uuid.uuid4().int
    start = int(time.time()) - 120
    body = {
        "type": "post_call_transcription",
        "event_timestamp": int(time.time()),
        "data": {
            "agent_id": "agent_1",
            "conversation_id": f"conv_{number:032x}",
            "status": "done",
            "user_id": f"+1612555{number % 10_000:04d}",
            "transcript": [
                {"role": role, "message": text, "time_in_call_secs": 6 * at}
                for at, (role, text) in enumerate(SAID)
            ],
            "metadata": {
                "start_time_unix_secs": start,
                "call_duration_secs": 60,
                "phone_call": {"direction": "inbound", "external_number": f"+1612555{number % 10_000:04d}"},
            },
        },
    }
    raw = json.dumps(body).encode()
    now = int(time.time())
    key = rig.system.credentials.first("ELEVENLABS_HMAC_KEY").encode()
    digest = hmac.new(key, f"{now}.".encode() + raw, hashlib.sha256).hexdigest()
    return rig.event("post-call", raw, elevenlabs_signature=f"t={now},v0={digest}")


def _queue(rig: Rig) -> str:
    """A call queue that only the bench consumes."""
    attributes = {"FifoQueue": "true", "DeduplicationScope": "messageGroup"}
    attributes["FifoThroughputLimit"] = "perMessageGroupId"
    name = f"bench-{uuid.uuid4().hex}.fifo"
    return str(rig.system.aws.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def _answered(rig: Rig, host: LambdaHost, *, accepted: bool = True) -> float:
    """Deliver one webhook; milliseconds until the answer."""
    outcome = host.invoke("post-call", webhook(rig), timeout=500)
    answer = json.loads(outcome.payload)
    if accepted and (outcome.error or answer.get("statusCode") != 200):  # noqa: PLR2004 - OK
        raise RuntimeError(f"PostCall answered {answer}")
    return outcome.duration_ms


def measure(rig: Rig, count: int) -> Section:
    """Deliver webhooks while Mem0 is slow, very slow and down; `count` in each condition to ours."""
    rig.progress("acknowledgement of the post-call webhook")
    times: dict[tuple[str, str], list[float]] = {}
    with (
        rig.host("ours", "post-call", CALL_QUEUE_URL=_queue(rig)) as ours,
        rig.host("naive", "post-call") as naive,
    ):
        for host in (ours, naive):
            for _ in range(3):
                _answered(rig, host)
        for turn in range(count):  # in turn, so that both sides share what else the machine does
            for condition, rule in CONDITIONS.items():
                with rig.faults(rule):
                    times.setdefault(("ours", condition), []).append(_answered(rig, ours))
                    if turn < (5 if condition == "0.3 s" else 1):
                        spent = _answered(rig, naive, accepted=condition != "down")
                        times.setdefault(("naive", condition), []).append(spent)
    ours_ms = {condition: median(times["ours", condition]) for condition in CONDITIONS}
    naive_ms = {condition: median(times["naive", condition]) for condition in CONDITIONS}
    typical = median([spent for condition in CONDITIONS for spent in times["ours", condition]])
    spread = max(abs(duration / typical - 1) for duration in ours_ms.values())
    faster = naive_ms["0.3 s"] / ours_ms["0.3 s"]
    rows = [
        [
            condition,
            ms(ours_ms[condition]),
            ms(naive_ms[condition]) if condition != "down" else f"500 after {ms(naive_ms['down'])}: lost",
        ]
        for condition in CONDITIONS
    ]
    groups = [
        [
            Bar(label=f"Mem0 {condition}, {side}", value=value, words=ms(value), colour=colour)
            for side, value, colour in (
                ("ours", ours_ms[condition], OURS),
                ("naive", naive_ms[condition], NAIVE),
            )
        ]
        for condition in ("0.3 s", "3 s")
    ]
    return Section(
        key="acknowledgement",
        title="Acknowledgement of a finished call",
        how=HOW.format(count=count),
        targets=[
            Target(
                what="acknowledgement, Mem0 slow, slower, down",
                wanted="the same ± 10 %",
                reached=f"± {spread:.0%}",
                met=spread <= 0.1,  # noqa: PLR2004 - as wanted
                reason="the local queue (moto) shares two cores with the rest; the code never talks to Mem0.",
            ),
            Target(
                what="acknowledgement with Mem0 at 0.3 s",
                wanted="≥ 20 \u00d7 faster than naive",
                reached=f"{faster:.0f} \u00d7",
                met=faster >= 20,  # noqa: PLR2004 - as wanted
                reason="what is left is one SendMessage to the local queue (moto), which is slower than SQS.",
            ),
        ],
        tables=[Table(headers=("Mem0", "ours", "naive"), rows=rows)],
        charts=[
            Chart(
                name="performance-acknowledgement.svg",
                words="time until ElevenLabs has its 200",
                svg=bars("Until ElevenLabs has its 200 (median)", groups),
            )
        ],
        figures={"ack.ours": ours_ms["0.3 s"], "ack.naive": naive_ms["0.3 s"]},
    )


def _records(rig: Rig, host: LambdaHost, queue: str, count: int) -> list[dict[str, Any]]:
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
            raise RuntimeError(f"only {len(found)} of {count} calls came out of the queue")
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
            raise RuntimeError(f"the worker answered {outcome.payload.decode()}")
        spent.append(outcome.duration_ms)
    return spent


def measure_worker(rig: Rig, count: int) -> Section:
    """Calls that one instance remembers in a second, with Mem0 at 0.3 s for each answer."""
    rig.progress("worker")
    queue = _queue(rig)
    with rig.host("ours", "post-call", CALL_QUEUE_URL=queue) as host:
        records = _records(rig, host, queue, count + 1)
        with rig.faults({**SLOW, "operation": ["add", "event"]}):
            # The first call is the worker's own cold start: it connects to Mem0.
            accepted = median(_process(host, records, leave=True)[1:])
            rig.admin("POST", "settle?timeout=30")
            checked = median(_process(host, records, leave=False))
    with rig.host("naive", "post-call") as host, rig.faults(SLOW):
        _answered(rig, host)
        naive = median([_answered(rig, host) for _ in range(count)])
    ours = accepted + checked
    rows = [
        ["ours", f"{1000 / ours:.2f}", ms(accepted), ms(checked)],
        ["naive", f"{1000 / naive:.2f}", ms(naive), "never"],
    ]
    return Section(
        key="worker",
        title="Worker",
        how=HOW_WORKER.format(count=count),
        targets=[
            Target(
                what="adds of a call, with the ledger around them",
                wanted="≥ 1.8 \u00d7 faster than naive",
                reached=f"{naive / accepted:.2f} \u00d7",
                met=naive / accepted >= 1.8,  # noqa: PLR2004 - as wanted
                reason=LEDGER,
            )
        ],
        tables=[
            Table(headers=("", "calls a second", "until accepted", "until known to be stored"), rows=rows)
        ],
        figures={"worker.accept": accepted, "worker.check": checked},
    )


HOW = """A signed webhook with six turns, to a warm function, {count} times in each of three conditions in
turn. Ours checks it and puts it into the queue; the naive way answers when both adds are done."""
HOW_WORKER = """{count} calls of different callers, each in a batch of its own, as the event source is
deployed. Mem0 takes 0.3 s to answer; the naive way makes the two adds one after the other, ours side by
side, with the ledger around them. A second delivery then asks Mem0 whether the extraction has succeeded; the
naive way does not know."""
LEDGER = """beside the two adds, which overlap, a call waits for three updates of the ledger, each through
moto on the same two cores, where it takes longer than in DynamoDB."""
