"""The app by the command line: `npx cdk synth` with nothing but PATH and HOME, and app.py by itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.infra.conftest import ROOT
from tests.infra.deployed import Deployed


def test_synth_needs_no_environment_and_passes_all_checks(assembly: Path, deployed: Deployed) -> None:
    """CDK's own validation and cdk-nag are on there, and either would have failed it."""
    template = json.loads((assembly / "AgenticMemory-prod.template.json").read_text())
    assert Deployed(template).outputs == deployed.outputs
    assert Deployed(template).types == deployed.types


def test_synth_knows_neither_account_nor_region(assembly: Path) -> None:
    """So that it needs no credentials, looks nothing up, and deploys wherever the credentials then point."""
    stack = json.loads((assembly / "manifest.json").read_text())["artifacts"]["AgenticMemory-prod"]
    assert stack["environment"] == "aws://unknown-account/unknown-region"
    assert not json.loads((assembly / "manifest.json").read_text()).get("missing")


def test_code_asset_holds_the_lambdas_and_nothing_of_this_machine(assembly: Path) -> None:
    assets = json.loads((assembly / "AgenticMemory-prod.assets.json").read_text())["files"].values()
    folders = [
        assembly / asset["source"]["path"] for asset in assets if asset["source"]["packaging"] == "zip"
    ]
    code, layer = sorted(folders, key=lambda folder: (folder / "python").is_dir())
    shipped = {str(path.relative_to(code)) for path in code.rglob("*") if path.is_file()}
    assert {"client_data/handler.py", "retrieve/handler.py", "post_call/handler.py"} <= shipped
    compiled = {name for name in shipped if name.endswith(".pyc")}
    assert compiled == {
        f"{Path(name).parent}/__pycache__/{Path(name).stem}.cpython-313.pyc"
        for name in shipped
        if name.endswith(".py")
    }
    assert all((code / name).read_bytes()[4:8] == (1).to_bytes(4, "little") for name in compiled), "PEP 552"
    suffixes = {Path(name).suffix for name in shipped if ".dist-info/" not in name}
    assert suffixes == {".py", ".pyc", ".md", ".toml"}, "code, prompts and word lists"
    assert (layer / "python" / "mem0" / "client" / "main.py").is_file()


def test_cdk_json_has_every_feature_flag_of_a_new_app(tmp_path: Path) -> None:
    subprocess.run(
        [ROOT / "node_modules" / ".bin" / "cdk", "init", "app", "--language", "python", "--generate-only"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        check=True,
        capture_output=True,
    )
    fresh = json.loads((tmp_path / "cdk.json").read_text())["context"]
    ours = json.loads((ROOT / "cdk.json").read_text())["context"]
    assert {key: ours.get(key) for key in fresh} == fresh


def run_app(context: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "CDK_CONTEXT_JSON": context, "CDK_VALIDATION": "false"}
    return subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_app_ends_with_the_message_alone() -> None:
    ended = run_app('{"stage": "Prod"}')
    assert ended.returncode == 1
    assert ended.stderr == (
        "The settings are wrong:\n"
        "  - stage: 'Prod' is not allowed; it must be a lower-case letter, then up to 15 lower-case letters, "
        "digits or hyphens\n"
    )


def test_app_is_short() -> None:
    assert len((ROOT / "app.py").read_text().splitlines()) < 20
