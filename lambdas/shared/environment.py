"""The functions' settings, which the stack writes into their environment.

Each has the default that `docs/` states, so that a handler also runs where only the credentials are set.
"""

import os

from shared.caller import Callers


def number(name: str, default: float, *, least: float, most: float) -> float:
    """The environment variable `name` as a number within its bounds.

    Raises:
        ValueError: if it is no number, or out of bounds; the stack refuses both when it is synthesised.
    """
    text = os.environ.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{name} must be a number, not {text!r}") from None
    if not least <= value <= most:
        raise ValueError(f"{name} must be from {least} to {most}, not {text}")
    return value


def choice(name: str, allowed: tuple[str, ...]) -> str:
    """The environment variable `name`, one of `allowed`; the first of them if it is not set.

    Raises:
        ValueError: if it is something else.
    """
    value = os.environ.get(name) or allowed[0]
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
    return value


def callers() -> Callers:
    """Who counts as a caller: `DEFAULT_COUNTRY_CODE`, and `SHARED_NUMBERS` with commas between them."""
    shared = os.environ.get("SHARED_NUMBERS", "").split(",")
    return Callers(os.environ.get("DEFAULT_COUNTRY_CODE", ""), [each for each in shared if each])
