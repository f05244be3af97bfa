"""Finds memories by their words with SQLite's FTS5, and scales its BM25 to 0..1.

A score is divided by what a memory of ordinary length would get that holds every word of the question once.
"""

import hashlib
import math
import re
import sqlite3
import threading
from typing import Final

from local.mem0.english import STOP_WORDS

TOKENIZER: Final = "porter unicode61 remove_diacritics 2"
MOST_WORDS = 48
# Below this many memories document frequencies are read anew for each search: they are cheap and move fast.
SMALL = 2000
COMMON_PART = 5

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

    The vector of a text is the mean of its words. In a question half of them are "what", "is" and "the", and
    their mean is near to every chatty memory. On invented conversations, leaving them out on both sides
    raised the share of questions whose passage is among the first three, by vectors alone, from 89 % to 95 %.
    """
    words = _WORD.findall(text.lower())
    return " ".join([word for word in words if word not in STOP_WORDS] or words)


def match_expression(words: list[str], user_id: str | None) -> str:
    """An FTS5 query for any of ``words``. They are quoted, so nothing in a question is an operator."""
    anyof = " OR ".join(f'"{word}"' for word in words)
    return (
        f"memory : ({anyof})"
        if user_id is None
        else f'owner : "{owner_token(user_id)}" AND memory : ({anyof})'
    )


class Weights:
    """What each word is worth (its inverse document frequency), by the formula of FTS5's ``bm25()``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[int, int]] = {}
        # FTS5 has no function that returns a stem, but a one-row index shows it.
        self._stems: dict[str, str] = {}
        self._stemmer = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._stemmer.execute(f"CREATE VIRTUAL TABLE asked USING fts5(word, tokenize='{TOKENIZER}')")
        self._stemmer.execute("CREATE VIRTUAL TABLE stem USING fts5vocab('asked', 'row')")

    def close(self) -> None:
        """Let go of the private database."""
        self._stemmer.close()

    def choose(self, words: list[str], stored: int, database: sqlite3.Connection) -> tuple[list[str], float]:
        """The words worth looking up, and the BM25 of a mean memory that holds each of them once.

        Among many memories, a word that every fifth holds tells little and costs most, since FTS5 counts all
        its places for each search; it is left out when rarer words remain.

        Args:
            words: From ``query_words``.
            stored: How many memories there are.
            database: Where the vocabulary table ``words_vocabulary`` is.
        """
        with self._lock:
            stems = {word: self._stem(word) for word in words}
            stale = [stem for stem in set(stems.values()) if not self._fresh(stem, stored)]
        if stale:
            marks = ", ".join("?" * len(stale))
            counted: dict[str, int] = dict(
                database.execute(f"SELECT term, doc FROM words_vocabulary WHERE term IN ({marks})", stale)  # noqa: S608
            )
            with self._lock:
                self._known.update({stem: (stored, counted.get(stem, 0)) for stem in stale})
        with self._lock:
            holding = {word: self._known[stem][1] for word, stem in stems.items()}
        rare = [word for word in words if stored < SMALL or holding[word] <= stored // COMMON_PART]
        chosen = rare if any(holding[word] for word in rare) else words
        return chosen, sum(self._weight(holding[word], stored) for word in chosen)

    @staticmethod
    def _weight(holding: int, stored: int) -> float:
        # FTS5 lets a word that is in more than half of the rows count almost nothing.
        return max(math.log((max(stored - holding, 0) + 0.5) / (holding + 0.5)), 1e-6)

    def _fresh(self, stem: str, stored: int) -> bool:
        seen = self._known.get(stem)
        return seen is not None and abs(seen[0] - stored) <= (0 if stored < SMALL else stored // 20)

    def _stem(self, word: str) -> str:
        if word not in self._stems:
            if len(self._stems) > 50_000:  # noqa: PLR2004 - a vocabulary; more is a flood
                self._stems.clear()
            self._stemmer.execute("DELETE FROM asked")
            self._stemmer.execute("INSERT INTO asked VALUES (?)", (word,))
            found = self._stemmer.execute("SELECT term FROM stem").fetchone()
            self._stems[word] = found[0] if found else word
        return self._stems[word]
