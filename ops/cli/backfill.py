"""`amem backfill`: past conversations."""

import datetime as dt

import click

from ops.backfill import Backfill, Progress, Selection
from ops.cli.options import dry_run, open_workspace, operates_on_stage, yes
from ops.connect import Context
from ops.deployment import Deployment
from ops.errors import OperatorError, cannot_start
from ops.terminal import Terminal, plain

_DATES = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"])


@click.command("backfill")
@operates_on_stage
@click.option(
    "--since",
    type=_DATES,
    metavar="TIME",
    help="Calls from this day (2026-01-31) or moment (2026-01-31T08:00:00) on, in UTC. [default: all]",
)
@click.option("--until", type=_DATES, metavar="TIME", help="Calls until this moment, in UTC. [default: now]")
@click.option(
    "--agent",
    "agents",
    multiple=True,
    metavar="ID",
    help="Of this agent. Repeatable. [default: those connected]",
)
@dry_run
@yes
def backfill(
    deployment: Deployment,
    terminal: Terminal,
    since: dt.datetime | None,
    until: dt.datetime | None,
    agents: tuple[str, ...],
    *,
    dry_run: bool,
) -> None:
    """Import past conversations, oldest first, each once.

    They are remembered as if their webhooks came now.

    Stop it at any time; the next run with the same options goes on where it was. Live calls are not held up.
    """
    workspace = open_workspace()
    known = agents or Context(deployment, workspace).record.get("agents", [])
    if not known:
        raise cannot_start("no agent is connected", "run `amem connect` first, or add --agent ID")
    selection = Selection(sorted(known), _unix(since) or 0, _unix(until))
    with Backfill(deployment, workspace, selection, dry_run=dry_run) as run:
        if run.progress.until:
            terminal.say("going on where the last run was stopped")
        with terminal.progress("counting", total=None) as advance:
            total = run.count(advance)
        if not dry_run:
            adds = total * len(deployment.environment.store_types)
            terminal.confirm(f"Remember up to {total} calls, with up to {adds} adds at Mem0?")
        try:
            with terminal.progress("reading", total=total) as advance:
                run.run(advance)
        finally:
            _report(terminal, run.progress, dry_run=dry_run)
    if dry_run:
        terminal.say("nothing was queued: this was a dry run")
    if run.progress.failed:
        raise OperatorError(
            "some conversations could not be read", remedy="run this again: it tries them anew"
        )


def _report(terminal: Terminal, progress: Progress, *, dry_run: bool) -> None:
    queued = "would be queued" if dry_run else "queued"
    terminal.data(
        {
            **{name: progress.counts[name] for name in ("queued", "remembered before", "left out")},
            "failed": len(progress.failed),
            "reasons": progress.reasons,
            "errors": progress.failed,
            "mem0_adds": progress.operations,
        },
        "\n".join(
            [
                f"{progress.counts['queued']:8} {queued}, for {progress.operations} adds at Mem0",
                f"{progress.counts['remembered before']:8} remembered before",
                f"{progress.counts['left out']:8} left out",
                *(f"{count:12} {reason}" for reason, count in progress.reasons.most_common()),
                f"{len(progress.failed):8} could not be read",
                *(f"    {id_}: {plain(why)}" for id_, why in progress.failed.items()),
            ]
        ),
    )


def _unix(moment: dt.datetime | None) -> int | None:
    return int(moment.replace(tzinfo=dt.UTC).timestamp()) if moment else None


COMMANDS = (backfill,)
