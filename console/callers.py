"""Callers as pages name them: numbers masked until asked for, and a reference instead of the number."""

import functools
import hashlib
import hmac
import itertools
import re
from collections.abc import Callable, Iterable

from shared.logs import shorten

_MOST_KNOWN = 100_000
_MOST_SEARCHED = 20_000  # of the users that Mem0 lists
_LOCAL = 7  # digits of a number at its end, which are enough to know it by
_BETWEEN = r"[\s()./\-\u2010-\u2015\u2212]{0,2}"
_SIGNS = re.compile(r"[^+\d]", re.ASCII)
_TYPED = re.compile(rf"\+?\(?(?:\d{_BETWEEN}){{6,14}}\d", re.ASCII)
_INTERNATIONAL = re.compile(rf"\+(?:\d{{7,15}}|\d(?:{_BETWEEN}\d){{6,14}})(?!\d)", re.ASCII)


class References:
    """A reference stands for a caller in addresses, which browsers keep and show.

    It is a keyed digest of the user id, so it stays the same and says nothing. Which caller it means is known
    for all who were shown; after a restart, Mem0's users are looked through.

    Args:
        key: of the digest.
        everybody: lists the user ids.
    """

    def __init__(self, key: str, everybody: Callable[[], Iterable[str]]) -> None:
        self._key = key.encode()
        self._everybody = everybody
        self._known: dict[str, str] = {}

    def of(self, user_id: str) -> str:
        """The reference of a caller."""
        reference = hmac.new(self._key, user_id.encode(), hashlib.sha256).hexdigest()[:24]
        if len(self._known) < _MOST_KNOWN:
            self._known[reference] = user_id
        return reference

    def user_id(self, reference: str) -> str | None:
        """The caller of a reference; None if there is none."""
        if reference in self._known:
            return self._known[reference]
        for user_id in itertools.islice(self._everybody(), _MOST_SEARCHED):
            if self.of(user_id) == reference:
                return user_id
        return None


def masked(user_id: str) -> str:
    """A phone number as pages show it until asked for: `+1612•••0142`. Other ids as they are."""
    return shorten(user_id)


def without_numbers(text: str, user_id: str = "") -> str:
    """`text` with phone numbers masked: the caller's own in any spelling, others with their country."""
    if own := _spelled(user_id):
        text = own.sub(masked(_SIGNS.sub("", user_id)), text)
    return _INTERNATIONAL.sub(_masked_digits, text) if "+" in text else text


def _masked_digits(found: re.Match[str]) -> str:
    return masked(_SIGNS.sub("", found[0]))


@functools.lru_cache(maxsize=256)
def _spelled(user_id: str) -> re.Pattern[str] | None:
    """A phone number in groups, without its country, or with zeros before it; None for other ids."""
    if not _TYPED.fullmatch(user_id):
        return None
    digits = _SIGNS.sub("", user_id).removeprefix("+")
    country = ""  # and whatever else people leave out
    for digit in digits[:-_LOCAL]:
        country = f"(?:{country}{digit}{_BETWEEN})?"
    return re.compile(rf"(?<!\d)\+?\(?0{{0,2}}{country}{_BETWEEN.join(digits[-_LOCAL:])}(?!\d)")
