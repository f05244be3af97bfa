"""cfn-lint. It takes seconds, so it is not asked again about a template that it has found clean.

What was clean is kept under .cache/ by the template's content, so a changed template is always looked at.
"""

import functools
import hashlib
import json
from importlib.metadata import version
from typing import Any

from tests.infra.conftest import ROOT

CLEAN = ROOT / ".cache" / "cfn-lint"
REGIONS = ["us-east-1", "eu-central-1"]


def lint(template: dict[str, Any]) -> list[str]:
    """What cfn-lint finds in a template, each as its rule, its message and the place."""
    text = json.dumps(template, sort_keys=True)
    asked = f"{version('cfn-lint')} {REGIONS} {text}"
    clean = CLEAN / hashlib.sha256(asked.encode()).hexdigest()
    if clean.exists():
        return []
    found = _ask(text)
    if not found:
        CLEAN.mkdir(parents=True, exist_ok=True)
        clean.touch()
    return found


def _ask(text: str) -> list[str]:
    from cfnlint.decode.decode import decode_str  # noqa: PLC0415 -- the import alone takes a second

    template, errors = decode_str(text)
    found = errors or _linter().validate_template(template)
    # A match has a path unless the text could not be read at all.
    return [f"{match.rule.id} {match.message} at {getattr(match, 'path', [])}" for match in found]


@functools.cache
def _linter() -> Any:
    """cfn-lint with its rules, which are read once for all templates."""
    from cfnlint.config import ConfigMixIn, ManualArgs  # noqa: PLC0415
    from cfnlint.runner import Runner  # noqa: PLC0415

    return Runner(ConfigMixIn(**ManualArgs(regions=REGIONS)))
