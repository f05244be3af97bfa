"""Finds memories by their words with SQLite's FTS5, and scales its BM25 to 0..1.

A score is divided by what a memory of ordinary length would get that holds every word of the question once.
"""

import hashlib
import math
import re
import sqlite3
from typing import Final

from local.mem0.english import STOP_WORDS

TOKENIZER: Final = "porter unicode61 remove_diacritics 2"
MOST_WORDS = 48
# Below this many memories document frequencies are read anew for each search: they are cheap and move fast.
SMALL = 2000
COMMON_PART = 5
MOST_KNOWN = 50_000  # words; more is a flood

# Runs without space, control sign or punctuation. Not \w+: that cuts Hindi or Thai words at each vowel sign.
_WORD = re.compile(r"[^\x00-/:-@\[-`{-\xbf\u061f\u2000-\u206f\u3000-\u303f\uff00-\uff0f\uff1a-\uff20]+")


def owner_token(user_id: str | None) -> str:
    """One word that stands for a user in the index, so that a search walks only that user's memories."""
    return "o" + hashlib.md5((user_id or "").encode(), usedforsecurity=False).hexdigest()


def query_words(query: str) -> list[str]:
    """The words of a question that carry meaning, each once; all of them if none does."""
    words = list(dict.fromkeys(_WORD.findall(query.lower())))
    telling = [word for word in words if word not in STOP_WORDS]
    return (telling or words)[:MOST_WORDS]


def without_stop_words(text: str) -> str:
    """The words of a text that carry meaning, in small letters and in order; all of them if none does.

    The vector of a text is the mean of its words, and the mean of "what", "is" and "the" is near to every
    chatty memory. On invented conversations, leaving them out on both sides raised the share of questions
    whose passage is among the first three, by vectors alone, from 89 % to 95 %.
    """
    words = _WORD.findall(text.lower())
    return " ".join([word for word in words if word not in STOP_WORDS] or words)


def match_expression(words: list[str], user_id: str | None) -> str:
    """An FTS5 query for any of `words`. They are quoted, so nothing in a question is an operator."""
    quoted = " OR ".join(f'"{word}"' for word in words)
    anyof = f"memory : ({quoted})"
    return anyof if user_id is None else f'owner : "{owner_token(user_id)}" AND {anyof}'


class Weights:
    """What each word is worth (its inverse document frequency), by the formula of FTS5's `bm25()`."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, int]] = {}

    def choose(self, words: list[str], stored: int, database: sqlite3.Connection) -> tuple[list[str], float]:
        """The words worth looking up, and the BM25 of a mean memory that holds each of them once.

        Among many memories, a word that every fifth holds tells little and costs most, since FTS5 counts all
        its places for each search; it is left out when rarer words remain.
        """
        holding = {word: self._holding(word, stored, database) for word in words}
        rare = [word for word in words if stored < SMALL or holding[word] <= stored // COMMON_PART]
        chosen = rare if any(holding[word] for word in rare) else words
        # FTS5 lets a word that is in more than half of the rows count almost nothing.
        weights = [
            math.log((max(stored - holding[word], 0) + 0.5) / (holding[word] + 0.5)) for word in chosen
        ]
        return chosen, sum(max(weight, 1e-6) for weight in weights)

    def _holding(self, word: str, stored: int, database: sqlite3.Connection) -> int:
        """How many memories hold a word; as of when there were about as many as now."""
        seen = self._known.get(word)
        if seen is None or abs(seen[0] - stored) > (0 if stored < SMALL else stored // 20):
            count = "SELECT COUNT(*) FROM words WHERE words MATCH ?"
            seen = (stored, database.execute(count, (f'memory : "{word}"',)).fetchone()[0])
            if len(self._known) > MOST_KNOWN:
                self._known.clear()
            self._known[word] = seen
        return seen[1]
