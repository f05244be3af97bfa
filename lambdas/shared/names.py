"""What may be taken for a person's name: a few words of letters, and no sentence that a prompt could obey."""

import re

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
