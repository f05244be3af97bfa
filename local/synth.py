"""Synthesizes the CDK app; the result is kept in .cache/ until the app, its settings or the CDK change."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.lambda_host.toolchain import CACHE, ROOT, ToolchainError, digest_of, make_once, quiet, run

# Where assets are used as they lie on disk, a change of the code needs no new synthesis; and no layer is
# bundled.
LOCAL_CONTEXT = {"aws:cdk:bundling-stacks": [], "aws:cdk:disable-asset-staging": True}


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """One synthesized stack: its name, its template, and where the code asset of each hash lies."""

    stack: str
    template: Mapping[str, Any]
    code_folders: Mapping[str, Path]


def synthesize(
    settings: Mapping[str, object] | None = None, progress: Callable[[str], None] = quiet, root: Path = ROOT
) -> Assembly:
    """Return the app's stack, with these settings (CDK context) on top of cdk.json's.

    Raises:
        ToolchainError: the app failed, e.g. because a setting is not allowed, or makes more than one stack.
    """
    if not (root / "app.py").exists():
        raise ToolchainError(f"there is no {root / 'app.py'} to synthesize")
    given = json.loads((root / "cdk.json").read_text()).get("context", {})
    context = json.dumps(given | LOCAL_CONTEXT | dict(settings or {}), sort_keys=True)

    def run_app(fresh: Path) -> None:
        fresh.mkdir()
        environment = os.environ | {
            "CDK_OUTDIR": str(fresh),
            "CDK_CONTEXT_JSON": context,
            "CDK_VALIDATION": "false",
            "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
        }
        run([sys.executable, "app.py"], "synthesizing the CDK app", environment, root)

    sources = [root / "app.py", root / "cdk.json", *(root / "stacks").rglob("*.py")]
    sources += [path for path in [root / "requirements-dev.lock"] if path.exists()]
    folder = CACHE / "synth" / digest_of(sources, context, str(root), sys.version)
    return _read(make_once(folder, "synthesizing the CDK app", progress, run_app))


def _read(folder: Path) -> Assembly:
    manifest = json.loads((folder / "manifest.json").read_text())
    stacks = {
        name: artifact
        for name, artifact in manifest["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    if len(stacks) != 1:
        raise ToolchainError(
            f"the local system runs one stack; app.py made {len(stacks)}: {', '.join(stacks) or 'none'}"
        )
    ((name, artifact),) = stacks.items()
    template = json.loads((folder / artifact["properties"]["templateFile"]).read_text())
    code: dict[str, Path] = {}
    for assets in folder.glob("*.assets.json"):
        for key, entry in json.loads(assets.read_text())["files"].items():
            code[key] = folder / entry["source"]["path"]
    return Assembly(stack=artifact["properties"].get("stackName", name), template=template, code_folders=code)
