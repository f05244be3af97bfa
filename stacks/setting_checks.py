"""The checks of settings: each parses a value by its type, and says what is allowed if it is wrong."""

import json
import re
from collections.abc import Callable
from typing import Any

from pydantic import BeforeValidator, ValidationError, ValidatorFunctionWrapHandler, WrapValidator


def check(allowed: str, accepts: Callable[[Any], object] = lambda _: True) -> WrapValidator:
    """Parse a value by its type, and report what is `allowed` if that fails or `accepts` returns false."""

    def validate(value: Any, parse: ValidatorFunctionWrapHandler) -> Any:
        try:
            parsed = parse(None if value == "null" else value)
        except ValidationError:
            raise ValueError(allowed) from None
        is_number_from_bool = isinstance(value, bool) and parsed is not value
        if is_number_from_bool or not accepts(parsed):
            raise ValueError(allowed)
        return parsed

    return WrapValidator(validate)


def whole_number(low: int, high: int) -> WrapValidator:
    """A whole number within bounds."""
    return check(f"a whole number from {low} to {high}", lambda number: low <= number <= high)


def whole_or_null(low: int, high: int, null: str, why: str = "") -> WrapValidator:
    """A whole number within bounds, or null; `null` says what that does, `why` the reason of the bounds."""
    return check(
        f"null, which {null}, or a whole number from {low} to {high}{why}",
        lambda number: number is None or low <= number <= high,
    )


def matching(pattern: str, allowed: str) -> WrapValidator:
    """Text that matches `pattern` as a whole."""
    return check(allowed, lambda text: re.fullmatch(pattern, text))


def _comma_separated(value: object) -> object:
    """A list, JSON of a list, or text with commas, as text with commas and without spaces or duplicates."""
    if isinstance(value, str):
        value = json.loads(value) if value.lstrip().startswith("[") else value.split(",")
    if not isinstance(value, list | tuple):
        raise ValueError("not a list")  # noqa: TRY004 -- pydantic expects a ValueError
    return ",".join(dict.fromkeys(str(item).strip() for item in value))


def list_of(item: str, allowed: str, *, most: int) -> tuple[BeforeValidator, WrapValidator]:
    """At most `most` items that match the pattern `item`."""
    return BeforeValidator(_comma_separated), matching(
        rf"|({item})(,({item})){{0,{most - 1}}}",
        f"at most {most} {allowed}, as a list or separated by commas",
    )
