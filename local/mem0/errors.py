"""The errors of the stand-in: those that travel as HTTP answers, and those that keep it from starting."""

from pathlib import Path
from typing import Any


class ApiError(Exception):
    """An answer other than 200.

    Args:
        status: The HTTP status.
        body: The JSON body. Mem0 uses ``{"detail": ...}`` for what its web framework refuses and
            ``{"error": ...}`` for what its own code refuses (its public OpenAPI file shows both).
    """

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


def invalid(message: str) -> ApiError:
    """A 400 in the words of ``message``."""
    return ApiError(400, {"error": message})


class StartError(Exception):
    """The stand-in cannot start; the message says why and what to do."""


class PortTakenError(StartError):
    """Another program listens on the wanted port."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"port {port} on {host} is taken by another program: stop that program, or choose another --port"
        )
        self.host = host
        self.port = port


class DataDirInUseError(StartError):
    """Another stand-in works on the same folder; two would not see each other's vectors."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(
            f"another Mem0 stand-in is using the folder {data_dir}: stop it, or choose another --data-dir"
        )
        self.data_dir = data_dir
