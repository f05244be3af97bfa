"""Connects the workspace to the system, as an operator does once after a deployment."""

from local.endpoints import System


def connect(system: System) -> None:
    """Connect all agents, unless they are. `./amem connect --all-agents --yes` does the same by the API."""
    system.elevenlabs.workspace.connect(system.endpoints)
