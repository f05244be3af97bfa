"""Dashboard: it is valid, and shows the endpoints, the queue and Mem0."""

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
    """Each line of each graph: namespace, metric, what it is about, and statistic."""
    for widget in widgets:
        for metric in widget["properties"].get("metrics", []):
            namespace, name, _, about, options = metric
            yield namespace, name, about, options.get("stat", "Average")


def test_it_starts_with_all_alarms(deployed: Deployed, widgets: list[dict[str, Any]]) -> None:
    assert widgets[0]["type"] == "alarm"
    alarm = "arn:<AWS::Partition>:cloudwatch:<AWS::Region>:<AWS::AccountId>:alarm"
    names = [each.properties["AlarmName"] for each in deployed.all("CloudWatch::Alarm")]
    assert sorted(widgets[0]["properties"]["alarms"]) == sorted(f"{alarm}:{name}" for name in names)


@pytest.mark.parametrize("owner", FUNCTIONS)
def test_each_endpoint_is_shown(widgets: list[dict[str, Any]], owner: str) -> None:
    shown = set(lines(widgets))
    api, function = f"<{owner}Api>", f"<{owner}Function>"
    assert {("AWS/ApiGateway", name, api, "Sum") for name in ("Count", "4xx", "5xx")} <= shown
    assert {("AWS/ApiGateway", "Latency", api, each) for each in ("p50", "p99")} <= shown
    assert {("AWS/Lambda", name, function, "Sum") for name in ("Errors", "Throttles")} <= shown
    assert ("AWS/Lambda", "ConcurrentExecutions", function, "Maximum") in shown


@pytest.mark.parametrize("owner", FUNCTIONS)
def test_mem0_is_shown_as_each_function_sees_it(widgets: list[dict[str, Any]], owner: str) -> None:
    shown = set(lines(widgets))
    function = f"<{owner}Function>"
    assert {("AgenticMemory", "Mem0Latency", function, each) for each in ("p50", "p99")} <= shown
    assert ("AgenticMemory", "Mem0Errors", function, "Sum") in shown
    assert ("AgenticMemory", "ForeignRows", function, "Sum") in shown


def test_queue_is_shown(widgets: list[dict[str, Any]]) -> None:
    calls, dead = "<CallQueueCalls.QueueName>", "<CallQueueDeadLetters.QueueName>"
    assert {
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", calls, "Maximum"),
        ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible", calls, "Maximum"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", calls, "Maximum"),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", dead, "Maximum"),
        ("AgenticMemory", "CallsRemembered", "<PostCallFunction>", "Sum"),
        ("AgenticMemory", "CallsBuried", "<PostCallFunction>", "Sum"),
    } <= set(lines(widgets))


def test_who_was_turned_away_is_shown(widgets: list[dict[str, Any]]) -> None:
    assert {
        ("AgenticMemory", "WorkspaceKeyFailures", "<ClientDataFunction>", "Sum"),
        ("AgenticMemory", "CallTokenFailures", "<RetrieveFunction>", "Sum"),
        ("AgenticMemory", "SignatureFailures", "<PostCallFunction>", "Sum"),
    } <= set(lines(widgets))


def test_widgets_fill_the_page_and_do_not_overlap(widgets: list[dict[str, Any]]) -> None:
    taken = [
        (column, row)
        for each in widgets
        for column in range(each["x"], each["x"] + each["width"])
        for row in range(each["y"], each["y"] + each["height"])
    ]
    assert len(taken) == len(set(taken))
    assert {column for column, _ in taken} == set(range(24))
    assert len(taken) == 24 * len({row for _, row in taken}), "no row has a gap"
