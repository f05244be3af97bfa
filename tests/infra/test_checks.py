"""Checks: cdk-nag finds nothing that was not acknowledged, cfn-lint nothing at all."""

import contextlib
import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from cdk_nag import AwsSolutionsChecks

from stacks.checks import checked_app
from stacks.memory_stack import MemoryStack
from stacks.settings import Settings
from tests.infra import linting
from tests.infra.conftest import EVERYTHING, new_app
from tests.infra.deployed import Deployed


def findings(folder: Path, **settings: Any) -> list[str]:
    """What cdk-nag reports and was not acknowledged: the rule and the construct."""
    app = new_app(outdir=str(folder))
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    MemoryStack(app, settings=Settings.from_context(settings))
    with contextlib.suppress(RuntimeError):  # a finding fails the synth, after it has been reported
        app.synth()
    report = folder / "validation-report.json"  # not written when nothing was found
    return sorted(
        f"{violation['ruleName']} {construct['constructPath'].removeprefix('AgenticMemory-prod/')}"
        for plugin in (json.loads(report.read_text())["pluginReports"] if report.exists() else [])
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    )


def test_nothing_is_found_that_was_not_acknowledged(tmp_path: Path) -> None:
    assert findings(tmp_path, **EVERYTHING) == []


def test_synthesis_warns_that_no_one_is_notified_of_alarms_by_default(tmp_path: Path) -> None:
    assert findings(tmp_path) == ["Annotation::agentic-memory:alarm-email Alarms"]


def test_every_acknowledgement_answers_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the list of what was acknowledged is here, and none outlives its cause."""
    monkeypatch.setattr(cdk.Validations, "acknowledge", lambda *_: None)
    snap_start = "Annotation::@aws-cdk/aws-lambda:snapStartRequirePublish"
    assert findings(tmp_path, **EVERYTHING) == sorted(
        [f"{snap_start} {owner}/Function" for owner in ("ClientData", "Retrieve")]
        + [
            finding
            for owner in ("ClientData", "Retrieve", "PostCall")
            for finding in (
                f"AwsSolutions-APIG4 {owner}/Route",
                f"AwsSolutions-IAM5[Resource::*] {owner}/Role/DefaultPolicy/Resource",
                f"AwsSolutions-L1 {owner}/Function/Resource",
            )
        ]
    )


def test_cfn_lint_finds_nothing(deployed: Deployed, everything: Deployed) -> None:
    assert linting.lint(deployed.raw) == []
    assert linting.lint(everything.raw) == []


def test_only_a_clean_template_is_not_linted_again(tmp_path: Path) -> None:
    asked: list[str] = []

    def linter(text: str) -> list[str]:
        asked.append(json.loads(text)["Resources"])
        return ["E3002"] if "Typo" in text else []

    templates = ("Typo", "Typo", "one", "one", "other")
    found = [linting.lint({"Resources": name}, linter=linter, folder=tmp_path) for name in templates]
    assert found == [["E3002"], ["E3002"], [], [], []]
    assert asked == ["Typo", "Typo", "one", "other"]


def test_app_of_the_command_line_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    added: list[object] = []
    monkeypatch.setattr(cdk.Validations, "add_plugins", lambda _, *plugins: added.extend(plugins))
    checked_app()
    assert [type(plugin) for plugin in added] == [AwsSolutionsChecks]
