"""The queue of calls that wait to be remembered, and its dead-letter queue."""

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

# The longest that SQS keeps a message.
RETENTION = cdk.Duration.days(14)
# The most that SQS takes: a call is split only if it does not fit (lambdas/post_call/messages.py).
MESSAGE_BYTES = 1024 * 1024
# Failures of a call before the worker moves it to the dead-letter queue, with the reason. The ledger counts
# them: a call is also delivered again while Mem0 still works on it.
TRIES = 5
# Deliveries after which the queue moves a message by itself: only where the worker never got as far as that.
MAX_RECEIVES = 50
# Calls for each invocation of the worker: one, so that its timeout covers one call, and a call that fails
# uses up no other call's tries.
BATCH = 1


class CallQueue(Construct):
    """The FIFO queue of calls to remember, with its dead-letter queue.

    Both outlive the stack, because ElevenLabs does not send again what was answered with 200. They have
    fixed names, so that a new deployment adopts them with what they hold (`npx cdk deploy
    --import-existing-resources`). Only a first deployment that fails removes them, or the next attempt would
    find the names taken.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, stage: str, worker_timeout: cdk.Duration
    ) -> None:
        """Make the queues of `stage`; `worker_timeout` is that of the function that consumes them."""
        super().__init__(scope, construct_id)
        self.dead_letters = _fifo(self, "DeadLetters", name=f"agentic-memory-{stage}-dead-letters.fifo")
        self.calls = _fifo(
            self,
            "Calls",
            name=f"agentic-memory-{stage}-calls.fifo",
            # AWS recommends six times the function's timeout, so that a throttled batch is not delivered
            # twice.
            visibility_timeout=cdk.Duration.seconds(6 * int(worker_timeout.to_seconds())),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=MAX_RECEIVES),
        )

    def add_worker(self, function: lambda_.Function, *, max_concurrency: int) -> None:
        """Deliver calls to `function`, in at most `max_concurrency` instances at once.

        Not an SqsEventSource: it would also grant sqs:GetQueueUrl.
        """
        function.add_event_source_mapping(
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
        # The same conversation may come as different JSON: the code says what is the same.
        content_based_deduplication=False,
        deduplication_scope=sqs.DeduplicationScope.MESSAGE_GROUP,
        fifo_throughput_limit=sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
        max_message_size_bytes=MESSAGE_BYTES,
        retention_period=RETENTION,
        visibility_timeout=visibility_timeout,
        dead_letter_queue=dead_letter_queue,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    )
