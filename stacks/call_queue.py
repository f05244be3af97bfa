"""The durable way of a call from the webhook to Mem0: a queue, its dead letters and the ledger.

A call is safe once it stands in the queue, so nothing here may lose one. It refuses unencrypted connections.
"""

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.endpoint import Endpoint

# The longest that SQS keeps a message.
KEEP = cdk.Duration.days(14)
# Deliveries of a message before it is moved to the dead letters. The worker counts along, so that the last
# failure moves it there with its reason; the queue does it where the worker never came to an end.
TRIES = 5
# Calls that one invocation of the worker takes. One, so that its time limit is a matter of one call, and a
# call that fails is counted against nobody else.
BATCH = 1


class CallQueue(Construct):
    """The FIFO queue of calls to remember, with its dead-letter queue.

    Both outlive the stack, because ElevenLabs will not send again what it was told is safe. They bear fixed
    names, so that a stack that is made anew takes them up with what they hold (`npx cdk deploy
    --import-existing-resources`). Only a first deployment that fails takes them away again, or the next
    attempt would find them in its way.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, stage: str, worker_timeout: cdk.Duration
    ) -> None:
        """Make the queues of `stage`; `worker_timeout` is that of the function that will work them off."""
        super().__init__(scope, construct_id)
        self.dead_letters = _fifo(self, "DeadLetters", name=f"agentic-memory-{stage}-dead-letters.fifo")
        self.calls = _fifo(
            self,
            "Calls",
            name=f"agentic-memory-{stage}-calls.fifo",
            # Lambda asks for six times the function's timeout, so that a throttled batch is not delivered
            # twice.
            visibility_timeout=cdk.Duration.seconds(6 * int(worker_timeout.to_seconds())),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=TRIES),
        )

    def feed(self, endpoint: Endpoint, *, max_concurrency: int) -> None:
        """Let `endpoint` queue calls and work them off, with at most `max_concurrency` instances."""
        endpoint.allow("QueueCalls", ["sqs:SendMessage"], self.calls.queue_arn)
        endpoint.allow("GiveUpCalls", ["sqs:SendMessage"], self.dead_letters.queue_arn)
        endpoint.allow(
            "WorkOffCalls",
            [
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ReceiveMessage",
            ],
            self.calls.queue_arn,
        )
        endpoint.set_environment(
            CALL_QUEUE_URL=self.calls.queue_url,
            DEAD_LETTER_QUEUE_URL=self.dead_letters.queue_url,
            TRIES=str(TRIES),
        )
        endpoint.function.add_event_source_mapping(
            "Calls",
            event_source_arn=self.calls.queue_arn,
            batch_size=BATCH,
            max_concurrency=max_concurrency,
            report_batch_item_failures=True,
        )


def _fifo(
    scope: Construct,
    construct_id: str,
    *,
    name: str,
    visibility_timeout: cdk.Duration | None = None,
    dead_letter_queue: sqs.DeadLetterQueue | None = None,
) -> sqs.Queue:
    """A FIFO queue that is ordered and limited per caller (the message group), not as a whole."""
    return sqs.Queue(
        scope,
        construct_id,
        queue_name=name,
        fifo=True,
        # The same conversation may come in two spellings: the code says what is the same.
        content_based_deduplication=False,
        deduplication_scope=sqs.DeduplicationScope.MESSAGE_GROUP,
        fifo_throughput_limit=sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
        retention_period=KEEP,
        visibility_timeout=visibility_timeout,
        dead_letter_queue=dead_letter_queue,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    )


class Ledger(Construct):
    """The table that notes which conversation has been remembered, so that it is remembered once.

    It goes with the stack: it holds conversation ids that expire by themselves, no memories and no words, and
    DynamoDB keeps a backup of a deleted table for 35 days where point-in-time recovery is on.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        """Make the table."""
        super().__init__(scope, construct_id)
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="conversation_id", type=dynamodb.AttributeType.STRING),
            time_to_live_attribute="expires_at",
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )

    def open_to(self, endpoint: Endpoint) -> None:
        """Let `endpoint` read and write entries; it deletes none, they expire."""
        endpoint.allow(
            "KeepLedger",
            ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
            self.table.table_arn,
        )
        endpoint.set_environment(LEDGER_TABLE=self.table.table_name)
