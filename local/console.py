"""The console of the system on this machine, with a telephone to try it."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager

from console.server import ConsoleServer, kept_token
from local.phone import SimulatedPhone
from local.system import System
from ops.calls import Sources
from ops.deployment import Deployment
from ops.workspace import Workspace

_LOOK_SECONDS = 1.0
_REGION = "AWS_REGION"


@contextmanager
def console(system: System, port: int = 0) -> Iterator[ConsoleServer]:
    """Serve the console of a running system on a port; 0 takes a free one.

    This process takes the environment of the system's operator: boto3 reads it.
    """
    os.environ.update(system.operator_environment)
    workspace = Workspace(system.elevenlabs.api_key, system.elevenlabs.url)
    deployment = Deployment(region=system.operator_environment[_REGION])
    token = kept_token(system.data_dir / "console-token")
    with (
        closing(workspace),
        Sources(deployment, workspace) as sources,
        SimulatedPhone(system) as phone,
        ConsoleServer(
            sources, token=token, port=port, allow_changes=True, phone=phone, seconds=_LOOK_SECONDS
        ) as server,
    ):
        yield server
