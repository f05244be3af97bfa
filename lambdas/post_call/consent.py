"""Whether what was collected in a call means "do not remember me"."""

import re
from collections.abc import Iterable, Mapping

_ADDED = re.compile(r"[.!,;:]")

_SAME = {
    **dict.fromkeys(("false", "0", "off", "none", "nein", "non"), "no"),
    **dict.fromkeys(("true", "1", "on", "ja", "si", "s\u00ed", "oui"), "yes"),
}
"""Words for the same answer: ElevenLabs' booleans are collected as yes and no, and models write either."""


def is_refused(collected: Mapping[str, str], rules: Iterable[tuple[str, str]]) -> bool:
    """Whether a collected value is one that means no.

    Args:
        collected: what ElevenLabs collected, by field.
        rules: fields and the values of them that mean no. Case, spaces, and what a model adds behind a
            comma or a period ("No, the caller declined.") do not matter.
    """
    found = {(_normalized(field), _answer(value)) for field, value in collected.items()}
    return any((_normalized(field), _answer(value)) in found for field, value in rules)


def _normalized(text: str) -> str:
    return " ".join(text.casefold().split())


def _answer(value: str) -> str:
    text = _ADDED.split(_normalized(value), maxsplit=1)[0]
    return _SAME.get(text, text)
