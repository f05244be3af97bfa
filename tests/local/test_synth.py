"""Synthesizing: the app's own words on failure, and one synthesis for each state of the app."""

import json
from pathlib import Path

import pytest

from local import synth
from local.lambda_host.toolchain import ToolchainError
from local.synth import synthesize

# Stands for a CDK app: writes what a synthesis writes, and counts how often it ran.
APP = """
import json, os, pathlib
runs = pathlib.Path("runs")
runs.write_text(runs.read_text() + "." if runs.exists() else ".")
context = json.loads(os.environ["CDK_CONTEXT_JSON"])
if context.get("stage") == "WRONG":
    raise SystemExit("stage must be lower-case")
out = pathlib.Path(os.environ["CDK_OUTDIR"])
names = context.get("stacks", ["One"])
stack = lambda name: {"type": "aws:cloudformation:stack", "properties": {"templateFile": name + ".json"}}
(out / "manifest.json").write_text(json.dumps({"artifacts": {name: stack(name) for name in names}}))
for name in names:
    (out / (name + ".json")).write_text(json.dumps({"Resources": {}, "Context": context}))
"""


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(synth, "CACHE", tmp_path / "cache")
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "cdk.json").write_text(json.dumps({"context": {"flag": True}}))
    return tmp_path


def runs(app: Path) -> int:
    return len((app / "runs").read_text())


def test_context_is_cdk_jsons_with_the_settings_on_top(app: Path) -> None:
    context = synthesize({"stage": "dev"}, root=app).template["Context"]
    assert (context["flag"], context["stage"], context["aws:cdk:bundling-stacks"]) == (True, "dev", [])


def test_synthesis_is_kept_until_a_source_or_a_setting_changes(app: Path) -> None:
    assert synthesize(root=app) == synthesize(root=app)
    assert runs(app) == 1
    synthesize({"stage": "dev"}, root=app)
    (app / "stacks").mkdir()
    (app / "stacks" / "new.py").write_text("")
    synthesize(root=app)
    assert runs(app) == 3


def test_failure_carries_the_apps_words_and_is_not_kept(app: Path) -> None:
    for _ in range(2):
        with pytest.raises(ToolchainError, match="stage must be lower-case"):
            synthesize({"stage": "WRONG"}, root=app)
    assert runs(app) == 2


def test_what_is_not_one_stack_is_an_error(app: Path) -> None:
    with pytest.raises(ToolchainError, match="made 2: One, Two"):
        synthesize({"stacks": ["One", "Two"]}, root=app)
    (app / "app.py").unlink()
    with pytest.raises(ToolchainError, match=r"there is no .*app\.py"):
        synthesize(root=app)
