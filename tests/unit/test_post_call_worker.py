"""PostCall as the worker: each call remembered once, when Mem0 says so, and nothing lost on the way."""

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local.mem0.server import Mem0StandIn
from post_call import messages
from post_call.ledger import FORGOTTEN, BusyError, Ledger
from post_call.record import CallRecord, Turn
from shared import http_client
from shared.aws import AwsClient, Service
from shared.environment import Environment
from shared.http import Handler
from tests.unit.conftest import SECRET_NAME, Aws, Build, Variables

CALLER = "+16125550142"
START = 1_772_532_000


def call(conversation_id: str = "conv_1", user_id: str = CALLER, **changes: Any) -> CallRecord:
    values: dict[str, Any] = {
        "turns": (Turn("agent", "How can I help?"), Turn("user", "My tomatoes have brown spots on them.")),
        "summary": "The caller asked about tomatoes.",
        "collected": {"caller_name": "Maria"},
        **changes,
    }
    return CallRecord(
        conversation_id=conversation_id, agent_id="agent_1", user_id=user_id, call_start=START, **values
    )


def sqs_event(*calls: CallRecord | str, received: int = 1, receipt: str = "none") -> dict[str, Any]:
    records = []
    for number, content in enumerate(calls):
        message = messages.of_call(content)[0] if isinstance(content, CallRecord) else None
        records.append(
            {
                "messageId": f"m{number}",
                "body": message.body if message else content,
                "attributes": {
                    "MessageGroupId": message.group_id if message else "g",
                    "ApproximateReceiveCount": str(received),
                },
                "receiptHandle": receipt,
                "eventSource": "aws:sqs",
            }
        )
    return {"Records": records}


def failed(response: Mapping[str, Any]) -> list[str]:
    return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]


def work(handler: Handler, *calls: CallRecord | str) -> list[str]:
    """Deliver a batch; the messages that stay in the queue."""
    return failed(handler(sqs_event(*calls), None))


def work_until_mem0_is_done(handler: Handler, mem0: Mem0StandIn, *calls: CallRecord | str) -> list[str]:
    """Deliver a batch, and again when Mem0 has finished what it accepted; the messages that stay."""
    work(handler, *calls)
    assert mem0.settle()
    return work(handler, *calls)


def adds(mem0: Mem0StandIn) -> list[dict[str, Any]]:
    return [request["body"] for request in mem0.requests() if request["operation"] == "add"]


def types_added(mem0: Mem0StandIn) -> list[str]:
    return sorted(add["metadata"]["type"] for add in adds(mem0))


def reasons(aws: Aws) -> list[str]:
    """Why the messages in the dead-letter queue are there."""
    return [
        letter["MessageAttributes"]["reason"]["StringValue"] for letter in aws.received(aws.dead_letters_url)
    ]


@pytest.fixture
def aws_calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Mapping[str, Any]]]:
    """What the functions ask of AWS: actions and parameters."""
    noted: list[tuple[str, Mapping[str, Any]]] = []
    real = AwsClient.call

    def note(self: AwsClient, service: Service, action: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        noted.append((action, parameters))
        return real(self, service, action, parameters)

    monkeypatch.setattr(AwsClient, "call", note)
    return noted


def delays(aws_calls: list[tuple[str, Mapping[str, Any]]]) -> list[int]:
    return [asked["VisibilityTimeout"] for action, asked in aws_calls if action == "ChangeMessageVisibility"]


# What is added


def test_call_is_remembered_with_two_adds(build: Build, mem0: Mem0StandIn) -> None:
    assert work_until_mem0_is_done(build("post_call"), mem0, call()) == []
    by_type = {add["metadata"]["type"]: add for add in adds(mem0)}
    assert len(adds(mem0)) == 2
    for add in by_type.values():
        assert add["user_id"] == CALLER
        assert "agent_id" not in add
        assert add["timestamp"] == START
        assert add["metadata"]["conversation_id"] == "conv_1"
        assert add["metadata"]["agent_id"] == "agent_1"
        assert add["metadata"]["call_start"] == START
        assert add["metadata"]["caller_name"] == "Maria"
    assert by_type["factual"]["infer"] is True
    assert by_type["factual"]["custom_instructions"]
    assert by_type["semantic"]["infer"] is False
    assert any("brown spots" in message["content"] for message in by_type["semantic"]["messages"])


def test_call_delivered_again_is_remembered_once(build: Build, mem0: Mem0StandIn) -> None:
    handler = build("post_call")
    assert work_until_mem0_is_done(handler, mem0, call()) == []
    assert work(handler, call(), call()) == []
    assert len(adds(mem0)) == 2


def test_only_the_wanted_type_is_stored(build: Build, mem0: Mem0StandIn) -> None:
    assert work(build("post_call", STORE_TYPES="semantic"), call()) == []
    assert types_added(mem0) == ["semantic"]


def test_memories_expire_as_it_is_set(build: Build, mem0: Mem0StandIn) -> None:
    work(build("post_call", FACTUAL_RETENTION_DAYS="", SEMANTIC_RETENTION_DAYS="30"), call())
    expiry = {add["metadata"]["type"]: add.get("expiration_date") for add in adds(mem0)}
    assert expiry == {"factual": None, "semantic": "2026-04-02"}


def test_every_part_of_a_long_call_is_remembered(build: Build, mem0: Mem0StandIn) -> None:
    turns = tuple(Turn("user", f"Sentence {number} of a very long story.") for number in range(40))
    parts = [part.body for part in messages.of_call(call(turns=turns), most_bytes=1500)]
    assert len(parts) > 1
    handler = build("post_call")
    for part in parts:
        assert work_until_mem0_is_done(handler, mem0, part) == []
    said = " ".join(
        message["content"]
        for add in adds(mem0)
        if add["metadata"]["type"] == "semantic"
        for message in add["messages"]
    )
    assert all(turn.text in said for turn in turns)


# When it is remembered


def test_call_stays_in_the_queue_until_mem0_is_done_with_it(
    build: Build, mem0: Mem0StandIn, aws: Aws, caplog: pytest.LogCaptureFixture
) -> None:
    handler = build("post_call")
    mem0.set_faults({"operation": "infer", "latency_seconds": 60})
    assert work(handler, call()) == ["m0"]
    assert work(handler, call()) == ["m0"]
    assert len(adds(mem0)) == 2
    assert "closed_at" not in aws.ledger_item("conv_1")
    assert "call remembered" not in caplog.text


def test_failed_extraction_is_tried_again_and_ends_among_the_dead_letters_with_its_reason(
    build: Build, mem0: Mem0StandIn, aws: Aws
) -> None:
    handler = build("post_call", TRIES="2")
    mem0.set_faults({"operation": "infer", "fail": True})
    for _ in range(2):
        assert work_until_mem0_is_done(handler, mem0, call()) in (["m0"], [])
    assert types_added(mem0) == ["factual", "factual", "semantic"]
    assert len(reasons(aws)) == 1


def test_call_whose_extraction_failed_is_remembered_when_it_is_moved_back(
    build: Build, mem0: Mem0StandIn, aws: Aws
) -> None:
    handler = build("post_call", TRIES="1")
    mem0.set_faults({"operation": "infer", "fail": True})
    assert work_until_mem0_is_done(handler, mem0, call()) == []
    (letter,) = aws.received(aws.dead_letters_url)
    assert "FAILED" in letter["MessageAttributes"]["reason"]["StringValue"]
    mem0.set_faults()
    assert work_until_mem0_is_done(handler, mem0, letter["Body"]) == []
    assert "closed_at" in aws.ledger_item("conv_1")


@pytest.mark.parametrize("stored", [True, False])
def test_event_that_mem0_does_not_know_any_more_is_no_dead_end(
    build: Build, mem0: Mem0StandIn, aws: Aws, stored: bool
) -> None:
    """The next try looks for what was stored, and adds it only if it is not there."""
    handler = build("post_call")
    mem0.set_faults({"operation": "infer", "fail": not stored})
    assert work(handler, call()) == ["m0"]
    assert mem0.settle()
    mem0.set_faults({"operation": "event", "status": 404})
    assert work(handler, call()) == ["m0"]
    mem0.set_faults()
    assert work_until_mem0_is_done(handler, mem0, call()) == []
    assert types_added(mem0) == [*(["factual"] if stored else ["factual", "factual"]), "semantic"]
    assert "closed_at" in aws.ledger_item("conv_1")
    assert aws.received(aws.dead_letters_url) == []


@pytest.mark.parametrize(
    "answer",
    [
        *({"status": "FAILED"}, {"detail": "over quota"}, [], None, "ok", {}, {"results": []}),
        *({"status": "succeeded"}, {"status": "PENDING"}, {"event_id": "e1"}, {"status": ["SUCCEEDED"]}),
    ],
)
def test_answer_that_promises_nothing_is_no_success(
    build: Build, mem0: Mem0StandIn, aws: Aws, answer: object
) -> None:
    body = json.dumps(answer)
    mem0.set_faults({"operation": "add", "status": 200, "body": body if answer is None else answer})
    assert work(build("post_call"), call()) == ["m0"]
    assert "closed_at" not in aws.ledger_item("conv_1")


def test_extraction_that_takes_long_raises_an_alarm_and_is_given_up_after_a_while(
    build: Build,
    mem0: Mem0StandIn,
    aws: Aws,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    handler = build("post_call")
    mem0.set_faults({"operation": "infer", "latency_seconds": 3600})
    assert work(handler, call()) == ["m0"]
    real = time.time
    for minutes, pending, stays in ((10, 0, ["m0"]), (16, 1, ["m0"]), (26, 1, [])):
        monkeypatch.setattr("time.time", lambda minutes=minutes: real() + minutes * 60)
        assert work(handler, call()) == stays
        counted = [vars(record).get("ExtractionsPending", 0) for record in caplog.records]
        assert sum(counted) == pending
    monkeypatch.undo()
    assert "26 minutes ago" in reasons(aws)[0]


def test_pending_call_waits_longer_each_time(
    build: Build,
    mem0: Mem0StandIn,
    monkeypatch: pytest.MonkeyPatch,
    aws_calls: list[tuple[str, Mapping[str, Any]]],
) -> None:
    handler = build("post_call")
    mem0.set_faults({"operation": "infer", "latency_seconds": 3600})
    work(handler, call())
    real = time.time
    for seconds in (20, 100, 1000):
        monkeypatch.setattr("time.time", lambda seconds=seconds: real() + seconds)
        work(handler, call())
    first, second, third, fourth = delays(aws_calls)
    assert first == 5
    assert second in range(18, 23)
    assert third in range(98, 103)
    assert fourth == 300


# What goes wrong


def test_failure_of_mem0_keeps_the_call_in_the_queue(build: Build, mem0: Mem0StandIn, aws: Aws) -> None:
    handler = build("post_call")
    mem0.set_faults({"operation": "add", "status": 503})
    assert work(handler, call()) == ["m0"]
    assert aws.received(aws.dead_letters_url) == []
    mem0.set_faults()
    assert work_until_mem0_is_done(handler, mem0, call()) == []
    assert "closed_at" in aws.ledger_item("conv_1")


def test_add_that_succeeded_is_not_repeated_when_the_other_failed(build: Build, mem0: Mem0StandIn) -> None:
    handler = build("post_call")
    mem0.set_faults({"operation": "add", "infer": True, "status": 503})
    assert work(handler, call()) == ["m0"]
    mem0.set_faults()
    assert work_until_mem0_is_done(handler, mem0, call()) == []
    assert types_added(mem0) == ["factual", "factual", "semantic"]


@pytest.mark.parametrize("infer", [True, False])
@pytest.mark.parametrize("extraction", [0.0, 30.0])
def test_add_that_was_accepted_without_an_answer_is_not_repeated(
    build: Build, mem0: Mem0StandIn, infer: bool, extraction: float
) -> None:
    """Also while nothing of it can be found yet: the event tells."""
    handler = build("post_call", MEM0_TIMEOUT="1.5")
    mem0.set_faults(
        {"operation": "add", "infer": infer, "hang": True, "after_work": True},
        {"operation": "infer", "latency_seconds": extraction},
    )
    assert work(handler, call()) == ["m0"]
    mem0.set_faults()
    work(handler, call())
    assert types_added(mem0) == ["factual", "semantic"]


def test_failed_call_holds_up_its_own_caller_only(build: Build, mem0: Mem0StandIn) -> None:
    handler = build("post_call")
    mem0.set_faults({"operation": "add", "status": 503, "count": 2})
    batch = [call("c1"), call("c2"), call("c3", user_id="+447700900123")]
    assert work(handler, *batch) == ["m0", "m1", "m2"]
    conversations = {add["metadata"]["conversation_id"]: add["user_id"] for add in adds(mem0)}
    assert conversations == {"c1": CALLER, "c3": "+447700900123"}


def test_call_that_mem0_will_never_take_goes_to_the_dead_letters_with_its_reason(
    build: Build, mem0: Mem0StandIn, aws: Aws
) -> None:
    handler = build("post_call")
    mem0.set_faults({"operation": "add", "status": 400})
    assert work(handler, call()) == []
    (letter,) = aws.received(aws.dead_letters_url)
    assert "HTTP 400" in letter["MessageAttributes"]["reason"]["StringValue"]
    mem0.set_faults()
    assert work_until_mem0_is_done(handler, mem0, letter["Body"]) == []
    assert "closed_at" in aws.ledger_item("conv_1")


def test_call_that_failed_too_often_goes_to_the_dead_letters_with_its_reason(
    build: Build, mem0: Mem0StandIn, aws: Aws
) -> None:
    handler = build("post_call", TRIES="3")
    mem0.set_faults({"operation": "add", "status": 503})
    assert [work(handler, call()) for _ in range(3)] == [["m0"], ["m0"], []]
    (reason,) = reasons(aws)
    assert "tried 3 times" in reason
    assert "HTTP 503" in reason


def test_call_whose_worker_died_each_time_goes_to_the_dead_letters_and_may_come_back(
    build: Build, mem0: Mem0StandIn, aws: Aws, variables: Variables
) -> None:
    handler = build("post_call", TRIES="2", CLAIM_SECONDS="1")
    ledger = make_ledger(variables)
    for _ in range(2):
        claim_as_soon_as_possible(ledger)
    wait_until_claims_run_out(ledger)
    assert work(handler, call()) == []
    assert "died" in reasons(aws)[0]
    assert work_until_mem0_is_done(handler, mem0, call()) == []


@pytest.mark.parametrize(
    ("fault", "before", "delay"),
    [
        ({"status": 503}, 0, 5),
        ({"status": 503}, 1, 60),
        ({"status": 429, "headers": {"Retry-After": "77"}}, 0, 77),
    ],
)
def test_failed_call_is_delivered_again_after_a_while_or_when_mem0_asked_for_it(
    build: Build,
    mem0: Mem0StandIn,
    aws_calls: list[tuple[str, Mapping[str, Any]]],
    fault: dict[str, Any],
    before: int,
    delay: int,
) -> None:
    handler = build("post_call")
    mem0.set_faults({"operation": "add", **fault})
    for _ in range(before + 1):
        assert work(handler, call()) == ["m0"]
    assert delays(aws_calls)[-1] == delay


def test_key_of_another_project_writes_nothing_until_somebody_corrects_it(
    build: Build, aws: Aws, mem0: Mem0StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    aws.set_secret(MEM0_PROJECT_ID="another")
    assert work(build("post_call"), call()) == ["m0"]
    assert adds(mem0) == []
    assert "MEM0_PROJECT_ID" in " ".join(str(vars(record)) for record in caplog.records)
    aws.set_secret()
    assert work_until_mem0_is_done(build("post_call"), mem0, call()) == []
    assert len(adds(mem0)) == 2


def test_refused_key_keeps_the_call_in_the_queue(build: Build, mem0: Mem0StandIn, aws: Aws) -> None:
    mem0.set_faults({"operation": "add", "status": 401})
    assert work(build("post_call"), call()) == ["m0"]
    assert aws.received(aws.dead_letters_url) == []


def test_errors_name_the_caller_and_nothing_that_was_said(
    build: Build, mem0: Mem0StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    handler = build("post_call")
    mem0.set_faults({"operation": "add", "status": 503})
    work(handler, call())
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert errors
    assert all(record.user_id == CALLER for record in errors)  # type: ignore[attr-defined]
    assert "tomatoes" not in " ".join(str(vars(record)) for record in caplog.records)


# The ledger


def make_ledger(variables: Variables) -> Ledger:
    return Ledger(Environment.parse(variables), AwsClient(variables))


def claim(ledger: Ledger) -> None:
    body = messages.of_call(call())[0].body
    content = messages.read(body)
    assert isinstance(content, messages.QueuedCall)
    ledger.claim("conv_1", digest=content.digest, caller=CALLER_DIGEST, steps=("factual", "semantic"))


CALLER_DIGEST = messages.of_call(call())[0].group_id


def claim_as_soon_as_possible(ledger: Ledger) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            claim(ledger)
        except BusyError:
            assert time.monotonic() < deadline
        else:
            return


def wait_until_claims_run_out(ledger: Ledger) -> None:
    """A claim that is refused changes nothing, so asking as another worker does no harm."""
    table = ledger._read
    deadline = time.monotonic() + 10
    while float(table("conv_1")["claimed_until"]["N"]) > time.time():
        assert time.monotonic() < deadline


def test_another_workers_claim_is_respected(build: Build, mem0: Mem0StandIn, variables: Variables) -> None:
    handler = build("post_call")
    claim(make_ledger(variables))
    assert work(handler, call()) == ["m0"]
    assert adds(mem0) == []


def test_unreachable_ledger_keeps_the_call_in_the_queue(
    build: Build, mem0: Mem0StandIn, variables: Variables
) -> None:
    assert work(build("post_call", LEDGER_TABLE="missing"), call()) == ["m0"]
    assert adds(mem0) == []
    assert work_until_mem0_is_done(build("post_call", LEDGER_TABLE="ledger"), mem0, call()) == []
    assert variables


def test_call_that_never_got_to_its_ledger_entry_is_given_up_late(
    build: Build, aws: Aws, variables: Variables
) -> None:
    handler = build("post_call", LEDGER_TABLE="missing")
    assert failed(handler(sqs_event(call(), received=10), None)) == ["m0"]
    assert failed(handler(sqs_event(call(), received=40), None)) == []
    assert "tried 40 times" in reasons(aws)[0]
    assert variables


def test_worker_that_wakes_up_after_its_claim_ran_out_adds_nothing(
    build: Build, mem0: Mem0StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = build("post_call")
    real = Ledger.claim

    def late(self: Ledger, key: str, **options: Any) -> Any:
        entry = real(self, key, **options)
        entry.valid_until = time.time() - 1
        return entry

    monkeypatch.setattr(Ledger, "claim", late)
    assert work(handler, call()) == ["m0"]
    assert adds(mem0) == []


def test_answer_of_the_ledger_that_was_lost_costs_no_second_try(
    build: Build, mem0: Mem0StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim that stands there is the worker's own."""
    handler = build("post_call")
    real = http_client.HttpClient.request
    lost: list[str] = []

    def lose_the_first_answer(
        self: http_client.HttpClient,
        method: str,
        target: str,
        headers: Mapping[str, str],
        *rest: Any,
        **how: Any,
    ) -> http_client.Response:
        response = real(self, method, target, headers, *rest, **how)
        if headers.get("x-amz-target", "").endswith(".UpdateItem") and not lost:
            lost.append(target)
            raise ConnectionResetError
        return response

    monkeypatch.setattr(http_client.HttpClient, "request", lose_the_first_answer)
    assert work_until_mem0_is_done(handler, mem0, call()) == []
    assert lost
    assert len(adds(mem0)) == 2


def test_call_costs_six_writes_of_the_ledger(
    build: Build, mem0: Mem0StandIn, aws_calls: list[tuple[str, Mapping[str, Any]]]
) -> None:
    """Claim, two notes and a release; and when Mem0 is done, claim and close."""
    assert work_until_mem0_is_done(build("post_call"), mem0, call()) == []
    assert [action for action, _ in aws_calls].count("UpdateItem") == 6


def test_other_body_of_a_remembered_conversation_is_not_added(build: Build, mem0: Mem0StandIn) -> None:
    handler = build("post_call")
    assert work_until_mem0_is_done(handler, mem0, call()) == []
    assert work(handler, call(summary="Something else.")) == []
    assert len(adds(mem0)) == 2


def test_other_body_of_a_conversation_that_is_not_remembered_is_remembered(
    build: Build, mem0: Mem0StandIn, aws: Aws
) -> None:
    """As after an update that makes another record of the same call."""
    handler = build("post_call")
    mem0.set_faults({"operation": "add", "status": 503})
    assert work(handler, call()) == ["m0"]
    mem0.set_faults()
    assert work_until_mem0_is_done(handler, mem0, call(summary="Something else.")) == []
    assert "closed_at" in aws.ledger_item("conv_1")


def test_conversation_of_another_caller_is_kept_and_counted(
    build: Build, mem0: Mem0StandIn, aws: Aws, caplog: pytest.LogCaptureFixture
) -> None:
    handler = build("post_call")
    assert work_until_mem0_is_done(handler, mem0, call()) == []
    assert work(handler, call(user_id="+447700900123")) == []
    assert len(adds(mem0)) == 2
    assert "another caller" in reasons(aws)[0]
    assert sum(vars(record).get("ConversationConflicts", 0) for record in caplog.records) == 1


def test_id_that_looks_like_a_part_of_another_call_is_a_call_of_its_own(
    build: Build, mem0: Mem0StandIn, aws: Aws
) -> None:
    handler = build("post_call", STORE_TYPES="semantic")
    assert work(handler, call("conv_1", part=2, parts=2)) == []
    assert work(handler, call("conv_1#2")) == []
    assert len(adds(mem0)) == 2
    assert aws.received(aws.dead_letters_url) == []


# Messages

RELEASED = [
    json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "messages").glob("*.json"))
]


@pytest.mark.parametrize(
    "left", [{}, {"begun": {"SS": ["factual", "semantic"]}}, {"done": {"SS": ["factual"]}}]
)
@pytest.mark.parametrize("released", [example for example in RELEASED if "record" in example])
def test_call_that_an_earlier_release_queued_is_remembered(
    build: Build, mem0: Mem0StandIn, aws: Aws, released: dict[str, Any], left: dict[str, Any]
) -> None:
    """Whatever that release noted of it: its digest may have been made of another form."""
    if left:
        entry = {"conversation_id": {"S": released["key"]}, "digest": {"S": "of another form"}}
        aws.dynamodb.put_item(TableName="ledger", Item=entry | left | {"claimed_until": {"N": "1.5"}})
    assert work_until_mem0_is_done(build("post_call"), mem0, released["body"]) == []
    assert types_added(mem0) == (["semantic"] if "done" in left else ["factual", "semantic"])
    assert "closed_at" in aws.ledger_item(released["key"])
    assert work(build("post_call"), released["body"]) == []
    assert aws.received(aws.dead_letters_url) == []
    assert len(adds(mem0)) == (1 if "done" in left else 2)


@pytest.mark.parametrize("released", [example for example in RELEASED if "event" in example])
def test_event_that_an_earlier_release_kept_is_kept_again(
    build: Build, aws: Aws, released: dict[str, Any]
) -> None:
    assert work(build("post_call"), released["body"]) == []
    (letter,) = aws.received(aws.dead_letters_url)
    assert letter["Body"] == released["body"]


@pytest.mark.parametrize("body", ["no json", "{}", '{"z": "%"}', "[]", "null", '{"version": 2}'])
def test_message_that_is_no_call_goes_to_the_dead_letters_with_its_reason(
    build: Build, aws: Aws, body: str
) -> None:
    assert work(build("post_call"), body) == []
    (letter,) = aws.received(aws.dead_letters_url)
    assert letter["Body"] == body
    assert "no call record" in letter["MessageAttributes"]["reason"]["StringValue"]


@pytest.mark.parametrize(
    "wrong", [{"user_id": True}, {"call_start": "now"}, {"part": 1.5}, {"collected": []}, {"summary": None}]
)
def test_message_that_no_release_wrote_is_a_dead_letter(
    build: Build, aws: Aws, wrong: dict[str, Any]
) -> None:
    message = json.loads(messages.of_call(call())[0].body)
    message["record"] |= wrong
    assert work(build("post_call"), json.dumps(message)) == []
    assert "no call record" in reasons(aws)[0]


def test_call_stays_in_the_queue_if_even_the_dead_letters_cannot_be_reached(
    build: Build, variables: Variables
) -> None:
    handler = build("post_call")
    variables["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
    assert work(handler, "no json") == ["m0"]


def test_event_that_is_understood_by_now_is_remembered_when_it_is_moved_back(
    build: Build, mem0: Mem0StandIn, aws: Aws
) -> None:
    transcript = [{"role": "user", "message": "My tomatoes have brown spots on them."}]
    data = {
        "conversation_id": "conv_1",
        "agent_id": "agent_1",
        "transcript": transcript,
        "metadata": {"start_time_unix_secs": START, "phone_call": {"external_number": CALLER}},
    }
    event = {"type": "post_call_transcription", "event_timestamp": START, "data": data}
    handler = build("post_call")
    assert work(handler, messages.of_event(event).body) == []
    (queued,) = aws.received(aws.queue_url)
    assert work_until_mem0_is_done(handler, mem0, queued["Body"]) == []
    assert len(adds(mem0)) == 2


def test_event_that_is_still_not_understood_is_a_dead_letter_again(build: Build, aws: Aws) -> None:
    assert work(build("post_call"), messages.of_event({"type": "renamed"}).body) == []
    assert re.search("type", reasons(aws)[0])


def test_worker_needs_the_secret_only_once_with_the_webhook(
    build: Build, mem0: Mem0StandIn, aws: Aws, aws_calls: list[tuple[str, Mapping[str, Any]]]
) -> None:
    handler = build("post_call")
    work(handler, call("c1"))
    aws.secrets.delete_secret(SecretId=SECRET_NAME, ForceDeleteWithoutRecovery=True)
    work(handler, call("c2"))
    assert [action for action, _ in aws_calls].count("GetSecretValue") == 1
    assert len(adds(mem0)) == 4


@pytest.mark.parametrize(("until", "remembered"), [(START - 1, True), (START, False), (4e9, False)])
def test_call_from_before_its_caller_was_forgotten_leaves_nothing(
    build: Build, mem0: Mem0StandIn, aws: Aws, until: float, remembered: bool
) -> None:
    item = {"conversation_id": {"S": FORGOTTEN + CALLER_DIGEST}, "forgotten_until": {"N": str(until)}}
    aws.dynamodb.put_item(TableName="ledger", Item=item)
    assert work_until_mem0_is_done(build("post_call"), mem0, call()) == []
    assert len(adds(mem0)) == (2 if remembered else 0)
    assert "closed_at" in aws.ledger_item("conv_1")
