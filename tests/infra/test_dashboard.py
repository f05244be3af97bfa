"""Dashboard: it shows the alarms, the endpoints and the queue. test_metrics.py has the functions' metrics."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.infra.deployed import Deployed

FUNCTIONS = ("ClientData", "Retrieve", "PostCall")


@pytest.fixture(scope="module")
def widgets(deployed: Deployed) -> list[dict[str, Any]]:
    (page,) = deployed.all("CloudWatch::Dashboard")
    assert page.properties["DashboardName"] == "agentic-memory-prod"
    found: list[dict[str, Any]] = json.loads(page.properties["DashboardBody"])["widgets"]
    return found


def lines(widgets: list[dict[str, Any]]) -> Iterator[tuple[str, str, str, str]]:
    """The lines of all graphs: namespace, metric, what it is about, and statistic."""
    for widget in widgets:
        for metric in widget["properties"].get("metrics", []):
            namespace, name, _, about, options = metric
            yield namespace, name, about, options.get("stat", "Average")


def test_it_starts_with_all_alarms(deployed: Deployed, widgets: list[dict[str, Any]]) -> None:
    assert widgets[0]["type"] == "alarm"
    alarm = "arn:<AWS::Partition>:cloudwatch:<AWS::Region>:<AWS::AccountId>:alarm"
    names = {resource.properties["AlarmName"] for resource in deployed.all("CloudWatch::Alarm")}
    assert set(widgets[0]["properties"]["alarms"]) == {f"{alarm}:{name}" for name in names}


@pytest.mark.parametrize("owner", FUNCTIONS)
def test_every_endpoint_is_shown(widgets: list[dict[str, Any]], owner: str) -> None:
    shown = set(lines(widgets))
    api, function = f"<{owner}Api>", f"<{owner}Function>"
    assert {("AWS/ApiGateway", name, api, "Sum") for name in ("Count", "4xx", "5xx")} <= shown
    assert ("AgenticMemory", "ThrottledRequests", api, "Sum") in shown
    assert {("AWS/ApiGateway", "Latency", api, statistic) for statistic in ("p50", "p99")} <= shown
    assert {("AWS/Lambda", name, function, "Sum") for name in ("Errors", "Throttles")} <= shown
    assert ("AWS/Lambda", "ConcurrentExecutions", function, "Maximum") in shown
    assert {("AgenticMemory", "Mem0Latency", function, statistic) for statistic in ("p50", "p99")} <= shown


def test_queue_is_shown(widgets: list[dict[str, Any]]) -> None:
    calls, dead_letters = "<CallQueueCalls.QueueName>", "<CallQueueDeadLetters.QueueName>"
    assert {
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", calls, "Maximum"),
        ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible", calls, "Maximum"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", calls, "Maximum"),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", dead_letters, "Maximum"),
    } <= set(lines(widgets))


def test_widgets_fill_the_page_and_do_not_overlap(widgets: list[dict[str, Any]]) -> None:
    taken = [
        (column, row)
        for widget in widgets
        for column in range(widget["x"], widget["x"] + widget["width"])
        for row in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(taken) == len(set(taken))
    assert {column for column, _ in taken} == set(range(24))
    assert len(taken) == 24 * len({row for _, row in taken}), "no row has a gap"
