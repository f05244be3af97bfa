"""Numbers as people say and type them: `4242-4242`, "four two double four", "cinq cent cinquante-deux".

Homophones ("to", "for") are not read as digits: a transcript that has them has lost the number already.
"""

import functools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from post_call.redaction.vocabulary import NUMBERS

_UNITS = {word: value for word, value in NUMBERS.items() if value < 10}  # noqa: PLR2004
_BELOW_20 = {word: value for word, value in NUMBERS.items() if value < 20}  # noqa: PLR2004
_TENS = {word: value for word, value in NUMBERS.items() if 20 <= value < 100}  # noqa: PLR2004
_HUNDREDS = {word: value for word, value in NUMBERS.items() if value >= 100}  # noqa: PLR2004
_HUNDRED = frozenset({"hundred", "hundert", "cent", "cents"})
_THOUSAND = frozenset({"thousand", "tausend", "mil", "mille"})
# German says the unit first, in one word; Spanish joins the twenties.
_COMPOUND = {
    f"{unit}und{ten}": tens + value for unit, value in _UNITS.items() for ten, tens in _TENS.items() if value
} | {f"veinti{unit}": 20 + value for unit, value in _UNITS.items() if value}
TIMES = {"double": 2, "doble": 2, "doppel": 2, "zweimal": 2, "triple": 3, "treble": 3, "dreimal": 3}
AND = frozenset({"and", "y", "et", "und", "then"})
PAUSES = AND | frozenset(
    "uh um er erm hm eh euh ah ahm dash hyphen space minus bindestrich guion tiret".split()
)
_SMALL_GAPS = frozenset({"", " ", "-"})
_NO_NUMBER_ALONE = frozenset(
    {
        *("oh", "o", "one", "un", "une", "uno", "ein", "eine", "once", "elf", "null", "neuf", "cent", "mil"),
        "mille",
    }
)
_BEFORE_PRONOUN = frozenset("new old other same right wrong previous current this that which".split())
_GERMAN = re.compile(r"(?<=hundert)(?:und)?|(?<=tausend)(?:und)?|(?=hundert|tausend)")
_LONGEST_WORD = 45  # neunhundertneunundneunzigtausendneunhundert...
_MOST_WORDS = 9  # "four hundred and forty two thousand two hundred and four"


class Word(NamedTuple):
    """A word or a group of digits: where it stands, and what is between it and the word before."""

    start: int
    end: int
    text: str
    gap: str


class Number(NamedTuple):
    """Digits (and letters, where they count) that stand together: `4242`, "forty-two", "double five"."""

    start: int
    end: int
    digits: str


Run = list[Number]
"""Numbers with nothing between them but spaces, dashes, dots, commas and words like "uh"."""

_WORD = re.compile(r"\d+|[^\W\d_]+")
_NO_GAP = re.compile(r"[^\s\w.,_…·‐-―-]")  # noqa: RUF001 - the dashes that people and transcribers use
_LONGEST_GAP = 24


def fold(text: str) -> str:
    """`text` in small letters without accents, each character where it was; hidden characters are spaces."""
    return text.lower() if text.isascii() and text.isprintable() else "".join(map(_folded, text))


@functools.lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    if unicodedata.category(character) in {"Cf", "Cc", "Mn"}:
        return " "
    plain = unicodedata.normalize("NFKD", character)[0].lower()[0]
    return {"ß": "s", "’": "'", "ʼ": "'"}.get(plain, plain)  # noqa: RUF001 - apostrophes


def words(folded: str) -> list[Word]:
    """The words and groups of digits of a folded text."""
    found: list[Word] = []
    end = 0
    for match in _WORD.finditer(folded):
        found.append(Word(match.start(), match.end(), match.group(), folded[end : match.start()]))
        end = match.end()
    return found


def runs(said: Sequence[Word]) -> list[Run]:
    """The numbers among words, gathered into runs."""
    gathered: list[Run] = []
    at = 0
    joined = False
    while at < len(said):
        used, digits = number(said, at)
        joined = joined and not _NO_GAP.search(said[at].gap) and (used > 0 or said[at].text in PAUSES)
        if used:
            found = Number(said[at].start, said[at + used - 1].end, digits)
            if joined and found.start - gathered[-1][-1].end <= _LONGEST_GAP:
                gathered[-1].append(found)
            else:
                gathered.append([found])
            joined = True
        at += used or 1
    texts = {(word.start, word.end): word.text for word in said}
    return [run for run in gathered if len(run) > 1 or texts.get(run[0][:2], "") not in _NO_NUMBER_ALONE]


def split(folded: str, run: Run) -> Iterator[Run]:
    """`run` where a new number seems to begin: "4711 and 12" is two, "4, 7, 1, 1" and "47 11" are one."""
    piece: Run = []
    said = 0  # digits since the last comma
    for found in run:
        gap = folded[piece[-1].end : found.start] if piece else ""
        comma = any(mark in gap for mark in ",.…")
        if piece and (not AND.isdisjoint(_WORD.findall(gap)) or (comma and said > 2)):  # noqa: PLR2004
            yield piece
            piece, said = [], 0
        said = len(found.digits) + (0 if comma else said)
        piece.append(found)
    yield piece


def value(run: Run) -> str:
    """All digits of a run."""
    return "".join(found.digits for found in run)


def number(said: Sequence[Word], at: int) -> tuple[int, str]:
    """How many words from `at` on are one number, and its digits; 0 if none begins there."""
    first = said[at].text
    if first[0].isdigit():
        return 1, "".join(str(unicodedata.decimal(digit, "")) for digit in first)
    if first in TIMES:
        digit = said[at + 1].text if at + 1 < len(said) and said[at + 1].gap in _SMALL_GAPS else ""
        digit = str(_UNITS.get(digit, digit))
        return (2, digit * TIMES[first]) if len(digit) == 1 and digit.isdecimal() else (0, "")
    if "hundert" in first or "tausend" in first:
        parts = _german(first)
        used, value = _cardinal(parts)
        return (1, str(value)) if used == len(parts) else (0, "")
    if first not in _NUMBER_WORDS or (first == "one" and at and said[at - 1].text in _BEFORE_PRONOUN):
        return 0, ""
    near = [first]
    for word in said[at + 1 : at + _MOST_WORDS]:
        if word.gap not in _SMALL_GAPS:
            break
        near.append(word.text)
    used, value = _cardinal(near)
    return used, str(value) if used else ""


def _cardinal(near: Sequence[str]) -> tuple[int, int]:
    """The number that the words begin with: "four thousand two hundred and forty-two"."""
    used, value = _below_1000(near)
    if near[used : used + 1] and near[used] in _THOUSAND and (value or not used):
        used += 1
        more, rest = _below_1000(near[used:])
        return used + more, (value or 1) * 1000 + rest
    return used, value


def _below_1000(near: Sequence[str]) -> tuple[int, int]:
    """Up to "nine hundred ninety-nine"; also "forty-two hundred", as years and cards are read."""
    if not near:
        return 0, 0
    if near[0] in _HUNDREDS:
        used, value = 1, _HUNDREDS[near[0]]
    else:
        used, value = _below_100(near)
        if not value or near[used : used + 1] == [] or near[used] not in _HUNDRED:
            return used, value
        used, value = used + 1, value * 100
    joined = used + (used < len(near) and near[used] in AND)
    more, rest = _below_100(near[joined:])
    return (joined + more, value + rest) if rest else (used, value)


def _below_100(near: Sequence[str]) -> tuple[int, int]:
    first = near[0] if near else ""
    if first in _COMPOUND:
        return 1, _COMPOUND[first]
    if first == "quatre" and near[1:2] in (["vingt"], ["vingts"]):
        used, tens, most = 2, 80, 20
    elif first in _TENS:
        used, tens, most = 1, _TENS[first], 20 if first == "soixante" else 10
    elif first in _BELOW_20:
        if first == "dix" and near[1:2] and _UNITS.get(near[1], 0) > 6:  # noqa: PLR2004 - dix-sept
            return 2, 10 + _UNITS[near[1]]
        return 1, _BELOW_20[first]
    else:
        return 0, 0
    joined = used + (used < len(near) and near[used] in AND)
    rest = _BELOW_20.get(near[joined], 0) if joined < len(near) else 0
    if most > 10 and rest == 10:  # noqa: PLR2004 - soixante-dix-sept
        more, rest = _below_100(near[joined:])
        return joined + more, tens + rest
    return (joined + 1, tens + rest) if 0 < rest < most else (used, tens)


def _german(word: str) -> list[str]:
    """The parts of a number in one word: "funfhundertzweiundfunfzig" is "funf hundert zweiundfunfzig"."""
    return [part for part in _GERMAN.split(word[:_LONGEST_WORD]) if part]


_NUMBER_WORDS = frozenset({*NUMBERS, *_COMPOUND, *_THOUSAND})
