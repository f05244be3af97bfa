"""PostCall as the worker: each call remembered once, when Mem0 says so, and nothing lost on the way."""

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from local.mem0.server import Mem0StandIn
from post_call import messages
from post_call.record import Turn
from tests.unit.conftest import Aws, Build
from tests.unit.post_call_support import (
    CALLER,
    START,
    adds,
    call,
    delays,
    reasons,
    types_added,
    work,
    work_until_mem0_is_done,
)

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
