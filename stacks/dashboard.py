"""The dashboard: one page that answers, from top to bottom, what is wrong and since when.

Alarms, then the three endpoints side by side, then the queue, then Mem0, then who was turned away. It refuses
to show what nobody acts on.
"""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks import metrics
from stacks.alarms import Alarms
from stacks.call_queue import CallQueue
from stacks.endpoint import Endpoint
from stacks.settings import Settings

_WIDTH = 24  # columns of a CloudWatch dashboard
_HEIGHT = 6


class Dashboard(Construct):
    """The dashboard `agentic-memory-{stage}`."""

    def __init__(  # noqa: PLR0913 -- the properties of a construct, each given by name
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        endpoints: Sequence[Endpoint],
        queue: CallQueue,
        alarms: Alarms,
    ) -> None:
        """Show the `endpoints`, the `queue` and the `alarms`."""
        super().__init__(scope, construct_id)
        # By name: CloudFormation then makes the page and the alarms side by side.
        shown = [cloudwatch.Alarm.from_alarm_name(self, each, each) for each in alarms.names]
        cloudwatch.Dashboard(
            self,
            "Page",
            dashboard_name=f"agentic-memory-{settings.stage}",
            default_interval=cdk.Duration.hours(12),
            widgets=[
                [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=shown, width=_WIDTH, height=4)],
                [_requests(endpoint, _WIDTH // len(endpoints)) for endpoint in endpoints],
                [_waiting(endpoint, _WIDTH // len(endpoints)) for endpoint in endpoints],
                _functions(endpoints),
                _calls(queue, endpoints),
                _mem0(endpoints),
                [_turned_away(endpoints)],
            ],
        )


def _graph(
    title: str,
    left: Sequence[cloudwatch.IMetric],
    width: int,
    *,
    right: Sequence[cloudwatch.IMetric] = (),
    unit: str | None = None,
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=list(left),
        right=list(right),
        width=width,
        height=_HEIGHT,
        left_y_axis=cloudwatch.YAxisProps(min=0, label=unit, show_units=unit is None),
    )


def _requests(endpoint: Endpoint, width: int) -> cloudwatch.GraphWidget:
    counted = [metrics.of_api(endpoint, name, label=name) for name in ("Count", "4xx", "5xx")]
    return _graph(f"{endpoint.name}: requests", counted, width)


def _waiting(endpoint: Endpoint, width: int) -> cloudwatch.GraphWidget:
    """What the other side waited for: API Gateway, cold start and function together."""
    waited = [metrics.of_api(endpoint, "Latency", statistic=each, label=each) for each in ("p50", "p99")]
    return _graph(f"{endpoint.name}: latency", waited, width, unit="ms")


def _functions(endpoints: Sequence[Endpoint]) -> list[cloudwatch.IWidget]:
    shown = (
        ("Errors of functions", "Errors", "Sum"),
        ("Throttles", "Throttles", "Sum"),
        ("Instances at once", "ConcurrentExecutions", "Maximum"),
    )
    return [
        _graph(
            title,
            [metrics.of_function(each, name, statistic=statistic, label=each.name) for each in endpoints],
            _WIDTH // len(shown),
        )
        for title, name, statistic in shown
    ]


def _calls(queue: CallQueue, endpoints: Sequence[Endpoint]) -> list[cloudwatch.IWidget]:
    (post_call,) = (each for each in endpoints if each.name == "post-call")
    waiting = [
        metrics.of_queue(queue.calls, "ApproximateNumberOfMessagesVisible", label="waiting"),
        metrics.of_queue(queue.calls, "ApproximateNumberOfMessagesNotVisible", label="in hand or put off"),
        metrics.of_queue(queue.dead_letters, "ApproximateNumberOfMessagesVisible", label="dead letters"),
    ]
    oldest = metrics.of_queue(queue.calls, "ApproximateAgeOfOldestMessage", label="oldest call")
    outcome = [
        metrics.of_ours(post_call, "CallsRemembered", label="remembered"),
        metrics.of_ours(post_call, "CallsBuried", label="given up"),
    ]
    return [
        _graph("Queue: calls", waiting, _WIDTH // 3),
        _graph("Queue: age of the oldest call", [oldest], _WIDTH // 3, unit="s"),
        _graph("Calls remembered and given up", outcome, _WIDTH // 3),
    ]


def _mem0(endpoints: Sequence[Endpoint]) -> list[cloudwatch.IWidget]:
    latency = [
        metrics.of_ours(each, "Mem0Latency", statistic=statistic, label=f"{each.name} {statistic}")
        for each in endpoints
        for statistic in ("p50", "p99")
    ]
    errors = [metrics.of_ours(each, "Mem0Errors", label=each.name) for each in endpoints]
    return [
        _graph("Mem0: latency", latency, _WIDTH // 2, unit="ms"),
        _graph("Mem0: errors", errors, _WIDTH // 2),
    ]


def _turned_away(endpoints: Sequence[Endpoint]) -> cloudwatch.GraphWidget:
    by_name = {each.name: each for each in endpoints}
    refused = [
        metrics.of_ours(by_name["client-data"], "WorkspaceKeyFailures", label="wrong workspace key"),
        metrics.of_ours(by_name["retrieve"], "CallTokenFailures", label="wrong call token"),
        metrics.of_ours(by_name["post-call"], "SignatureFailures", label="wrong signature"),
    ]
    foreign = [
        metrics.of_ours(each, "ForeignRows", label=f"foreign rows to {each.name}") for each in endpoints
    ]
    return _graph("Turned away", [*refused, *foreign], _WIDTH)
