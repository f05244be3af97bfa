"""`amem secret`: the credentials, before the first deployment."""

import os
import sys

import click

from ops.cli.options import dry_run, operates_on_stage
from ops.deployment import Deployment
from ops.errors import OperatorError, cannot_start
from ops.secret import DEFAULT_NAME, MEM0_HOST, Secret, complete
from ops.terminal import Terminal
from shared.credentials import KEYS

_ASKED = ("MEM0_API_KEY", "MEM0_ORG_ID", "MEM0_PROJECT_ID", "ELEVENLABS_WORKSPACE_KEY")


@click.command("secret")
@operates_on_stage
@click.option("--name", help=f"The secret's name. [default: the stack's, or {DEFAULT_NAME}]")
@click.option(
    "--replace", multiple=True, type=click.Choice(_ASKED), help="Replace a key that is there. Repeatable."
)
@dry_run
def make_secret(
    deployment: Deployment, terminal: Terminal, name: str | None, replace: tuple[str, ...], dry_run: bool
) -> None:
    """Make or complete the secret with the credentials.

    Asks for the Mem0 API key (or takes it from MEM0_API_KEY, or from a pipe), checks it, fills in its
    organization and project, and makes the workspace key. The HMAC key comes with `connect`. What is there
    already is kept.
    """
    host = os.environ.get("MEM0_HOST") or MEM0_HOST
    if not name:
        try:
            environment = deployment.environment
        except OperatorError:  # nothing is deployed yet
            name = DEFAULT_NAME
        else:
            name, host = environment.credentials_secret, environment.mem0_host
    secret = Secret(deployment, name)
    completed = complete(secret.read(), mem0_host=host, replace=replace, ask=lambda: _ask_for_key(terminal))
    if completed.changes and not dry_run:
        secret.write(completed.values)
    terminal.table(["key", "what was done"], [[key, completed.outcome[key]] for key in KEYS])
    if dry_run:
        terminal.say(f"{name}: nothing was written, this was a dry run")
    else:
        terminal.say(f"{name} is {'written' if completed.changes else 'complete; nothing was changed'}")


def _ask_for_key(terminal: Terminal) -> str:
    """The Mem0 API key, without showing it."""
    if key := os.environ.get("MEM0_API_KEY"):
        terminal.say("taking the Mem0 API key from MEM0_API_KEY")
        return key.strip()
    if sys.stdin.isatty():
        return str(click.prompt("Mem0 API key", hide_input=True, err=True)).strip()
    if key := sys.stdin.readline().strip():
        return key
    raise cannot_start("the Mem0 API key is missing", "type it, pipe it in, or set MEM0_API_KEY")


COMMANDS = (make_secret,)
