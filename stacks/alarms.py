"""The alarms. docs/operations.md has a section for each kind.

There is none for what recovers without a loss: a single retry, a stranger's 4xx, a slow minute.
"""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from stacks.alarm_topic import add_alarm_topic
from stacks.call_queue import CallQueue
from stacks.endpoint import Endpoint
from stacks.metrics import api_metric, custom_metric, throttled_metric
from stacks.settings import Settings

# Metrics of the functions of which one in five minutes is enough: function, kind of the alarm, metric, what
# happened. Only ElevenLabs knows the URLs, so a wrong key is most likely one that was changed on one side.
_ONE_IS_ENOUGH = (
    ("client-data", "key-failures", "WorkspaceKeyFailures", "Requests came with a wrong workspace key"),
    ("retrieve", "token-failures", "CallTokenFailures", "Requests came without the right call token"),
    (
        "post-call",
        "signature-failures",
        "SignatureFailures",
        "Webhooks came with a wrong signature; ElevenLabs does not deliver them again",
    ),
    (
        "post-call",
        "not-understood",
        "CallsNotUnderstood",
        "Signed webhooks were not understood; they wait in the dead-letter queue",
    ),
    (
        "post-call",
        "extractions-pending",
        "ExtractionsPending",
        "Mem0 has not finished remembering a call after 15 minutes",
    ),
    (
        "post-call",
        "conversation-conflicts",
        "ConversationConflicts",
        "A known conversation came again from another caller",
    ),
)
_MINUTE = cdk.Duration.minutes(1)
# Four of the worker's five tries lie within it, so what is older has a lasting cause.
_OLDEST_CALL_SECONDS = 15 * 60
# Nothing remembered in two whole periods: in one, the first calls of a day are accepted and not remembered
# yet. Three webhooks in each: one or two calls of which nothing is stored are ordinary (a voicemail, a
# withheld number).
_NOTHING_REMEMBERED_PERIOD = cdk.Duration.hours(3)
_NOTHING_REMEMBERED_PERIODS = 2
_NOTHING_REMEMBERED_WEBHOOKS = 3


class Alarms(Construct):
    """Every alarm of one stage, and the topic that they are sent to.

    Attributes:
        topic: where alarms are sent; the setting `alarm_email` subscribes to it.
        names: the alarms' names.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        endpoints: Mapping[str, Endpoint],
        queue: CallQueue,
    ) -> None:
        """Watch the `queue` and the `endpoints`: "client-data", "retrieve" and "post-call"."""
        super().__init__(scope, construct_id)
        self._prefix = f"agentic-memory-{settings.stage}"
        self.topic = add_alarm_topic(self, prefix=self._prefix)
        if settings.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(settings.alarm_email))
        else:
            cdk.Annotations.of(self).add_warning_v2(
                "agentic-memory:alarm-email",
                "No one is notified of alarms, because alarm_email is empty. Deploy with "
                "-c alarm_email=ADDRESS, or subscribe to the topic AlarmTopicArn yourself.",
            )
        self.names: list[str] = []
        self._watch_queue(queue)
        for endpoint in endpoints.values():
            self._watch_endpoint(endpoint)
        for name, kind, metric, happened in _ONE_IS_ENOUGH:
            self._alarm(
                kind, happened, custom_metric(endpoints[name].function, metric), endpoint=endpoints[name]
            )
        self._watch_remembering(endpoints["post-call"])
        if settings.retrieve_auth == "none":
            self._alarm(
                "unverified-callers",
                "Retrieve answered many different callers without a call token",
                custom_metric(endpoints["retrieve"].function, "UnverifiedCallers"),
                endpoint=endpoints["retrieve"],
                threshold=settings.unverified_callers_threshold,
            )

    def _watch_queue(self, queue: CallQueue) -> None:
        self._alarm(
            "dead-letters",
            "Calls could not be remembered and wait in the dead-letter queue",
            queue.dead_letters.metric_approximate_number_of_messages_visible(period=_MINUTE),
            # SQS stops reporting on a queue that is not used for hours, which is usual for dead letters.
            missing_data=cloudwatch.TreatMissingData.IGNORE,
        )
        self._alarm(
            "oldest-call",
            "A call has waited for more than 15 minutes to be remembered",
            queue.calls.metric_approximate_age_of_oldest_message(period=_MINUTE),
            threshold=_OLDEST_CALL_SECONDS,
        )

    def _watch_endpoint(self, endpoint: Endpoint) -> None:
        for kind, happened, metric in (
            ("5xx", "Requests were answered with 5xx", api_metric(endpoint.api, "5xx")),
            ("429", "Requests were refused because of the API's throttle", throttled_metric(endpoint.api)),
            (
                "errors",
                "Invocations ended without an answer: a crash or a timeout",
                endpoint.function.metric_errors(),
            ),
            (
                "throttles",
                "Invocations were refused because all instances were busy",
                endpoint.function.metric_throttles(),
            ),
            (
                "foreign-rows",
                "Mem0 returned memories of another user; they were dropped",
                custom_metric(endpoint.function, "ForeignRows"),
            ),
        ):
            self._alarm(kind, happened, metric, endpoint=endpoint)

    def _watch_remembering(self, post_call: Endpoint) -> None:
        accepted, remembered = (
            custom_metric(post_call.function, name, period=_NOTHING_REMEMBERED_PERIOD)
            for name in ("WebhooksAccepted", "CallsRemembered")
        )
        self._alarm(
            "nothing-remembered",
            "Webhooks were accepted for six hours, and no call was remembered",
            cloudwatch.MathExpression(
                expression="IF(FILL(remembered, 0) > 0, 0, FILL(accepted, 0))",
                using_metrics={"accepted": accepted, "remembered": remembered},
                label="webhooks accepted while nothing was remembered",
                period=_NOTHING_REMEMBERED_PERIOD,
            ),
            endpoint=post_call,
            threshold=_NOTHING_REMEMBERED_WEBHOOKS,
            periods=_NOTHING_REMEMBERED_PERIODS,
        )

    def _alarm(  # noqa: PLR0913 -- most are given by name
        self,
        kind: str,
        happened: str,
        metric: cloudwatch.IMetric,
        *,
        endpoint: Endpoint | None = None,
        threshold: int = 1,
        periods: int = 1,
        missing_data: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> None:
        """Raise an alarm when `metric` reaches the `threshold` in each of the last `periods`."""
        name = f"{endpoint.name}-{kind}" if endpoint else kind
        alarm = cloudwatch.Alarm(
            self,
            "".join(part.capitalize() for part in name.split("-")),
            alarm_name=f"{self._prefix}-{name}",
            alarm_description=f"{happened}. What to do: docs/operations.md, section {kind}.",
            metric=metric,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            threshold=threshold,
            evaluation_periods=periods,
            treat_missing_data=missing_data,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        self.names.append(f"{self._prefix}-{name}")
