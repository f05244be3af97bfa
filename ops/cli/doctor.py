"""`amem doctor`: is everything as it must be for callers to be known and calls to be remembered?"""

from collections.abc import Iterator
from typing import get_args

import click

from ops.cli.options import open_workspace, operates_on_stage
from ops.connect import Context
from ops.deployment import Deployment
from ops.doctor import CHECKS, Finding, Status, check_stack, check_workspace
from ops.doctor.live import LiveProof
from ops.terminal import Terminal


@click.command("doctor")
@operates_on_stage
@click.option(
    "--live/--no-live",
    default=True,
    show_default=True,
    help="Whether a call of a fictional number is remembered, told, found and forgotten.",
)
def doctor(deployment: Deployment, terminal: Terminal, *, live: bool) -> None:
    """Check everything, and prove that it works.

    Checks the stack, Mem0 and the ElevenLabs workspace, and proves that a call is remembered.

    Exit code 0 if nothing is broken (warnings are allowed), 1 if something is. Changes nothing but for the
    live proof, which cleans up after itself.
    """
    counts = dict.fromkeys(get_args(Status), 0)
    for finding in _findings(deployment, live=live):
        counts[finding.status] += 1
        _show(terminal, finding)
    terminal.say(", ".join(f"{count} {status}" for status, count in counts.items()))
    if counts["broken"]:
        raise click.exceptions.Exit(1)


def _findings(deployment: Deployment, *, live: bool) -> Iterator[Finding]:
    yield from check_stack(deployment)
    context = Context(deployment, open_workspace())
    yield from check_workspace(context)
    if live:
        yield from LiveProof(deployment, next(iter(context.record.get("agents", [])), "")).run()


def _show(terminal: Terminal, finding: Finding) -> None:
    check = CHECKS[finding.check]
    text = f"{finding.status:<8} {check.about}" + (f": {finding.seen}" if finding.seen else "")
    if not finding.ok:
        text += f"\n         for a caller: {check.means}\n         remedy: {check.remedy}"
    value = {"check": finding.check, "status": finding.status, "seen": finding.seen, "about": check.about}
    if not finding.ok:
        value |= {"means": check.means, "remedy": check.remedy}
    terminal.data(value, text)


COMMANDS = (doctor,)
