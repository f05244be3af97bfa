"""cfn-lint, which takes seconds, so a template that it found clean is not linted again.

What was clean is kept under .cache/ by the template's content, so a changed template is always linted.
"""

import functools
import hashlib
import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.infra.conftest import ROOT

CLEAN = ROOT / ".cache" / "cfn-lint"
REGIONS = ["us-east-1", "eu-central-1"]


def cfn_lint(text: str) -> list[str]:
    """What cfn-lint finds in the text of a template: the rule, its message and the place."""
    from cfnlint.decode.decode import decode_str  # noqa: PLC0415 -- the import alone takes a second

    template, errors = decode_str(text)
    found = errors or _runner().validate_template(template)
    # A match has a path unless the text could not be read at all.
    return [f"{match.rule.id} {match.message} at {getattr(match, 'path', [])}" for match in found]


def lint(
    template: dict[str, Any], *, linter: Callable[[str], list[str]] = cfn_lint, folder: Path = CLEAN
) -> list[str]:
    """What `linter` finds in a template; nothing for one that is noted as clean in `folder`."""
    text = json.dumps(template, sort_keys=True)
    identity = f"{version('cfn-lint')} {REGIONS} {text}"
    clean = folder / hashlib.sha256(identity.encode()).hexdigest()
    if clean.exists():
        return []
    found = linter(text)
    if not found:
        folder.mkdir(parents=True, exist_ok=True)
        clean.touch()
    return found


@functools.cache
def _runner() -> Any:
    """cfn-lint with its rules, which are read once for all templates."""
    from cfnlint.config import ConfigMixIn, ManualArgs  # noqa: PLC0415
    from cfnlint.runner import Runner  # noqa: PLC0415

    return Runner(ConfigMixIn(**ManualArgs(regions=REGIONS)))
