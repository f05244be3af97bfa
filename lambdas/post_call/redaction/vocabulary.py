"""The names of secrets and the other words of `vocabulary.toml`, and how a list of phrases is matched."""

import functools
import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

CARD = "card_number"
SECURITY_CODE = "security_code"
ONE_TIME_CODE = "one_time_code"
PIN = "pin"
PASSWORD = "password"  # noqa: S105 - what it is called, not what it is
NATIONAL_ID = "national_id"
BANK_ACCOUNT = "bank_account"
OTHER = "other number"
"""A number that is no secret, such as an order's."""
QUANTITY = "quantity"
"""An amount, a count or a time that is asked for."""

_DATA: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
CLASSES: dict[str, str] = _DATA["placeholders"]
"""The classes of secrets, and what stands in their place."""
NUMBERS: dict[str, int] = {
    word: int(value) for value, words in _DATA["numbers"].items() for word in words.split()
}
NATO = frozenset(_DATA["words"]["nato"].split())
NO_PASSWORD = frozenset(_DATA["words"]["no_password"].split())


class Name(NamedTuple):
    """What a class of secrets is called.

    Attributes:
        kind: a class, `OTHER` or `QUANTITY`.
        phrases: the list.
        length: the fewest and the most characters that its value has.
        near: if given, the phrases mean this only if one of this list is in the same sentence.
        otherwise: what they mean if none is. A class: then only a value that follows at once is one.
        direct: only a value that follows at once is one, whatever is near.
    """

    kind: str
    phrases: str
    length: tuple[int, int] = (0, 0)
    near: str = ""
    otherwise: str = ""
    direct: bool = False


NAMES = tuple(Name(**name) for name in _DATA["names"])
"""The first of two that begin at the same place counts."""


@functools.cache
def phrases(name: str) -> str:
    """The list of that name in `vocabulary.toml`, as one regular expression."""
    return alternatives(_DATA["words"][name])


@functools.cache
def pattern(name: str) -> re.Pattern[str]:
    """`phrases`, compiled."""
    return re.compile(phrases(name))


def alternatives(phrases: str) -> str:
    """The phrases of a list as one regular expression for whole words, the longest first."""
    listed = [phrase.strip() for phrase in re.split(r"[;\n]", phrases) if phrase.strip()]
    whole = "|".join(
        sorted((_spaced(phrase) for phrase in listed if phrase[0] != "*"), key=len, reverse=True)
    )
    ends = "|".join(_spaced(phrase[1:]) for phrase in listed if phrase[0] == "*")
    return "|".join([rf"\b(?:{whole})(?!\w)"] * bool(whole) + [rf"(?:{ends})(?!\w)"] * bool(ends))


def _spaced(phrase: str) -> str:
    return phrase.replace(" ", "[ -]?").replace("(", "(?:").replace("(?:?", "(?")
