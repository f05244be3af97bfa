"""PostCall as the worker: two adds a call, once, and nothing lost on the way."""

import contextlib
import json
import time
from typing import Any

import pytest

from local.mem0.server import Mem0StandIn
from post_call import envelope
from post_call.record import CallRecord, Turn
from shared.memories import TYPES
from tests.unit.conftest import Aws, Load

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
    for number, each in enumerate(calls):
        message = envelope.messages(each)[0] if isinstance(each, CallRecord) else None
        records.append(
            {
                "messageId": f"m{number}",
                "body": message.body if message else each,
                "attributes": {
                    "MessageGroupId": message.group_id if message else "g",
                    "ApproximateReceiveCount": str(received),
                },
                "receiptHandle": receipt,
                "eventSource": "aws:sqs",
            }
        )
    return {"Records": records}


def failed(response: dict[str, Any]) -> list[str]:
    return [each["itemIdentifier"] for each in response["batchItemFailures"]]


def work(module: Any, *calls: CallRecord | str) -> list[str]:
    return failed(module.lambda_handler(sqs_event(*calls), None))


def adds(mem0: Mem0StandIn) -> list[dict[str, Any]]:
    return [request["body"] for request in mem0.requests() if request["operation"] == "add"]


def test_call_is_remembered_with_two_adds(load: Load, mem0: Mem0StandIn) -> None:
    assert work(load("post_call.handler"), call()) == []
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
    assert by_type["factual"].get("infer", True) is True
    assert by_type["factual"]["custom_instructions"]
    assert by_type["semantic"]["infer"] is False
    assert any("brown spots" in message["content"] for message in by_type["semantic"]["messages"])


def test_call_delivered_again_is_remembered_once(load: Load, mem0: Mem0StandIn) -> None:
    module = load("post_call.handler")
    assert work(module, call(), call()) == work(module, call()) == []
    assert len(adds(mem0)) == 2


def test_changed_body_of_a_known_conversation_is_not_added(
    load: Load, mem0: Mem0StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    module = load("post_call.handler")
    work(module, call())
    assert work(module, call(summary="Something else.")) == []
    assert len(adds(mem0)) == 2
    assert "a different body came" in caplog.text


def test_failure_of_mem0_keeps_the_call_in_the_queue(load: Load, mem0: Mem0StandIn, aws: Aws) -> None:
    module = load("post_call.handler")
    mem0.set_faults({"operation": "add", "status": 503})
    assert work(module, call()) == ["m0"]
    assert aws.received(aws.dead_letters_url) == []
    mem0.set_faults()
    assert work(module, call()) == []
    assert "closed_at" in aws.ledger_item("conv_1")


def test_add_that_succeeded_is_not_repeated_when_the_other_failed(load: Load, mem0: Mem0StandIn) -> None:
    module = load("post_call.handler")
    mem0.set_faults({"operation": "add", "infer": True, "status": 503})
    assert work(module, call()) == ["m0"]
    mem0.set_faults()
    assert work(module, call()) == []
    accepted = [add["metadata"]["type"] for add in adds(mem0)]
    assert sorted(accepted) == ["factual", "factual", "semantic"]


def test_add_that_was_accepted_without_an_answer_is_not_repeated(load: Load, mem0: Mem0StandIn) -> None:
    module = load("post_call.handler", MEM0_TIMEOUT="1.5")
    mem0.set_faults({"operation": "add", "infer": False, "hang": True, "after_work": True})
    assert work(module, call()) == ["m0"]
    mem0.set_faults()
    assert work(module, call()) == []
    assert [add["metadata"]["type"] for add in adds(mem0)].count("semantic") == 1


def test_failed_call_holds_up_its_own_caller_only(load: Load, mem0: Mem0StandIn) -> None:
    module = load("post_call.handler")
    mem0.set_faults({"operation": "add", "status": 503, "count": 2})
    batch = [call("c1"), call("c2"), call("c3", user_id="+447700900123")]
    assert work(module, *batch) == ["m0", "m1"]
    assert {add["user_id"] for add in adds(mem0) if add["metadata"]["conversation_id"] == "c3"} == {
        "+447700900123"
    }
    assert "c2" not in {add["metadata"]["conversation_id"] for add in adds(mem0)}


@pytest.mark.parametrize("body", ["no json", "{}", '{"z": "%"}', "[]"])
def test_message_that_is_no_call_goes_to_the_dead_letters_with_its_reason(
    load: Load, aws: Aws, body: str
) -> None:
    assert work(load("post_call.handler"), body) == []
    (letter,) = aws.received(aws.dead_letters_url)
    assert letter["Body"] == body
    assert "no call record" in letter["MessageAttributes"]["reason"]["StringValue"]


def test_call_that_mem0_will_never_take_goes_to_the_dead_letters_with_its_reason(
    load: Load, mem0: Mem0StandIn, aws: Aws
) -> None:
    module = load("post_call.handler")
    mem0.set_faults({"operation": "add", "status": 400})
    assert work(module, call()) == []
    (letter,) = aws.received(aws.dead_letters_url)
    assert "HTTP 400" in letter["MessageAttributes"]["reason"]["StringValue"]
    mem0.set_faults()
    assert work(module, letter["Body"]) == []
    assert "closed_at" in aws.ledger_item("conv_1")


def test_call_stays_in_the_queue_if_even_the_dead_letters_cannot_be_reached(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load("post_call.handler")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert work(module, "no json") == ["m0"]


def test_unreachable_ledger_keeps_the_call_in_the_queue(
    load: Load, mem0: Mem0StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load("post_call.handler", LEDGER_TABLE="missing")
    assert work(module, call()) == ["m0"]
    assert adds(mem0) == []
    monkeypatch.setenv("LEDGER_TABLE", "ledger")
    assert work(module, call()) == []


def test_key_of_another_project_writes_nothing_until_somebody_mends_it(
    load: Load, aws: Aws, mem0: Mem0StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    aws.set_secret(MEM0_PROJECT_ID="another")
    assert work(load("post_call.handler"), call()) == ["m0"]
    assert adds(mem0) == []
    assert "MEM0_PROJECT_ID" in " ".join(str(vars(record)) for record in caplog.records)
    aws.set_secret()
    assert work(load("post_call.handler"), call()) == []
    assert len(adds(mem0)) == 2


def test_refused_key_keeps_the_call_in_the_queue(load: Load, mem0: Mem0StandIn, aws: Aws) -> None:
    mem0.set_faults({"operation": "add", "status": 401})
    assert work(load("post_call.handler"), call()) == ["m0"]
    assert aws.received(aws.dead_letters_url) == []


def test_another_workers_claim_is_respected(load: Load, mem0: Mem0StandIn) -> None:
    load("post_call.handler")
    from post_call import ledger  # noqa: PLC0415 - the module of this load

    ledger.claim("conv_1", envelope.digest(call()), TYPES)
    assert work(load("post_call.handler"), call()) == ["m0"]
    assert adds(mem0) == []


def test_call_that_failed_too_often_goes_to_the_dead_letters_with_its_reason(
    load: Load, mem0: Mem0StandIn, aws: Aws
) -> None:
    module = load("post_call.handler", TRIES="3")
    mem0.set_faults({"operation": "add", "status": 503})
    assert failed(module.lambda_handler(sqs_event(call(), received=2), None)) == ["m0"]
    assert failed(module.lambda_handler(sqs_event(call(), received=3), None)) == []
    (letter,) = aws.received(aws.dead_letters_url)
    reason = letter["MessageAttributes"]["reason"]["StringValue"]
    assert "tried 3 times" in reason
    assert "HTTP 503" in reason


@pytest.mark.parametrize(
    ("fault", "received", "delay"),
    [
        ({"status": 503}, 1, 5),
        ({"status": 503}, 2, 60),
        ({"status": 429, "headers": {"Retry-After": "77"}}, 1, 77),
    ],
)
def test_failed_call_is_delivered_again_when_mem0_asked_for_it(
    load: Load,
    mem0: Mem0StandIn,
    monkeypatch: pytest.MonkeyPatch,
    fault: dict[str, Any],
    received: int,
    delay: int,
) -> None:
    module = load("post_call.handler")
    mem0.set_faults({"operation": "add", **fault})
    from shared import aws as client  # noqa: PLC0415 - the module of this load

    asked: list[dict[str, Any]] = []
    real = client.call

    def call_aws(
        service: client.Service, action: str, parameters: dict[str, Any], **options: Any
    ) -> dict[str, Any]:
        if action == "ChangeMessageVisibility":
            asked.append(parameters)
            return {}
        return real(service, action, parameters, **options)

    monkeypatch.setattr(client, "call", call_aws)
    event = sqs_event(call(), received=received, receipt="the receipt")
    assert failed(module.lambda_handler(event, None)) == ["m0"]
    assert [(each["ReceiptHandle"], each["VisibilityTimeout"]) for each in asked] == [("the receipt", delay)]


def test_worker_that_wakes_up_after_its_claim_ran_out_adds_nothing(load: Load, mem0: Mem0StandIn) -> None:
    load("post_call.handler", CLAIM_SECONDS="1")
    from post_call import ledger, worker  # noqa: PLC0415 - the modules of this load

    frozen = ledger.claim("conv_1", envelope.digest(call()), TYPES)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(ledger.BusyError):
            ledger.claim("conv_1", envelope.digest(call()), TYPES)
            break
    with pytest.raises(Exception, match="did not answer"):  # of this load: Mem0Error
        worker._add_both(call(), frozen)
    frozen.release()
    with pytest.raises(ledger.BusyError):
        ledger.claim("conv_1", envelope.digest(call()), TYPES)
    assert adds(mem0) == []


def test_answer_of_the_ledger_that_was_lost_costs_no_second_try(
    load: Load, mem0: Mem0StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim that stands there is the worker's own."""
    module = load("post_call.handler")
    from shared import aws as client  # noqa: PLC0415 - the module of this load

    real = client._post
    lost: list[str] = []

    def lose_the_first_answer(
        service: client.Service, action: str, body: bytes, seconds: float
    ) -> tuple[int, dict[str, Any]]:
        answer = real(service, action, body, seconds)
        if action == "UpdateItem" and not lost:
            lost.append(action)
            raise ConnectionResetError
        return answer

    monkeypatch.setattr(client, "_post", lose_the_first_answer)
    assert work(module, call()) == []
    assert lost
    assert len(adds(mem0)) == 2


def test_call_costs_three_writes_of_the_ledger(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of them one after the other with the adds in between; the third beside the slower add."""
    module = load("post_call.handler")
    from shared import aws as client  # noqa: PLC0415 - the module of this load

    real = client.call
    written: list[str] = []

    def noted(
        service: client.Service, action: str, parameters: dict[str, Any], **options: Any
    ) -> dict[str, Any]:
        if action == "UpdateItem":
            written.append(parameters["UpdateExpression"])
        return real(service, action, parameters, **options)

    monkeypatch.setattr(client, "call", noted)
    assert work(module, call()) == []
    assert [each.split()[0] for each in written] == ["SET", "ADD", "SET"]


def test_every_part_of_a_long_call_is_remembered(load: Load, mem0: Mem0StandIn) -> None:
    turns = tuple(Turn("user", f"Sentence {number} of a very long story.") for number in range(40))
    messages = envelope.messages(call(turns=turns), most_bytes=1200)
    assert len(messages) > 1
    event = sqs_event(*[message.body for message in messages])
    assert failed(load("post_call.handler").lambda_handler(event, None)) == []
    told = " ".join(
        message["content"]
        for add in adds(mem0)
        if add["metadata"]["type"] == "semantic"
        for message in add["messages"]
    )
    assert all(turn.text in told for turn in turns)


def test_errors_name_the_caller_and_nothing_that_was_said(
    load: Load, mem0: Mem0StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    module = load("post_call.handler")
    mem0.set_faults({"operation": "add", "status": 503})
    work(module, call())
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert errors
    assert all(record.user_id == CALLER for record in errors)  # type: ignore[attr-defined]
    assert "tomatoes" not in " ".join(str(vars(each)) for each in caplog.records)


def test_only_the_wanted_type_is_stored(load: Load, mem0: Mem0StandIn) -> None:
    assert work(load("post_call.handler", STORE_TYPES="semantic"), call()) == []
    assert [add["metadata"]["type"] for add in adds(mem0)] == ["semantic"]


def test_each_type_expires_as_it_is_set(load: Load, mem0: Mem0StandIn) -> None:
    module = load("post_call.handler", FACTUAL_RETENTION_DAYS="", SEMANTIC_RETENTION_DAYS="30")
    assert work(module, call()) == []
    expiry = {add["metadata"]["type"]: add.get("expiration_date") for add in adds(mem0)}
    assert expiry == {"factual": None, "semantic": "2026-04-02"}


def test_worker_has_the_secret_that_the_webhook_has_read(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container that knows the keys is not stopped by Secrets Manager, at whichever door it is asked."""
    module = load("post_call.handler")
    from post_call import worker  # noqa: PLC0415 - the module of this load
    from shared import aws as client  # noqa: PLC0415

    module.webhook.credentials.keys("ELEVENLABS_HMAC_KEY")
    real = client.call

    def no_secret(service: client.Service, action: str, parameters: dict[str, Any]) -> dict[str, Any]:
        assert service is not client.SECRETS_MANAGER
        return real(service, action, parameters)

    monkeypatch.setattr(client, "call", no_secret)
    assert worker.mem0._credentials is module.webhook.credentials
    assert work(module, call()) == []


@pytest.mark.parametrize(
    "wrong", [{"user_id": True}, {"call_start": "now"}, {"part": 1.5}, {"collected": []}, {"summary": None}]
)
def test_message_that_we_did_not_write_is_a_dead_letter(load: Load, aws: Aws, wrong: dict[str, Any]) -> None:
    body = json.dumps(call().to_json() | wrong)
    assert failed(load("post_call.handler").lambda_handler(sqs_event(body), None)) == []
    (letter,) = aws.received(aws.dead_letters_url)
    assert "no call record" in letter["MessageAttributes"]["reason"]["StringValue"]
