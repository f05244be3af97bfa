"""Metrics: the stack and the functions speak of the same ones. A misspelt name would be a silent alarm."""

import ast
import json

from stacks.metrics import NAMESPACE
from tests.infra.conftest import ROOT
from tests.infra.deployed import Deployed


def written_by_the_functions() -> set[str]:
    """The names in every `metrics={...}` of lambdas/."""
    return {
        str(ast.literal_eval(key))
        for path in (ROOT / "lambdas").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg == "metrics" and isinstance(keyword.value, ast.Dict)
        for key in keyword.value.keys
        if key is not None
    }


def test_namespace_is_that_of_the_functions() -> None:
    module = ast.parse((ROOT / "lambdas" / "shared" / "logs.py").read_text())
    values = {
        ast.unparse(each.targets[0]): each.value for each in module.body if isinstance(each, ast.Assign)
    }
    assert ast.literal_eval(values["NAMESPACE"]) == NAMESPACE


def test_every_metric_of_the_functions_is_on_the_dashboard_and_no_other(deployed: Deployed) -> None:
    body = json.loads(deployed.all("CloudWatch::Dashboard")[0].properties["DashboardBody"])
    shown = {
        metric[1]
        for widget in body["widgets"]
        for metric in widget["properties"].get("metrics", [])
        if metric[0] == NAMESPACE
    }
    assert shown == written_by_the_functions()


def test_alarms_watch_metrics_that_are_written(deployed: Deployed) -> None:
    watched = {
        each.properties["MetricName"]
        for each in deployed.all("CloudWatch::Alarm")
        if each.properties["Namespace"] == NAMESPACE
    }
    assert watched == {"ForeignRows", "WorkspaceKeyFailures", "SignatureFailures"}
    assert watched <= written_by_the_functions()
