"""Mem0 Cloud: mem0's own client over connections of ours, behind the few operations that we need."""

from typing import TYPE_CHECKING

from shared.credentials import Credentials
from shared.environment import Environment
from shared.mem0.connection import Mem0Connection

if TYPE_CHECKING:
    from shared.mem0.store import MemoryStore


def open_store(environment: Environment, credentials: Credentials) -> "MemoryStore":
    """The memories of callers. While mem0 is imported, Mem0 is connected to and the API key is checked.

    With SnapStart, what is done now is frozen into a snapshot and comes back in many containers, maybe days
    later. So the secret is read and the sockets are opened after the restore instead.
    """
    connection = Mem0Connection(environment, credentials)
    if environment.variables.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        from snapshot_restore_py import register_after_restore  # noqa: PLC0415 - only there with SnapStart

        register_after_restore(connection.warm_up)
    else:
        connection.warm_up()
    from shared.mem0.store import MemoryStore  # noqa: PLC0415 - takes 150 ms, in which the network answers

    return MemoryStore(connection, credentials)
