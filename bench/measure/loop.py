"""The developer's loop: how long one waits for the checks and for the template, everything warm."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable

from bench.measure.report import Section, Table, Target
from local.lambda_host.toolchain import ROOT

INFRA_SECONDS = 15
PATIENCE = 120  # seconds for each, so that the whole bench stays under ten minutes
# What cfn-lint has found clean: without it, the tests of the template ask it again.
LINTED = ROOT / ".cache" / "cfn-lint"
INFRA = "`make infra`"
CHANGED = "`make infra` after a change of the template"
COMMANDS = {
    CHANGED: ["make", "infra"],
    INFRA: ["make", "infra"],
    "`npx cdk synth`": ["npx", "cdk", "synth", "--quiet"],
    "`pytest tests/assembly`": [sys.executable, "-m", "pytest", "-q", "tests/assembly"],
    "`make test`": ["make", "test"],
}


def measure(progress: Callable[[str], None], *, whole: bool) -> Section:
    """Time each command once, warm; `make test`, which takes minutes, only if `whole`.

    The bench has synthesised the app and built the layer before, which is what warm means here.
    """
    spent: dict[str, float] = {}
    odd: dict[str, str] = {}
    for name, command in COMMANDS.items():
        if name == "`make test`" and not whole:
            continue
        progress(f"timing {name.replace('`', '')}")
        if name == CHANGED:
            shutil.rmtree(LINTED, ignore_errors=True)
        began = time.monotonic()
        environment = {**os.environ, "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20"}
        try:
            done = subprocess.run(  # noqa: S603 - ours
                command,
                cwd=ROOT,
                env=environment,
                capture_output=True,
                check=False,
                timeout=None if whole else PATIENCE,
            )
            if done.returncode:
                odd[name] = " (failed)"
        except subprocess.TimeoutExpired:
            odd[name] = " (and not at its end)"
        spent[name] = time.monotonic() - began
    infra = spent[INFRA]
    rows = [[name, f"{seconds:.1f} s{odd.get(name, '')}"] for name, seconds in spent.items()]
    stated = ", ".join(f"{name.replace('`', '')} {seconds:.0f} s" for name, seconds in spent.items())
    return Section(
        key="loop",
        title="Developer's loop",
        how=HOW,
        targets=[
            Target(
                what="infra tests",
                wanted=f"≤ {INFRA_SECONDS} s",
                reached=f"{infra:.1f} s{odd.get(INFRA, '')}",
                met=infra <= INFRA_SECONDS and INFRA not in odd,
                reason="they synthesise the stack eleven times, and each synthesis takes half a second.",
            ),
            Target(what="make test, cdk synth", wanted="stated", reached=stated, met=None),
        ],
        tables=[Table(headers=("", "seconds"), rows=rows)],
    )


HOW = """On this machine, warm, right after the rest of the bench. `make infra` runs `tests/infra`: the
settings, cdk-nag, cfn-lint, and every statement about the template, which is synthesised for eleven purposes.
cfn-lint is asked again only about a template that has changed. `tests/assembly` holds what takes longer: real
builds of the layer and the functions, `npx cdk synth`, and a deployment to moto. `make test` runs both and
takes minutes: it is timed by `bench/performance.py --loop` only."""
