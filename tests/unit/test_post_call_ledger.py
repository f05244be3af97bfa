"""The ledger of PostCall's worker: one worker at a time, and each conversation once."""

import time
from collections.abc import Mapping
from typing import Any

import pytest

from local.mem0.server import Mem0StandIn
from post_call import messages
from post_call.ledger import FORGOTTEN, BusyError, Ledger
from post_call.record import Turn
from shared import http_client
from shared.aws import AwsClient
from shared.environment import Environment
from tests.unit.conftest import Aws, Build, Variables
from tests.unit.post_call_support import (
    START,
    adds,
    call,
    failed,
    reasons,
    sqs_event,
    work,
    work_until_mem0_is_done,
)


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


def wait_until_claims_run_out(aws: Aws) -> None:
    deadline = time.monotonic() + 10
    while float(aws.ledger_item("conv_1")["claimed_until"]["N"]) > time.time():
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


def test_call_costs_five_writes_of_the_ledger(
    build: Build, mem0: Mem0StandIn, aws_calls: list[tuple[str, Mapping[str, Any]]]
) -> None:
    """Claim, a note, a release with the other; and when Mem0 is done, claim and close."""
    assert work_until_mem0_is_done(build("post_call"), mem0, call()) == []
    assert [action for action, _ in aws_calls].count("UpdateItem") == 5


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
    turns = tuple(Turn("user", f"Sentence {number} of a very long story.") for number in range(40))
    _, part, *_ = messages.of_call(call(turns=turns), most_bytes=1500)
    assert work(handler, part.body) == []
    assert work(handler, call("conv_1#2")) == []
    assert len(adds(mem0)) == 2
    assert aws.received(aws.dead_letters_url) == []


def test_call_whose_worker_died_each_time_goes_to_the_dead_letters_and_may_come_back(
    build: Build, mem0: Mem0StandIn, aws: Aws, variables: Variables
) -> None:
    handler = build("post_call", TRIES="2", CLAIM_SECONDS="1")
    ledger = make_ledger(variables)
    for _ in range(2):
        claim_as_soon_as_possible(ledger)
    wait_until_claims_run_out(aws)
    assert work(handler, call()) == []
    assert "died" in reasons(aws)[0]
    assert work_until_mem0_is_done(handler, mem0, call()) == []


@pytest.mark.parametrize(("until", "remembered"), [(START - 1, True), (START, False), (4e9, False)])
def test_call_from_before_its_caller_was_forgotten_leaves_nothing(
    build: Build, mem0: Mem0StandIn, aws: Aws, until: float, remembered: bool
) -> None:
    item = {"conversation_id": {"S": FORGOTTEN + CALLER_DIGEST}, "forgotten_until": {"N": str(until)}}
    aws.dynamodb.put_item(TableName="ledger", Item=item)
    assert work_until_mem0_is_done(build("post_call"), mem0, call()) == []
    assert len(adds(mem0)) == (2 if remembered else 0)
    assert "closed_at" in aws.ledger_item("conv_1")
