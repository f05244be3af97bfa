"""CallQueue: no accepted call is lost, and the worker leaves instances for new calls."""

import pytest

from stacks.settings import Settings
from tests.infra.conftest import Synthesise
from tests.infra.deployed import Deployed

BOTH = pytest.mark.parametrize(
    ("queue", "name"), [("CallQueueCalls", "calls"), ("CallQueueDeadLetters", "dead-letters")]
)
FOURTEEN_DAYS = 14 * 24 * 3600


@BOTH
def test_queue_is_ordered_by_caller_and_keeps_large_messages_as_long_as_it_can(
    deployed: Deployed, queue: str, name: str
) -> None:
    properties = deployed.named(queue).properties
    assert properties["QueueName"] == f"agentic-memory-prod-{name}.fifo"
    assert properties["FifoQueue"] is True
    assert properties["ContentBasedDeduplication"] is False
    assert properties["DeduplicationScope"] == "messageGroup"
    assert properties["FifoThroughputLimit"] == "perMessageGroupId"
    assert properties["MessageRetentionPeriod"] == FOURTEEN_DAYS
    assert properties["MaximumMessageSize"] == 1024 * 1024


@BOTH
def test_queue_outlives_the_stack_but_not_a_failed_first_deployment(
    deployed: Deployed, queue: str, name: str
) -> None:
    assert deployed.named(queue).properties["QueueName"].endswith(f"{name}.fifo")
    assert deployed.named(queue).deletion == "RetainExceptOnCreate"


@BOTH
def test_queue_is_encrypted_at_rest_and_refuses_connections_without_tls(
    deployed: Deployed, queue: str, name: str
) -> None:
    assert deployed.named(queue).properties["QueueName"].endswith(f"{name}.fifo")
    assert deployed.named(queue).properties["SqsManagedSseEnabled"] is True
    policy = deployed.named(f"{queue}Policy").properties
    assert policy["Queues"] == [f"<{queue}>"]
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": "sqs:*",
            "Resource": f"<{queue}.Arn>",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]


def test_message_that_no_worker_ever_deals_with_becomes_a_dead_letter(deployed: Deployed) -> None:
    assert deployed.named("CallQueueCalls").properties["RedrivePolicy"] == {
        "deadLetterTargetArn": "<CallQueueDeadLetters.Arn>",
        "maxReceiveCount": 50,
    }
    assert "RedrivePolicy" not in deployed.named("CallQueueDeadLetters").properties


def test_queue_leaves_the_worker_time_to_give_a_call_up_with_its_reason(deployed: Deployed) -> None:
    """The worker gives up after 5 failures, and after 40 deliveries that never got as far as the ledger."""
    tries = deployed.of("PostCall", "Lambda::Function").properties["Environment"]["Variables"]["TRIES"]
    assert tries == "5"
    assert deployed.named("CallQueueCalls").properties["RedrivePolicy"]["maxReceiveCount"] > 40


@pytest.mark.parametrize("settings", [{}, {"mem0_timeout_seconds": 20}])
def test_call_stays_hidden_for_six_times_the_timeout_of_its_worker(
    synthesise: Synthesise, settings: dict[str, int]
) -> None:
    given = synthesise(**settings)
    timeout = given.of("PostCall", "Lambda::Function").properties["Timeout"]
    assert given.named("CallQueueCalls").properties["VisibilityTimeout"] == 6 * timeout


@pytest.mark.parametrize(("reservation", "concurrency"), [("3", 2), (10, 5), (None, 5)])
def test_worker_takes_one_call_at_a_time_in_half_of_the_reserved_instances(
    synthesise: Synthesise, reservation: object, concurrency: int
) -> None:
    given = synthesise(reserved_concurrency=reservation)
    assert [source.properties for source in given.all("Lambda::EventSourceMapping")] == [
        {
            "EventSourceArn": "<CallQueueCalls.Arn>",
            "FunctionName": "<PostCallFunction>",
            "BatchSize": 1,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": {"MaximumConcurrency": concurrency},
        }
    ]


def test_worker_never_takes_the_last_instances_of_the_webhook() -> None:
    """For every reservation that the settings allow: at least half is left for webhooks, and one of three."""
    for reservation in range(3, 1001):
        worker = Settings.from_context({"reserved_concurrency": reservation}).worker_concurrency
        assert 2 <= worker <= 1000, "what Lambda takes as the maximum concurrency of an event source"
        assert reservation - worker >= (reservation // 2 if reservation > 3 else 1)


def test_worker_without_a_reservation_takes_half_of_the_smallest_quota_of_an_account() -> None:
    assert Settings.from_context({"reserved_concurrency": None}).worker_concurrency == 10 // 2
