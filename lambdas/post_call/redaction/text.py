"""A text while its secrets are looked for: its numbers, the names in it, and what was found so far."""

import bisect
import re
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from post_call.redaction import numerals
from post_call.redaction.numerals import Run
from post_call.redaction.vocabulary import CLASSES, NAMES, OTHER, Name, alternatives, pattern

_NEAR = 70  # characters: how far away a word of the same sentence may say what a name means
_SENTENCE_END = re.compile(r"[.?!](?=\s)")
_KINDS = {placeholder: kind for kind, placeholder in CLASSES.items()}
_PLACEHOLDER = re.compile("|".join(map(re.escape, _KINDS)))
_NAME = re.compile(
    "|".join(f"(?P<name{place}>{alternatives(name.phrases)})" for place, name in enumerate(NAMES))
)
_OTHER = Name(OTHER, "")


class Mention(NamedTuple):
    """Where a text names a secret or another number.

    Attributes:
        start: offset of the name.
        end: offset behind it.
        name: what it names.
        direct: only a value that follows at once is meant.
    """

    start: int
    end: int
    name: Name
    direct: bool

    @property
    def kind(self) -> str:
        """The class that is named, or `OTHER` or `QUANTITY`."""
        return self.name.kind


class Secret(NamedTuple):
    """What was found: its offsets, its class, and its digits and folded letters ("" for a placeholder)."""

    start: int
    end: int
    kind: str
    value: str

    @classmethod
    def of(cls, run: Run, kind: str) -> "Secret":
        """The secret that these numbers are together."""
        return cls(run[0].start, run[-1].end, kind, numerals.value(run))


class Text:
    """What was said or written, and the secrets in it.

    Attributes:
        raw: the text.
        role: who said it, if anybody did.
        folded: the text in small letters without accents, of the same length.
        runs: its numbers.
        mentions: the names of secrets and other numbers in it, in order.
        secrets: what was found so far, placeholders of earlier redactions included; no two overlap.
    """

    def __init__(self, raw: str, role: str = "") -> None:
        self.raw = raw
        self.role = role
        self.folded = numerals.fold(raw)
        self.runs = numerals.runs(numerals.words(self.folded))
        self.secrets: list[Secret] = []
        self._taken = bytearray(len(raw))
        self.add(Secret(*found.span(), _KINDS[found[0]], "") for found in _PLACEHOLDER.finditer(raw))
        self.mentions = [
            mention for mention in _mentions(self.folded) if not self.is_taken(mention.start, mention.end)
        ]

    def add(self, secrets: Iterable[Secret]) -> None:
        """Note `secrets`, each unless a part of it is one already."""
        for secret in secrets:
            if not self.is_taken(secret.start, secret.end):
                self.secrets.append(secret)
                self._taken[secret.start : secret.end] = b"x" * (secret.end - secret.start)

    def is_taken(self, start: int, end: int) -> bool:
        """Whether a part of this is a secret already."""
        return self._taken.find(b"x", start, end) >= 0

    def is_free(self, start: int, end: int) -> bool:
        """Whether no part of this is in a secret or a name."""
        at = bisect.bisect_right(self.mentions, start, key=lambda mention: mention.end)
        is_named = at < len(self.mentions) and self.mentions[at].start < end
        return not is_named and not self.is_taken(start, end)

    def mention_before(self, place: int) -> Mention | None:
        """The last name that ends at `place` or before it."""
        at = bisect.bisect_right(self.mentions, place, key=lambda mention: mention.end)
        return self.mentions[at - 1] if at else None

    def mention_behind(self, place: int) -> Mention | None:
        """The first name that starts at `place` or behind it."""
        at = bisect.bisect_left(self.mentions, place, key=lambda mention: mention.start)
        return self.mentions[at] if at < len(self.mentions) else None

    def numbers(self) -> list[Run]:
        """The numbers that are in no secret yet, in order."""
        free = ([found for found in run if not self.is_taken(found.start, found.end)] for run in self.runs)
        return [piece for run in free if run for piece in numerals.split(self.folded, run)]

    def redacted(self, keep: Collection[str]) -> str:
        """The text with a placeholder for each secret but those of the classes to `keep`."""
        parts: list[str] = []
        done = 0
        for secret in sorted(self.secrets):
            gap, placeholder = self.raw[done : secret.start], CLASSES[secret.kind]
            if secret.kind in keep:
                parts.append(self.raw[done : secret.end])
            elif not parts or parts[-1] != placeholder or gap.strip(" ,.-/"):
                parts += [gap, placeholder]
            done = secret.end
        return "".join([*parts, self.raw[done:]])


def sentence_around(folded: str, start: int, end: int) -> str:
    """What stands in the same sentence as `start` to `end`, at most 70 characters to each side."""
    before = _SENTENCE_END.split(folded[max(0, start - _NEAR) : start])[-1]
    return before + folded[start:end] + _SENTENCE_END.split(folded[end : end + _NEAR])[0]


def _mentions(folded: str) -> Iterator[Mention]:
    for found in _NAME.finditer(folded):
        name = NAMES[int(str(found.lastgroup)[4:])]
        direct = name.direct
        if name.near and not _is_near(folded, found, name.near):
            if not name.otherwise:
                continue
            direct = name.otherwise != OTHER
            name = name if direct else _OTHER
        yield Mention(found.start(), found.end(), name, direct)


def _is_near(folded: str, found: re.Match[str], words: str) -> bool:
    """Whether one of the `words` stands in the same sentence or shortly before it."""
    before = folded[max(0, found.start() - _NEAR) : found.start()]
    return pattern(words).search(before + sentence_around(folded, *found.span())) is not None
