"""Numbers as people say and type them: `4242-4242`, "four two double four", "quarante-deux".

It only finds digits and where they stand; what they mean is decided in `redaction`. It refuses to guess at
homophones ("to", "for"): a transcript that has them has lost the number already.
"""

import functools
import itertools
import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple


class Number(NamedTuple):
    """Digits that stand together: `4242`, "forty-two", "double five". `start` and `end` are offsets."""

    start: int
    end: int
    digits: str


Run = list[Number]
"""Numbers with nothing between them but spaces, dashes, dots, commas and words like "uh"."""

_UNITS = {
    "0": "zero oh o nought naught null cero",
    "1": "one eins ein uno un une",
    "2": "two zwei zwo dos deux",
    "3": "three drei tres trois",
    "4": "four vier cuatro quatre",
    "5": "five funf cinco cinq",
    "6": "six sechs seis",
    "7": "seven sieben siete sept",
    "8": "eight acht ocho huit",
    "9": "nine niner neun nueve neuf",
}
_TEENS = {
    "10": "ten zehn diez dix",
    "11": "eleven elf once onze",
    "12": "twelve zwolf doce douze",
    "13": "thirteen dreizehn trece treize",
    "14": "fourteen vierzehn catorce quatorze",
    "15": "fifteen funfzehn quince quinze",
    "16": "sixteen sechzehn dieciseis seize",
    "17": "seventeen siebzehn diecisiete",
    "18": "eighteen achtzehn dieciocho",
    "19": "nineteen neunzehn diecinueve",
}
_TENS = {
    "2": "twenty zwanzig veinte vingt vingts",
    "3": "thirty dreissig dreisig treinta trente",
    "4": "forty fourty vierzig cuarenta quarante",
    "5": "fifty funfzig cincuenta cinquante",
    "6": "sixty sechzig sesenta soixante",
    "7": "seventy siebzig setenta septante",
    "8": "eighty achtzig ochenta huitante",
    "9": "ninety neunzig noventa nonante",
}


def _table(rows: dict[str, str]) -> dict[str, str]:
    return {word: digits for digits, words in rows.items() for word in words.split()}


_UNIT = _table(_UNITS)
_TEN = _table(_TENS)
_WHOLE = {**_UNIT, **_table(_TEENS)}
# German says the unit first, in one word; Spanish joins the twenties.
for _word, _digit in [("ein", "1"), *((word, digit) for word, digit in _UNIT.items() if digit > "1")]:
    _WHOLE |= {f"{_word}und{ten}": f"{tens}{_digit}" for ten, tens in _TEN.items()}
    _WHOLE[f"veinti{_word}"] = f"2{_digit}"
_WHOLE["veintiuno"] = "21"
_REPEATED = {"double": 2, "doble": 2, "doppel": 2, "zweimal": 2, "triple": 3, "treble": 3, "dreimal": 3}
_ZEROS = {"hundred": "00", "hundert": "00", "cent": "00", "thousand": "000", "tausend": "000", "mille": "000"}
_AND = frozenset({"and", "y", "et", "und", "then"})
_PAUSES = _AND.union(
    [
        "uh",
        "um",
        "er",
        "erm",
        "hm",
        "eh",
        "euh",
        "ah",
        "ahm",
        "dash",
        "hyphen",
        "space",
        "minus",
        "bindestrich",
        "guion",
        "tiret",
    ]
)
_OFTEN_NO_NUMBER = frozenset({"oh", "o", "one", "un", "une", "uno", "ein", "once", "elf", "null", "neuf"})

_WORD = re.compile(r"\d+|[^\W\d_]+")
_NO_GAP = re.compile(r"[^\s\w.,_…·‐-―-]")  # noqa: RUF001 - the dashes that people and transcribers use
_SMALL_GAP = re.compile(r"[ -]?")
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


def runs(folded: str) -> list[Run]:
    """The numbers in a folded text, gathered into runs."""
    gathered: list[Run] = []
    for number in _numbers(folded):
        if gathered and _joined(folded[gathered[-1][-1].end : number.start]):
            gathered[-1].append(number)
        else:
            gathered.append([number])
    return [
        run for run in gathered if len(run) > 1 or folded[run[0].start : run[0].end] not in _OFTEN_NO_NUMBER
    ]


def split(folded: str, run: Run) -> Iterator[Run]:
    """`run` where a new number seems to begin: "4711 and 12" is two, "4, 7, 1, 1" and "47 11" are one."""
    piece: Run = []
    said = 0  # digits since the last comma
    for number in run:
        gap = folded[piece[-1].end : number.start] if piece else ""
        comma = any(mark in gap for mark in ",.…")
        if piece and (not _AND.isdisjoint(_WORD.findall(gap)) or (comma and said > 2)):  # noqa: PLR2004
            yield piece
            piece, said = [], 0
        said = len(number.digits) + (0 if comma else said)
        piece.append(number)
    yield piece


def digits(run: Run) -> str:
    """All digits of a run."""
    return "".join(number.digits for number in run)


def _joined(gap: str) -> bool:
    """Whether numbers with `gap` between them can be parts of one."""
    return (
        len(gap) <= _LONGEST_GAP
        and not _NO_GAP.search(gap)
        and all(word in _PAUSES for word in _WORD.findall(gap))
    )


def _numbers(folded: str) -> Iterator[Number]:
    words = [(each.start(), each.end(), each.group()) for each in _WORD.finditer(folded)]
    at = 0
    while at < len(words):
        used, value = _number(folded, words[at : at + 4])
        if used:
            yield Number(words[at][0], words[at + used - 1][1], value)
        at += used or 1


def _number(folded: str, words: list[tuple[int, int, str]]) -> tuple[int, str]:
    """How many of `words`, from the first on, are one number, and its digits. 0 if the first begins none."""
    near = [word for _, _, word in words[:1]]
    for before, after in itertools.pairwise(words):
        if not _SMALL_GAP.fullmatch(folded, before[1], after[0]):
            break
        near.append(after[2])
    near += [""] * (4 - len(near))
    if near[0] in _REPEATED:
        digit = _UNIT.get(near[1], near[1] if near[1].isdecimal() and len(near[1]) == 1 else "")
        return (2, _plain(digit) * _REPEATED[near[0]]) if digit else (0, "")
    if near[0].isdecimal():
        return 1, _plain(near[0])
    tens, used = (_TEN[near[0]], 1) if near[0] in _TEN else ("", 0)
    if near[0] == "quatre" and near[1] in {"vingt", "vingts"}:
        tens, used = "8", 2
    if tens:
        rest = used + (near[used] in {"y", "et"})
        more = _WHOLE.get(near[rest], "")
        if more and more != "0" and (len(more) == 1 or near[0] in {"soixante", "quatre"}) and len(more) < 3:  # noqa: PLR2004
            return rest + 1, str(int(tens) * 10 + int(more))
        return used, f"{tens}0"
    if near[0] in _WHOLE:
        zeros = _ZEROS.get(near[1], "")
        return (2 if zeros else 1), _WHOLE[near[0]] + zeros
    return 0, ""


def _plain(written: str) -> str:
    return "".join(str(unicodedata.decimal(each)) for each in written)
