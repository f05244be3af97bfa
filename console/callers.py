"""Callers as pages name them: numbers masked until asked for, and a reference instead of the number."""

import hashlib
import hmac
import itertools
from collections.abc import Callable, Iterable

from shared.logs import shorten

_MOST_KNOWN = 100_000
_MOST_SEARCHED = 20_000  # of the users that Mem0 lists


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


def without_number(text: str, user_id: str) -> str:
    """`text` with the caller's number masked."""
    return text.replace(user_id, masked(user_id)) if user_id else text
