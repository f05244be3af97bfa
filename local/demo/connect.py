"""Connects the workspace to the system by the operator's own command, as after a deployment."""

import os
import re
import subprocess
import sys
from collections import Counter

from local.endpoints import System
from local.lambda_host.toolchain import ROOT

_OF_AGENT = re.compile(r"[+~-] (agent_\w+)\.")


class ConnectError(Exception):
    """The command failed; the message is its own."""


def connect(system: System) -> list[str]:
    """Run `amem connect --all-agents` for the agents of `system`; what it changed, an agent on one line.

    Raises:
        ConnectError: if it fails.
    """
    environment = system.operator_environment
    command = [sys.executable, "-m", "ops", "connect", "--all-agents", "--yes"]
    known = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ELEVENLABS_"))
    }
    done = subprocess.run(  # noqa: S603 - our own program
        command,
        cwd=ROOT,
        env=known | environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise ConnectError(done.stderr.strip() or f"amem connect ended with {done.returncode}")
    lines = done.stdout.splitlines()
    agents = Counter(found[1] for line in lines if (found := _OF_AGENT.match(line)))
    return [
        *(line for line in lines if not _OF_AGENT.match(line)),
        *(f"~ {agent}: {count} settings" for agent, count in agents.items()),
    ]
