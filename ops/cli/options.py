"""The options that every command has, and what they are turned into."""

import functools
from collections.abc import Callable
from typing import Any

import click

from ops.deployment import Deployment
from ops.terminal import Terminal
from ops.workspace import Workspace


def operates_on_stage(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a stage: it gets a `Deployment` and a `Terminal` first."""

    @click.option("--stage", default="prod", show_default=True, help="Which stack: AgenticMemory-STAGE.")
    @click.option("--region", help="AWS region. [default: AWS_REGION, or the profile's]")
    @click.option("--profile", help="AWS profile. [default: AWS_PROFILE]")
    @click.option("--json", "as_json", is_flag=True, help="Write results as JSON, a line each.")
    @functools.wraps(command)
    def with_stage(
        *, stage: str, region: str | None, profile: str | None, as_json: bool, yes: bool = False, **more: Any
    ) -> Any:
        deployment = Deployment(stage, region=region, profile=profile)
        return command(deployment, Terminal(as_json=as_json, assume_yes=yes), **more)

    return with_stage


def open_workspace() -> Workspace:
    """The ElevenLabs workspace of the environment, until the command ends.

    Raises:
        OperatorError: if there is no API key.
    """
    workspace = Workspace.from_environment()
    click.get_current_context().call_on_close(workspace.close)
    return workspace


yes = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
