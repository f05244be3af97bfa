"""Checks: cdk-nag finds nothing that was not acknowledged, cfn-lint nothing at all."""

import contextlib
import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from cdk_nag import AwsSolutionsChecks

from stacks.checks import checked_app
from stacks.endpoint import Endpoint
from stacks.memory_stack import MemoryStack
from stacks.settings import Settings
from tests.infra import linting
from tests.infra.conftest import EVERYTHING, ROOT, new_app
from tests.infra.deployed import Deployed

ENDPOINTS = ("ClientData", "Retrieve", "PostCall")


def findings(folder: Path, **settings: Any) -> list[str]:
    """What cdk-nag reports and nobody acknowledged, each as its rule and the construct."""
    app = new_app(outdir=str(folder))
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    MemoryStack(app, settings=Settings.from_context(settings))
    with contextlib.suppress(RuntimeError):  # a finding fails the synth, after it has been reported
        app.synth()
    report = json.loads((folder / "validation-report.json").read_text())
    return sorted(
        f"{violation['ruleName']} {construct['constructPath'].removeprefix('AgenticMemory-prod/')}"
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    )


def test_cdk_nag_finds_nothing_that_was_not_acknowledged(tmp_path: Path) -> None:
    assert findings(tmp_path) == []


def test_cdk_nag_finds_nothing_either_with_what_is_off_by_default(tmp_path: Path) -> None:
    assert findings(tmp_path, **EVERYTHING) == []


def test_every_acknowledgement_answers_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the list of what was acknowledged stands here, and none outlives its cause."""
    monkeypatch.setattr(Endpoint, "_acknowledge_findings", lambda *_: None)
    assert findings(tmp_path) == sorted(
        finding
        for owner in ENDPOINTS
        for finding in (
            f"AwsSolutions-APIG4 {owner}/Route",
            f"AwsSolutions-IAM5[Resource::*] {owner}/Role/DefaultPolicy/Resource",
            f"AwsSolutions-L1 {owner}/Function/Resource",
        )
    )


def test_cfn_lint_finds_nothing(deployed: Deployed, everything: Deployed) -> None:
    assert linting.lint(deployed.raw) == []
    assert linting.lint(everything.raw) == []


def test_only_a_clean_template_is_not_linted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(text: str) -> list[str]:
        asked.append(text)
        return ["E3002"] if "Typo" in text else []

    monkeypatch.setattr(linting, "CLEAN", tmp_path / "cfn-lint")
    monkeypatch.setattr(linting, "_ask", ask)
    found = [linting.lint({"Resources": each}) for each in ("Typo", "Typo", "one", "one", "other")]
    assert found == [["E3002"], ["E3002"], [], [], []]
    assert [json.loads(each)["Resources"] for each in asked] == ["Typo", "Typo", "one", "other"]


def test_the_app_of_the_command_line_is_checked() -> None:
    assert "checked_app()" in (ROOT / "app.py").read_text()
    with pytest.MonkeyPatch.context() as patch:
        added: list[object] = []
        patch.setattr(cdk.Validations, "add_plugins", lambda _, *plugins: added.extend(plugins))
        checked_app()
    assert [type(each) for each in added] == [AwsSolutionsChecks]
