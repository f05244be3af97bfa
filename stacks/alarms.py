"""The alarms: each is one thing that a person should look at, and one topic tells that person.

docs/operations.md has a section for each kind. It refuses to raise an alarm for what mends itself
without a loss: a single retry, a 4xx of a stranger, a slow minute.
"""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from stacks import metrics
from stacks.call_queue import CallQueue
from stacks.endpoint import Endpoint
from stacks.settings import Settings

# Four of the worker's five tries lie within it, so what is older has a lasting cause.
OLDEST_CALL = cdk.Duration.minutes(15)
# Nobody asked, nothing was counted: all is well.
_SILENCE_IS_WELL = cloudwatch.TreatMissingData.NOT_BREACHING
# SQS stops reporting on a queue that nobody has touched for hours, which is what dead letters do: the alarm
# then stays what it was.
_SILENCE_CHANGES_NOTHING = cloudwatch.TreatMissingData.IGNORE


class Alarms(Construct):
    """Every alarm of one stage, and the topic that they are sent to.

    Attributes:
        topic: where alarms are sent; `alarm_email` of the settings subscribes to it.
        names: the alarms' names.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        endpoints: Sequence[Endpoint],
        queue: CallQueue,
    ) -> None:
        """Watch the `endpoints`, of which one is "client-data" and one "post-call", and the `queue`."""
        super().__init__(scope, construct_id)
        self._prefix = f"agentic-memory-{settings.stage}"
        self.topic = self._encrypted_topic()
        if settings.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(settings.alarm_email))
        self.names: list[str] = []
        self._watch_queue(queue)
        for endpoint in endpoints:
            self._watch_endpoint(endpoint)
        by_name = {endpoint.name: endpoint for endpoint in endpoints}
        self._watch_keys(by_name["client-data"], by_name["post-call"])

    def _watch_queue(self, queue: CallQueue) -> None:
        self._alarm(
            "dead-letters",
            "Calls could not be remembered and wait in the dead-letter queue",
            metrics.of_queue(queue.dead_letters, "ApproximateNumberOfMessagesVisible"),
            silence=_SILENCE_CHANGES_NOTHING,
        )
        self._alarm(
            "oldest-call",
            "A call has waited for more than 15 minutes to be remembered",
            metrics.of_queue(queue.calls, "ApproximateAgeOfOldestMessage"),
            threshold=int(OLDEST_CALL.to_seconds()),
        )

    def _watch_endpoint(self, endpoint: Endpoint) -> None:
        self._alarm("5xx", "Requests were answered with 5xx", metrics.of_api(endpoint, "5xx"), of=endpoint)
        self._alarm(
            "errors",
            "Invocations ended without an answer: a crash or a timeout",
            metrics.of_function(endpoint, "Errors"),
            of=endpoint,
        )
        self._alarm(
            "throttles",
            "Invocations were refused because all instances were busy",
            metrics.of_function(endpoint, "Throttles"),
            of=endpoint,
        )
        self._alarm(
            "foreign-rows",
            "Mem0 returned memories of another user; they were dropped",
            metrics.of_ours(endpoint, "ForeignRows"),
            of=endpoint,
        )

    def _watch_keys(self, client_data: Endpoint, post_call: Endpoint) -> None:
        # One is enough. The URLs are known to ElevenLabs alone, so a wrong key is most likely one that was
        # changed on one side only; and a webhook that was answered with 401 is never delivered again.
        self._alarm(
            "key-failures",
            "Requests came with a wrong workspace key",
            metrics.of_ours(client_data, "WorkspaceKeyFailures"),
            of=client_data,
        )
        self._alarm(
            "signature-failures",
            "Webhooks came with a wrong signature; ElevenLabs does not deliver them again",
            metrics.of_ours(post_call, "SignatureFailures"),
            of=post_call,
        )

    def _alarm(  # noqa: PLR0913 -- most are given by name
        self,
        kind: str,
        happened: str,
        metric: cloudwatch.Metric,
        *,
        of: Endpoint | None = None,
        threshold: int = 1,
        silence: cloudwatch.TreatMissingData = _SILENCE_IS_WELL,
    ) -> None:
        """Raise an alarm as soon as one period of `metric` reaches the `threshold`."""
        name = f"{of.name}-{kind}" if of else kind
        alarm = cloudwatch.Alarm(
            self,
            "".join(part.capitalize() for part in name.split("-")),
            alarm_name=f"{self._prefix}-{name}",
            alarm_description=f"{happened}. What to do: docs/operations.md, section {kind}.",
            metric=metric,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            threshold=threshold,
            evaluation_periods=1,
            treat_missing_data=silence,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        self.names.append(f"{self._prefix}-{name}")

    def _encrypted_topic(self) -> sns.Topic:
        """A topic to which only this stage's alarms may publish, over TLS.

        It needs a key of its own: AWS's key for SNS does not let CloudWatch in.
        https://repost.aws/knowledge-center/cloudwatch-configure-alarm-sns
        """
        key = kms.Key(
            self,
            "Key",
            description=f"Encrypts the alarms of {self._prefix}",
            enable_key_rotation=True,
            # Nothing that it encrypted outlives a delivery.
            removal_policy=cdk.RemovalPolicy.DESTROY,
            pending_window=cdk.Duration.days(7),
        )
        cloudwatch_itself = iam.ServicePrincipal("cloudwatch.amazonaws.com")
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="EncryptAlarms",
                principals=[cloudwatch_itself],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],  # in a key's policy: this key
            )
        )
        topic = sns.Topic(
            self, "Topic", topic_name=f"{self._prefix}-alarms", master_key=key, enforce_ssl=True
        )
        stack = cdk.Stack.of(self)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="PublishAlarms",
                principals=[cloudwatch_itself],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {
                        "aws:SourceArn": stack.format_arn(
                            service="cloudwatch",
                            resource="alarm",
                            resource_name=f"{self._prefix}-*",
                            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
                        )
                    },
                },
            )
        )
        return topic
