"""What may be taken for a person's name, and which names are one person's."""

import re
import unicodedata

from shared.text import plain_text

_LONGEST = 60
_MOST_WORDS = 5
_LETTER = r"[^\W\d_]"
_WORD = re.compile(rf"{_LETTER}+(?:['\u2019-]{_LETTER}+)*")
_ABBREVIATION = re.compile(rf"{_LETTER}{{1,4}}\.|(?:{_LETTER}\.){{2,3}}")  # "J.", "Dr.", "Prof.", "J.R."
_PARTICLES = frozenset(
    """
    al ap ben bin binti da das de dei del della den der di do dos du el ibn la las le les lo los op san st
    ten ter the van vom von vor y zu zum zur
    """.split()
)

_TITLES = frozenset(
    "mr mrs ms miss mx dr prof sir herr frau senor senora sr sra m mme mlle monsieur madame".split()
)
_SOUNDS = (
    ("ph|v|w", "f"),
    ("th", "t"),
    ("sch|sh", "s"),
    ("ck|c(?=[^eiyh]|$)|q", "k"),
    ("ch(?=r)", "k"),
    ("c(?=[eiy])|z", "s"),
    ("(?<=.)h", ""),
    ("ai|ay|ey|ei|ie|ee|y", "i"),
    (r"(.)\1", r"\1"),
)
"""Spellings that sound alike in one language or another, and the one that stands for them; in this order."""


def person_name(value: object) -> str:
    """`value` on one line if it reads as a name, else an empty string.

    A name has at most five words of letters, apostrophes and hyphens, each with a capital letter but for
    particles ("van", "de"); one or two words may be all in small letters.
    """
    if not isinstance(value, str) or len(value) > _LONGEST:
        return ""
    name = plain_text(value)
    words = name.split()
    if not 0 < len(words) <= _MOST_WORDS:
        return ""
    if not all(_WORD.fullmatch(word) or _ABBREVIATION.fullmatch(word) for word in words):
        return ""
    small = [word for word in words if word[0].islower() and word not in _PARTICLES]
    return "" if small and (len(words) > 2 or len(small) < len(words)) else name  # noqa: PLR2004


def same_person(name: str, other: str) -> bool:
    """Whether two names may be one person's: spelled otherwise, or one of them without the last name.

    "Jon", "John Smith" and "SMITH, John" are; "Maria" and "Mario", "Paul" and "Paula" are not.
    """
    ours, theirs = _sounds(name), _sounds(other)
    if not ours or not theirs:
        return True
    if len(ours) == 1 or len(theirs) == 1:
        return ours[0] == theirs[0]
    return {ours[0], ours[-1]} == {theirs[0], theirs[-1]}


def _sounds(name: str) -> list[str]:
    """A name's words as they sound, roughly, without titles."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(character for character in letters if not unicodedata.combining(character))
    words = re.findall(r"[^\W\d_]+", plain)
    return [_sound(word) for word in words if word not in _TITLES] or [_sound(word) for word in words]


def _sound(word: str) -> str:
    for spelling, sound in _SOUNDS:
        word = re.sub(spelling, sound, word)
    return word
