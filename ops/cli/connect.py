"""`amem connect`, `amem disconnect` and `amem rotate`: what ElevenLabs knows of a stage."""

import datetime as dt
import time

import click

from ops.cli.options import dry_run, open_workspace, operates_on_stage, yes
from ops.connect import Change, Connection, Context, Scope, Which, next_step, rotate
from ops.deployment import Deployment
from ops.doctor import agents_in_file
from ops.errors import cannot_start
from ops.terminal import Terminal


@click.command("connect")
@operates_on_stage
@click.option(
    "--agent", "agents", multiple=True, metavar="ID", help="An agent that is to remember. Repeatable."
)
@click.option("--all-agents", is_flag=True, help="All agents of the workspace.")
@click.option(
    "--scope",
    type=click.Choice(["auto", "workspace", "agents"]),
    default="auto",
    show_default=True,
    help="Whose webhooks are set: the workspace's, or each agent's own. auto: the workspace's, unless another"
    " system uses those.",
)
@dry_run
@yes
def connect(
    deployment: Deployment,
    terminal: Terminal,
    agents: tuple[str, ...],
    scope: Scope,
    *,
    all_agents: bool,
    dry_run: bool,
) -> None:
    """Connect agents of ElevenLabs to a stage.

    Sets webhooks, their keys, the look-up tool and the agents. Shows what would change, asks, changes it,
    and reads it back. What was there before is recorded for disconnect. Run it again at any time: it changes
    only what is not as it should be.
    """
    context = Context(deployment, open_workspace())
    if all_agents:
        agents = (*agents, *(str(agent["agent_id"]) for agent in context.workspace.agents()))
        if not agents:
            raise cannot_start("the workspace has no agents", "make one in ElevenLabs")
    connection = Connection(context, agents, scope)
    _show(terminal, connection.plan())
    _warn_of_others(terminal, connection, context)
    if not connection.plan():
        terminal.say("nothing to do: everything is as it should be")
    elif dry_run:
        terminal.say("nothing was changed: this was a dry run")
    else:
        terminal.confirm(f"Change this in the workspace at {context.workspace.base_url}?")
        connection.make(terminal.say)
        terminal.say("connected; `amem doctor` proves that it works")


@click.command("disconnect")
@operates_on_stage
@dry_run
@yes
def disconnect(deployment: Deployment, terminal: Terminal, *, dry_run: bool) -> None:
    """Put back what connect changed in ElevenLabs.

    What connect made there is deleted. Memories, the stack and its secret stay as they are.
    """
    context = Context(deployment, open_workspace())
    if not context.record.get("agents"):
        terminal.say("nothing to do: this stage is not connected")
        return
    connection = Connection(context)
    _show(terminal, connection.plan_back())
    if dry_run:
        terminal.say("nothing was changed: this was a dry run")
        return
    terminal.confirm(f"Change this in the workspace at {context.workspace.base_url}?")
    connection.undo(terminal.say)
    terminal.say("disconnected; calls are no longer remembered")


@click.command("rotate")
@operates_on_stage
@click.argument("key", type=click.Choice(["workspace-key", "hmac-key"]))
@dry_run
@yes
def rotate_key(deployment: Deployment, terminal: Terminal, key: Which, *, dry_run: bool) -> None:
    """Replace a key, with the old one valid meanwhile.

    The old one goes when this is run again an hour later, or earlier if it is proven unused.

    workspace-key is what ElevenLabs sends to ClientData; hmac-key signs the post-call webhook.
    """
    context = Context(deployment, open_workspace())
    if dry_run:
        terminal.say(f"{next_step(context, key)}; nothing was changed: this was a dry run")
        return
    terminal.confirm(f"Replace the {key} of {deployment.stack}?")
    end = rotate(context, key, terminal.say)
    if end > time.time():
        at = dt.datetime.fromtimestamp(end, dt.UTC)
        terminal.data(
            {"key": key, "old_key": "valid", "until": at.isoformat()},
            f"the new {key} is in use; run this again after {at:%H:%M} UTC to remove the old one",
        )
    else:
        terminal.data({"key": key, "old_key": "removed"}, f"the old {key} is removed")


def _show(terminal: Terminal, changes: list[Change]) -> None:
    for change in changes:
        terminal.data({"what": change.what, "before": change.before, "after": change.after}, change.as_line())


def _warn_of_others(terminal: Terminal, connection: Connection, context: Context) -> None:
    """Say what a person might not expect."""
    if connection.scope == "workspace":
        others = {str(agent["agent_id"]) for agent in context.workspace.agents()} - set(connection.agents)
        if others:
            terminal.warn(
                f"the post-call webhook is the whole workspace's: calls of its {len(others)} other agents are"
                " remembered too; --scope agents keeps them out"
            )
    if named := agents_in_file(connection.agents):
        terminal.warn(
            f"agents.json here belongs to ElevenLabs' CLI and holds {', '.join(named)}: the next"
            " `elevenlabs agents push` would undo this; run `elevenlabs agents pull --update` afterwards"
        )


COMMANDS = (connect, disconnect, rotate_key)
