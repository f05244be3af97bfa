"""`amem dead-letters`, `amem redrive`, `amem discard`: the calls that could not be remembered."""

import click

from ops import dead_letters
from ops.cli.options import dry_run, operates_on_stage, yes
from ops.dead_letters import DeadLetter, Reader
from ops.deployment import Deployment
from ops.errors import OperatorError
from ops.redrive import redrive
from ops.terminal import Terminal

_limit = click.option("--limit", type=click.IntRange(min=1), help="At most so many. [default: all]")
_dead_letter_url = click.option(
    "--dead-letter-url", metavar="URL", help="The dead-letter queue, without a stack."
)


@click.command("dead-letters")
@operates_on_stage
@_limit
@_dead_letter_url
def list_dead_letters(
    deployment: Deployment, terminal: Terminal, limit: int | None, dead_letter_url: str | None
) -> None:
    """List the calls that could not be remembered, and why."""
    sqs, url = deployment.client("sqs"), dead_letter_url or deployment.output("DeadLetterQueueUrl")
    shown = 0
    with Reader(sqs, url) as reader:
        for letter in reader.read(limit):
            shown += 1
            _show(terminal, letter)
    terminal.say(f"{shown or 'no'} dead letter{'' if shown == 1 else 's'}")
    waiting, hidden = dead_letters.count(sqs, url)
    if limit is None and waiting + hidden > shown:
        terminal.say(f"about {waiting + hidden - shown} more are held by somebody else, or came just now")


@click.command("redrive")
@operates_on_stage
@_limit
@_dead_letter_url
@click.option("--queue-url", metavar="URL", help="The queue of calls, without a stack.")
@dry_run
def redrive_dead_letters(
    deployment: Deployment,
    terminal: Terminal,
    limit: int | None,
    dead_letter_url: str | None,
    queue_url: str | None,
    dry_run: bool,
) -> None:
    """Move dead letters back to the queue of calls, oldest first."""
    sqs, url = deployment.client("sqs"), dead_letter_url or deployment.output("DeadLetterQueueUrl")
    waiting, hidden = dead_letters.count(sqs, url)
    if dry_run:
        with Reader(sqs, url) as reader:
            for letter in reader.read(limit):
                _show(terminal, letter)
        terminal.say("nothing was moved: this was a dry run")
        return
    moved = 0
    total = min(limit or waiting, waiting)
    try:
        with terminal.progress("moving", total=total) as advance:

            def note(letter: DeadLetter) -> None:
                nonlocal moved
                moved += 1
                advance()
                _show(terminal, letter)

            target = queue_url or deployment.output("CallQueueUrl")
            redrive(sqs, dead_letter_url=url, queue_url=target, limit=limit, moved=note)
    finally:
        terminal.say(f"moved {moved} back to the queue" if moved else "nothing was moved")
    if hidden:
        terminal.say(f"about {hidden} are held by another reader: run this again later")


@click.command("discard")
@operates_on_stage
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@_dead_letter_url
@dry_run
@yes
def discard_dead_letters(
    deployment: Deployment,
    terminal: Terminal,
    ids: tuple[str, ...],
    dead_letter_url: str | None,
    *,
    dry_run: bool,
) -> None:
    """Delete dead letters for good, by their ids."""
    url = dead_letter_url or deployment.output("DeadLetterQueueUrl")
    with Reader(deployment.client("sqs"), url) as reader:
        found = list(dead_letters.find(reader, ids))
        for letter in found:
            _show(terminal, letter)
        if missing := set(ids) - {letter.id for letter in found}:
            raise OperatorError(f"no such dead letter: {', '.join(sorted(missing))}")
        if dry_run:
            terminal.say("nothing was deleted: this was a dry run")
            return
        terminal.confirm(f"Delete {len(found)} for good? What was said is not remembered anywhere else.")
        for letter in found:
            reader.delete(letter)
    terminal.say(f"discarded {len(found)}")


def _show(terminal: Terminal, letter: DeadLetter) -> None:
    since = f"{letter.since:%Y-%m-%d %H:%M} UTC"
    terminal.data(
        {"id": letter.id, "call": letter.call, "since": letter.since.isoformat(), "reason": letter.reason},
        f"{letter.id}  {letter.call}, here since {since}\n    reason: {letter.reason}",
    )


COMMANDS = (list_dead_letters, redrive_dead_letters, discard_dead_letters)
