"""CallQueue and Ledger: no accepted call is lost, and each is remembered once."""

import pytest

from tests.infra.conftest import Synthesise
from tests.infra.deployed import Deployed

BOTH = pytest.mark.parametrize(
    ("queue", "name"), [("CallQueueCalls", "calls"), ("CallQueueDeadLetters", "dead-letters")]
)
# The default settings, and those that the queue and its worker feel most.
EDGES = pytest.mark.parametrize(
    "settings",
    [{}, {"reserved_concurrency": 3, "mem0_timeout_seconds": 20}, {"reserved_concurrency": 4}],
)
FOURTEEN_DAYS = 14 * 24 * 3600


@BOTH
def test_queue_keeps_order_per_caller_and_messages_as_long_as_it_can(
    deployed: Deployed, queue: str, name: str
) -> None:
    properties = deployed.named(queue).properties
    assert properties["QueueName"] == f"agentic-memory-prod-{name}.fifo"
    assert properties["FifoQueue"] is True
    assert properties["ContentBasedDeduplication"] is False
    assert properties["DeduplicationScope"] == "messageGroup"
    assert properties["FifoThroughputLimit"] == "perMessageGroupId"
    assert properties["MessageRetentionPeriod"] == FOURTEEN_DAYS


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


def test_a_call_that_fails_five_times_becomes_a_dead_letter(deployed: Deployed) -> None:
    assert deployed.named("CallQueueCalls").properties["RedrivePolicy"] == {
        "deadLetterTargetArn": "<CallQueueDeadLetters.Arn>",
        "maxReceiveCount": 5,
    }
    assert "RedrivePolicy" not in deployed.named("CallQueueDeadLetters").properties


def test_worker_counts_tries_as_the_queue_does(deployed: Deployed) -> None:
    """Else the queue would move a call away without its reason, or the worker would never give one up."""
    told = deployed.of("PostCall", "Lambda::Function").properties["Environment"]["Variables"]["TRIES"]
    assert told == str(deployed.named("CallQueueCalls").properties["RedrivePolicy"]["maxReceiveCount"])


@EDGES
def test_a_call_stays_hidden_for_six_times_the_timeout_of_its_worker(
    synthesise: Synthesise, settings: dict[str, int]
) -> None:
    given = synthesise(**settings)
    timeout = given.of("PostCall", "Lambda::Function").properties["Timeout"]
    assert given.named("CallQueueCalls").properties["VisibilityTimeout"] == 6 * timeout


def test_post_call_works_the_queue_off_one_call_at_a_time(deployed: Deployed) -> None:
    sources = deployed.all("Lambda::EventSourceMapping")
    assert [each.properties for each in sources] == [
        {
            "EventSourceArn": "<CallQueueCalls.Arn>",
            "FunctionName": "<PostCallFunction>",
            "BatchSize": 1,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": {"MaximumConcurrency": 5},
        }
    ]


@EDGES
def test_the_worker_leaves_instances_for_new_calls(synthesise: Synthesise, settings: dict[str, int]) -> None:
    given = synthesise(**settings)
    used = given.all("Lambda::EventSourceMapping")[0].properties["ScalingConfig"]["MaximumConcurrency"]
    assert 2 <= used < given.of("PostCall", "Lambda::Function").properties["ReservedConcurrentExecutions"]


def test_ledger_is_paid_by_use_encrypted_and_recoverable(deployed: Deployed) -> None:
    ledger = deployed.named("LedgerTable")
    assert ledger.properties == {
        "KeySchema": [{"AttributeName": "conversation_id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "conversation_id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "SSESpecification": {"SSEEnabled": True},
        "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
    }
    assert ledger.deletion == "Delete"
