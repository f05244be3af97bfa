"""The dashboard: alarms, the three endpoints side by side, functions, calls, Mem0, and what was refused."""

from collections.abc import Iterable, Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.alarms import Alarms
from stacks.call_queue import CallQueue
from stacks.endpoint import Endpoint
from stacks.metrics import api_metric, custom_metric, throttled_metric
from stacks.settings import Settings

_WIDTH = 24  # columns of a CloudWatch dashboard
_THIRD = _WIDTH // 3
_HEIGHT = 6


class Dashboard(Construct):
    """The dashboard `agentic-memory-{stage}`."""

    def __init__(  # noqa: PLR0913 -- the properties of a construct, each given by name
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        endpoints: Mapping[str, Endpoint],
        queue: CallQueue,
        alarms: Alarms,
    ) -> None:
        """Show the `queue`, the `alarms` and the `endpoints`: "client-data", "retrieve" and "post-call"."""
        super().__init__(scope, construct_id)
        three = list(endpoints.values())
        # By name, so that CloudFormation makes the dashboard and the alarms side by side.
        shown = [cloudwatch.Alarm.from_alarm_name(self, name, name) for name in alarms.names]
        cloudwatch.Dashboard(
            self,
            "Page",
            dashboard_name=f"agentic-memory-{settings.stage}",
            default_interval=cdk.Duration.hours(12),
            widgets=[
                [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=shown, width=_WIDTH, height=6)],
                [_requests(endpoint) for endpoint in three],
                [_latency(endpoint) for endpoint in three],
                _functions(three),
                _calls(queue, endpoints["post-call"]),
                _mem0(three),
                [_refused(endpoints)],
            ],
        )


def _graph(
    title: str, metrics: Iterable[cloudwatch.IMetric], *, width: int = _THIRD, unit: str | None = None
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=list(metrics),
        width=width,
        height=_HEIGHT,
        left_y_axis=cloudwatch.YAxisProps(min=0, label=unit, show_units=unit is None),
    )


def _requests(endpoint: Endpoint) -> cloudwatch.GraphWidget:
    counts = [api_metric(endpoint.api, name, label=name) for name in ("Count", "4xx", "5xx")]
    return _graph(f"{endpoint.name}: requests", [*counts, throttled_metric(endpoint.api, label="429")])


def _latency(endpoint: Endpoint) -> cloudwatch.GraphWidget:
    """What the other side waited for: API Gateway, cold start and function together."""
    latency = [api_metric(endpoint.api, "Latency", statistic=stat, label=stat) for stat in ("p50", "p99")]
    return _graph(f"{endpoint.name}: latency", latency, unit="ms")


def _functions(endpoints: Sequence[Endpoint]) -> list[cloudwatch.IWidget]:
    return [
        _graph(
            title,
            [
                endpoint.function.metric(name, statistic=statistic, label=endpoint.name)
                for endpoint in endpoints
            ],
        )
        for title, name, statistic in (
            ("Errors of functions", "Errors", "Sum"),
            ("Throttles", "Throttles", "Sum"),
            ("Instances at once", "ConcurrentExecutions", "Maximum"),
        )
    ]


def _calls(queue: CallQueue, post_call: Endpoint) -> list[cloudwatch.IWidget]:
    minute = cdk.Duration.minutes(1)
    waiting = [
        queue.calls.metric_approximate_number_of_messages_visible(label="waiting", period=minute),
        queue.calls.metric_approximate_number_of_messages_not_visible(
            label="in progress or delayed", period=minute
        ),
        queue.dead_letters.metric_approximate_number_of_messages_visible(label="dead letters", period=minute),
    ]
    oldest = queue.calls.metric_approximate_age_of_oldest_message(label="oldest call", period=minute)
    outcomes = {
        "WebhooksAccepted": "webhooks accepted",
        "CallsRemembered": "remembered",
        "CallsDeadLettered": "dead-lettered",
        "CallsNotUnderstood": "not understood",
        "CallsUnanswered": "left out: unanswered",
        "CallsAnonymous": "left out: anonymous",
        "CallsWithoutConsent": "left out: no consent",
        "ExtractionsPending": "still pending in Mem0",
        "ConversationConflicts": "conversation conflicts",
    }
    return [
        _graph("Queue: calls", waiting),
        _graph("Queue: age of the oldest call", [oldest], unit="s"),
        _graph(
            "Calls",
            [custom_metric(post_call.function, name, label=label) for name, label in outcomes.items()],
        ),
    ]


def _mem0(endpoints: Sequence[Endpoint]) -> list[cloudwatch.IWidget]:
    latency = [
        custom_metric(
            endpoint.function, "Mem0Latency", statistic=statistic, label=f"{endpoint.name} {statistic}"
        )
        for endpoint in endpoints
        for statistic in ("p50", "p99")
    ]
    errors = [custom_metric(endpoint.function, "Mem0Errors", label=endpoint.name) for endpoint in endpoints]
    return [
        _graph("Mem0: latency", latency, width=_WIDTH // 2, unit="ms"),
        _graph("Mem0: errors", errors, width=_WIDTH // 2),
    ]


def _refused(endpoints: Mapping[str, Endpoint]) -> cloudwatch.GraphWidget:
    refused = [
        custom_metric(endpoints[name].function, metric, label=label)
        for name, metric, label in (
            ("client-data", "WorkspaceKeyFailures", "wrong workspace key"),
            ("retrieve", "CallTokenFailures", "wrong call token"),
            ("retrieve", "UnverifiedCallers", "callers without a call token"),
            ("post-call", "SignatureFailures", "wrong signature"),
        )
    ]
    foreign_rows = [
        custom_metric(endpoint.function, "ForeignRows", label=f"foreign rows to {endpoint.name}")
        for endpoint in endpoints.values()
    ]
    return _graph("Refused and unverified", [*refused, *foreign_rows], width=_WIDTH)
