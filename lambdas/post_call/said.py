"""A text while its secrets are looked for: the text, its numbers, its words for secrets, and what was found.

It knows where things stand, not what they mean; `codes`, `cards` and `passwords` find, `redaction` decides.
"""

from collections.abc import Iterable
from typing import NamedTuple

from post_call import spoken
from post_call.secret_words import CARD, mentions


class Secret(NamedTuple):
    """What was found in a text: offsets, what it is, and its digits or folded words."""

    start: int
    end: int
    kind: str
    value: str

    @classmethod
    def of(cls, numbers: spoken.Run, kind: str) -> "Secret":
        """The secret that these numbers are together."""
        return cls(numbers[0].start, numbers[-1].end, kind, spoken.digits(numbers))


class Said:
    """A text and the secrets in it.

    Attributes:
        raw: the text as it was said or typed.
        role: who said it, if anybody did.
        secrets: what was found so far; no two of them overlap.
    """

    def __init__(self, raw: str, role: str = "") -> None:
        self.raw = raw
        self.role = role
        self.secrets: list[Secret] = []
        self.folded = spoken.fold(self.raw)
        self.runs = spoken.runs(self.folded)
        self.mentions = mentions(self.folded)
        self._taken = bytearray(len(self.raw))

    def add(self, secrets: Iterable[Secret]) -> int:
        """Note `secrets`, each unless a part of it is one already, and say how many there were."""
        noted = list(secrets)
        for secret in noted:
            if not self._is_taken(secret.start, secret.end):
                self.secrets.append(secret)
                self._taken[secret.start : secret.end] = b"x" * (secret.end - secret.start)
        return len(noted)

    def pieces(self) -> list[spoken.Run]:
        """The numbers that are in no secret yet, in order."""
        free = ([each for each in run if not self._is_taken(each.start, each.end)] for run in self.runs)
        return [piece for run in free if run for piece in spoken.split(self.folded, run)]

    def redacted(self) -> str:
        """The text with a placeholder for each secret; the groups of one card number share theirs."""
        parts: list[str] = []
        done = 0
        for secret in sorted(self.secrets):
            gap = self.raw[done : secret.start]
            if not parts or secret.kind != CARD or parts[-1] != f"[{CARD}]" or gap.strip(" ,.-"):
                parts += [gap, f"[{secret.kind}]"]
            done = secret.end
        return "".join([*parts, self.raw[done:]])

    def _is_taken(self, start: int, end: int) -> bool:
        return self._taken.find(b"x", start, end) >= 0
