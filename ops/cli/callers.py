"""`amem export` and `amem forget`: what is kept of one caller."""

import datetime as dt
import sys
import time
from collections.abc import Iterator

import click

from ops.callers import identify
from ops.cli.options import dry_run, open_workspace, operates_on_stage, yes
from ops.deployment import Deployment
from ops.errors import cannot_start
from ops.export import export
from ops.forget import Forget, Receipt
from ops.ledger import CallerLedger
from ops.terminal import Terminal

_caller = click.argument("caller")
_LEAST_DIGITS = 7  # of what may be meant as a phone number


@click.command("export")
@operates_on_stage
@_caller
def export_caller(deployment: Deployment, terminal: Terminal, caller: str) -> None:
    """Write all that is kept of a caller, as JSON.

    CALLER is a number in any spelling, or a user id as it is stored. The document is the same with --json.
    """
    user_id = _identify(deployment, terminal, caller)
    terminal.say(f"exporting {user_id}")
    with terminal.progress("reading") as advance:
        for piece in export(deployment, user_id):
            sys.stdout.write(piece)
            advance()
    sys.stdout.flush()


@click.command("forget")
@operates_on_stage
@_caller
@click.option("--never-again", is_flag=True, help="Later calls leave nothing either.")
@click.option("--allow-again", is_flag=True, help="Only end --never-again: later calls are remembered.")
@click.option("--elevenlabs", is_flag=True, help="Delete their conversations at ElevenLabs too.")
@dry_run
@yes
def forget_caller(
    deployment: Deployment,
    terminal: Terminal,
    caller: str,
    *,
    never_again: bool,
    allow_again: bool,
    elevenlabs: bool,
    dry_run: bool,
) -> None:
    """Delete all that is kept of a caller.

    CALLER is a number in any spelling, or a user id as it is stored. Calls from before, which may still be
    queued or delivered again, leave nothing; a later call begins anew.

    Writes a receipt without content. What it lists as unproven needs another run, and makes the exit code 1.
    """
    if never_again and allow_again:
        raise cannot_start("--never-again and --allow-again contradict each other")
    user_id = _identify(deployment, terminal, caller)
    if allow_again and dry_run:
        terminal.say(f"nothing was changed: this was a dry run; calls of {user_id} would be remembered")
        return
    if allow_again:
        terminal.confirm(f"Remember calls of {user_id} from now on?", typed=user_id)
        CallerLedger(deployment, user_id).forget_until(time.time(), even_earlier=True)
        terminal.say(f"calls of {user_id} are remembered from now on")
        return
    workspace = open_workspace() if elevenlabs else None
    with Forget(deployment, user_id, workspace=workspace, never_again=never_again, say=terminal.say) as job:
        if dry_run:
            counts = job.counts()
            text = ", ".join(f"{count} {what}" for what, count in counts.items())
            terminal.data({"caller": user_id, **counts}, text)
            terminal.say("nothing was deleted: this was a dry run")
            return
        terminal.confirm(f"Forget {user_id}? This cannot be undone.", typed=user_id)
        receipt = job.run()
    value = receipt.as_json()
    terminal.data(value, "\n".join(_lines(receipt)))
    if receipt.unproven:
        raise click.exceptions.Exit(1)


def _lines(receipt: Receipt) -> Iterator[str]:
    """A receipt for a person."""
    before, after = receipt.before, receipt.after
    yield f"caller {receipt.caller}"
    yield f"on {dt.datetime.fromtimestamp(receipt.at, dt.UTC):%Y-%m-%d %H:%M:%S} UTC, in {receipt.seconds} s"
    yield f"memories before: {before['listed']} listed, {before['found']} found by a search"
    yield f"memories after:  {after['listed']} listed, {after['found']} found by a search"
    yield f"dead letters deleted: {receipt.dead_letters}"
    yield f"rows of the ledger deleted: {receipt.ledger_rows}"
    if receipt.conversations is not None:
        yield f"conversations deleted at ElevenLabs: {receipt.conversations}"
    yield f"messages in the queue, whoever's: {receipt.queued}; the worker drops those of this caller"
    yield f"later calls: {'remembered again' if receipt.remembered_again else 'never remembered'}"
    yield f"deletions at Mem0: {', '.join(receipt.events) or 'none'}"
    yield f"not proven: {'; '.join(receipt.unproven) or 'nothing'}"


def _identify(deployment: Deployment, terminal: Terminal, caller: str) -> str:
    user_id = identify(deployment, caller)
    if user_id.isdecimal() and len(user_id) >= _LEAST_DIGITS:
        terminal.warn(f"{user_id} is taken as a web user's id; a phone number begins with + and its country")
    return user_id


COMMANDS = (export_caller, forget_caller)
