"""Payment card numbers among the digits that were said: by issuer, length and Luhn's check.

Luhn alone would take one in ten of all long numbers. An issuer's first digits and lengths leave order
numbers, IMEIs and timestamps alone. Source of the check digit: ISO/IEC 7812-1.
"""

import itertools
import re
from collections.abc import Iterator, Sequence

from post_call.redaction import numerals
from post_call.redaction.named_numbers import is_named_otherwise
from post_call.redaction.numerals import Number
from post_call.redaction.text import Secret, Text
from post_call.redaction.vocabulary import CARD, pattern

_LENGTHS = range(13, 20)
_ISSUED = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"  # Mastercard
    r"|3[47]\d{13}|3(?:0[0-59]|[689]\d)\d{11,16}"  # American Express, Diners Club
    r"|6\d{12,18}|(?:50|5[6-9])\d{11,17}"  # Discover, UnionPay, RuPay, Maestro
    r"|35(?:2[89]|[3-8]\d)\d{12,15}|220[0-4]\d{12,15}|(?:81|82)\d{14,17}|9792\d{12}"  # JCB, Mir, RuPay, Troy
)
_USUAL = {"2": (16,), "3": (16, 15, 14), "4": (16,), "5": (16,), "6": (16,), "8": (16,), "9": (16,)}
"""The lengths that most cards have, by first digit: asked of a number that is a part of what was said."""
_WORD = re.compile(r"[^\W\d_]+")
_DOUBLED = str.maketrans("0123456789", "0246813579")  # and the digits of that added up
_MOST_WORDS = 6
_LONGEST_PART = 300


def find(text: Text) -> Iterator[Secret]:
    """The card numbers in one text."""
    by_name = pattern("card_networks").search(text.folded) is not None
    for run in text.runs:
        if _is_account_or_phone(text.folded, run[0].start) or (
            not by_name and is_named_otherwise(text, run[0].start)
        ):
            continue
        for found in _windows([number.digits for number in run], whole=True, by_name=by_name):
            yield Secret.of(run[found], CARD)


def find_split(texts: Sequence[Text]) -> None:
    """Note card numbers that one side said in several turns, with nothing but a short "yes?" between."""
    for role in {text.role for text in texts}:
        parts: list[tuple[Text, Number]] = []
        for text in texts:
            if text.role == role and is_mostly_digits(text) and not text.secrets:
                runs = (run for run in text.runs if not is_named_otherwise(text, run[0].start))
                parts += [(text, number) for run in runs for number in run]
            elif text.role == role or text.mentions:
                _join(parts)
                parts = []
        _join(parts)


def is_mostly_digits(text: Text) -> bool:
    """Whether a turn is a number and a few words at most: a part of one that is read out."""
    if len(text.folded) > _LONGEST_PART:
        return False
    said = sum(len(numerals.value(run)) for run in text.runs)
    spelled = sum(
        len(_WORD.findall(text.folded, number.start, number.end)) for run in text.runs for number in run
    )
    return 1 < said <= _LENGTHS[-1] and len(_WORD.findall(text.folded)) - spelled <= _MOST_WORDS


def _join(parts: Sequence[tuple[Text, Number]]) -> None:
    for found in _windows([number.digits for _, number in parts], whole=False):
        card = "".join(number.digits for _, number in parts[found])
        for text, number in parts[found]:
            text.add([Secret(number.start, number.end, CARD, card)])


def _windows(groups: Sequence[str], *, whole: bool, by_name: bool = False) -> Iterator[slice]:
    """Where card numbers stand in groups of digits, such as `["4242", "4242", "4242", "4242"]`.

    Args:
        groups: the digits as they were said. A card is made of whole groups.
        whole: whether all groups together may be a card of a rare length.
        by_name: whether a card was spoken of, so that one of an unknown issuer is believed.
    """
    digits = "".join(groups)
    if whole and _is_card(digits, by_name=by_name):
        yield slice(0, len(groups))
        return
    ends = list(itertools.accumulate(map(len, groups)))
    place_of = {end: place for place, end in enumerate(ends, 1)}
    done = 0
    for first, begin in enumerate([0, *ends][: len(groups)]):
        for length in _USUAL.get(digits[begin], ()):
            last = place_of.get(begin + length)
            if last and first >= done and _is_card(digits[begin : begin + length]):
                yield slice(first, last)
                done = last
                break


def _is_card(digits: str, *, by_name: bool = False) -> bool:
    if len(digits) not in _LENGTHS or digits[0] == "0":
        return False
    return (by_name or _ISSUED.fullmatch(digits) is not None) and _passes_luhn(digits)


def _passes_luhn(digits: str) -> bool:
    return sum(map(int, digits[-1::-2] + digits[-2::-2].translate(_DOUBLED))) % 10 == 0


def _is_account_or_phone(folded: str, start: int) -> bool:
    """Whether the number goes on from a country's letters (an IBAN) or a plus (a phone number)."""
    before = folded[max(0, start - 3) : start]
    return before.endswith("+") or bool(re.fullmatch(r"(?:^|.*[^a-z])[a-z]{2}", before))
