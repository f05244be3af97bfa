"""Metrics: alarms and dashboard name those that the functions write. A misspelled name would never ring."""

import json

import pytest

from stacks.metrics import NAMESPACE
from tests.infra.deployed import Deployed

# What each function writes, in the namespace AgenticMemory with the dimension FunctionName.
EVERY_FUNCTION = {"Mem0Latency", "Mem0Errors", "ForeignRows"}
WRITTEN = {
    "ClientData": EVERY_FUNCTION | {"WorkspaceKeyFailures"},
    "Retrieve": EVERY_FUNCTION | {"CallTokenFailures", "UnverifiedCallers"},
    "PostCall": EVERY_FUNCTION
    | {"SignatureFailures", "WebhooksAccepted", "CallsNotUnderstood", "CallsRemembered", "CallsDeadLettered"}
    | {"ExtractionsPending", "ConversationConflicts"}
    | {"CallsUnanswered", "CallsAnonymous", "CallsWithoutConsent"},
}


@pytest.mark.parametrize("owner", WRITTEN)
def test_dashboard_shows_every_metric_of_the_function_and_no_other(deployed: Deployed, owner: str) -> None:
    body = json.loads(deployed.all("CloudWatch::Dashboard")[0].properties["DashboardBody"])
    shown = {
        name
        for widget in body["widgets"]
        for namespace, name, _, value, _ in widget["properties"].get("metrics", [])
        if (namespace, value) == (NAMESPACE, f"<{owner}Function>")
    }
    assert shown == WRITTEN[owner]


@pytest.mark.parametrize("owner", WRITTEN)
def test_alarms_watch_metrics_that_the_function_writes(deployed: Deployed, owner: str) -> None:
    alarms = [alarm.properties for alarm in deployed.all("CloudWatch::Alarm")]
    queries = [query["MetricStat"]["Metric"] for alarm in alarms for query in alarm.get("Metrics", [])[1:]]
    watched = {
        metric["MetricName"]
        for metric in [*alarms, *queries]
        if metric.get("Namespace") == NAMESPACE
        and metric["Dimensions"] == [{"Name": "FunctionName", "Value": f"<{owner}Function>"}]
    }
    assert watched
    assert watched <= WRITTEN[owner]
