"""The developer's loop: how long one waits for the checks and for the template, everything warm."""

import os
import subprocess
import sys
import time
from collections.abc import Callable

from bench.measure.report import Section, Table, Target
from local.lambda_host.toolchain import ROOT

INFRA_SECONDS = 15
PATIENCE = 90  # seconds for each, so that the whole bench stays under ten minutes
COMMANDS = {
    "`pytest tests/infra`": [sys.executable, "-m", "pytest", "-q", "tests/infra"],
    "`npx cdk synth`": ["npx", "cdk", "synth", "--quiet"],
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
        progress(f"timing {name.strip('`')}")
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
    infra = spent["`pytest tests/infra`"]
    rows = [[name, f"{seconds:.1f} s{odd.get(name, '')}"] for name, seconds in spent.items()]
    stated = ", ".join(f"{name.strip('`')} {seconds:.0f} s" for name, seconds in spent.items())
    return Section(
        key="loop",
        title="Developer's loop",
        how=HOW,
        targets=[
            Target(
                what="infra tests",
                wanted=f"≤ {INFRA_SECONDS} s",
                reached=f"{infra:.1f} s",
                met=infra <= INFRA_SECONDS,
                reason="they synthesise the app several times, each in a process of its own, on two cores.",
            ),
            Target(what="make test, cdk synth", wanted="stated", reached=stated, met=None),
        ],
        tables=[Table(headers=("", "seconds"), rows=rows)],
    )


HOW = """On this machine, warm, right after the rest of the bench. `make test` takes minutes: it is timed by
`bench/performance.py --loop` only."""
