"""`amem console`: what was remembered, told and lost, as pages in a browser."""

import re

import click

from ops.calls import Sources
from ops.cli.options import open_workspace, operates_on_stage
from ops.deployment import Deployment
from ops.errors import cannot_start
from ops.terminal import Terminal


@click.command("console")
@operates_on_stage
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8190, show_default=True, help="0: any free one."
)
@click.option(
    "--allow-changes",
    is_flag=True,
    help="Callers can be forgotten and dead letters moved. [default: read only]",
)
def console(deployment: Deployment, terminal: Terminal, port: int, *, allow_changes: bool) -> None:
    """Show calls, callers and health in a browser.

    Runs until Ctrl-C. Only this machine can reach it, and only with the address that is printed.
    """
    from console.server import ConsoleServer, kept_token, token_path  # noqa: PLC0415 - it stands above ops

    name = re.sub(r"\W", "_", f"{deployment.stage}_{deployment.session.region_name}")
    with Sources(deployment, open_workspace()) as sources:
        try:
            server = ConsoleServer(
                sources, token=kept_token(token_path(name)), port=port, allow_changes=allow_changes
            )
        except OSError as error:
            raise cannot_start(
                f"port {port} cannot be used: {error.strerror}", "choose another --port"
            ) from None
        terminal.data({"url": server.url}, server.url)
        terminal.say("Ctrl-C ends the console")
        server.run()


COMMANDS = (console,)
