"""Says in one line what pydantic found wrong."""

from pydantic import ValidationError


def problem(error: ValidationError) -> str:
    """Return the first problem: its place, pydantic's words and the value, cut to 100 characters."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(step) for step in first["loc"])
    return f"{place + ': ' if place else ''}{first['msg']}, not {first['input']!r:.100}"
