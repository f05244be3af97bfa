"""The errors that travel as HTTP answers."""

from typing import Any


class ApiError(Exception):
    """An answer other than 200.

    Mem0 uses `{"detail": ...}` for what its web framework rejects, and `{"error": ...}` for what its own code
    rejects (its public OpenAPI file shows both).
    """

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


def invalid(message: str) -> ApiError:
    """Return a 400 with a message."""
    return ApiError(400, {"error": message})
