"""The words of a text that carry its meaning, cut to stems; for comparing texts in any language.

English stop words are left out. In other languages, words that are in every text compared weigh next to
nothing anyway.
"""

import re

_WORD = re.compile(r"\w+")
_STEM = 5
"""Letters of a word that count: `organ`, `organs` and `organist` are one; most endings are grammar."""

_STOP = frozenset(
    """
    a about agent all also am an and any are as at be been being but by call caller can could d did do does
    doing don for from had has have having he her hers him his how i if in into is it its just ll m me more
    most must my no nor not of on or our out re s said say she should so some such t than that the their them
    then there these they this those to too up us ve very was we were what when where which who whom whose why
    will with won would you your yours
    """.split()
)


def terms(text: str) -> list[str]:
    """What tells something in `text`, in order: numbers, and the first letters of its words."""
    words = _WORD.findall(text.casefold())
    return [word if word.isdigit() else word[:_STEM] for word in words if word not in _STOP]
