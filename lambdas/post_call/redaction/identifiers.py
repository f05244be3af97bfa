"""Identity and bank account numbers that are known by their form and check digits.

Only forms that hardly any other number has: all others are found by their names (`named_numbers`).
Sources: ISO 13616 (IBAN), the numbers' national definitions.
"""

import re
from collections.abc import Callable, Iterator

from post_call.redaction.named_numbers import is_named_otherwise
from post_call.redaction.text import Secret, Text
from post_call.redaction.vocabulary import BANK_ACCOUNT, NATIONAL_ID

_IBAN = re.compile(r"(?<![a-z0-9])[a-z]{2}\d\d(?=[ -]?[a-z0-9])")
_IBAN_LENGTHS = range(15, 35)
_AS_DIGITS = {ord(letter): str(number) for number, letter in enumerate("abcdefghijklmnopqrstuvwxyz", 10)}
_LONGEST_WRITTEN = 45  # an IBAN with its spaces
_GROUP = re.compile(r"[a-z0-9]+")
_DNI_LETTERS = "trwagmyfpdxbnjzsqvhlcke"


def _is_nir(value: str) -> bool:
    digits = value.replace("2a", "19").replace("2b", "18")  # Corsica
    return 97 - int(digits[:13]) % 97 == int(digits[13:])


def _is_dni(value: str) -> bool:
    digits = str("xyz".find(value[0])) + value[1:8] if value[0] in "xyz" else value[:8]
    return value[-1] == _DNI_LETTERS[int(digits) % 23]


def _always(_value: str) -> bool:
    return True


_FORMS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    (r"\d{3}-\d\d-\d{4}", _always),  # United States: social security number
    (
        r"[a-ceghj-prstw-z][a-ceghj-nprstw-z][ ]?\d\d[ ]?\d\d[ ]?\d\d[ ]?[a-d]",
        _always,
    ),  # United Kingdom: NINO
    (
        r"[12][ ]?\d\d[ ]?(?:0[1-9]|1[0-2])[ ]?(?:\d\d|2[ab])[ ]?\d{3}[ ]?\d{3}[ ]?\d\d",
        _is_nir,
    ),  # France: NIR
    (r"(?:\d{8}|[xyz]\d{7})[ -]?[a-z]", _is_dni),  # Spain: DNI, NIE
    (r"[a-z]{6}\d\d[a-z]\d\d[a-z]\d{3}[a-z]", _always),  # Italy: codice fiscale
)
_FORM = re.compile(
    "|".join(rf"(?<![\w-])(?P<form{place}>{form})(?![\w-])" for place, (form, _) in enumerate(_FORMS))
)


def find(text: Text) -> Iterator[Secret]:
    """The IBANs and national identity numbers in one text."""
    for begin in _IBAN.finditer(text.folded):
        yield from _iban(text.folded, begin.start())
    for found in _FORM.finditer(text.folded):
        value = re.sub("[ -]", "", found[0])
        is_valid = _FORMS[int(str(found.lastgroup)[4:])][1]
        if is_valid(value) and not is_named_otherwise(text, found.start()):
            yield Secret(*found.span(), NATIONAL_ID, value)


def _iban(folded: str, start: int) -> Iterator[Secret]:
    """The IBAN that begins at `start`, if its check digits fit a number that ends where a word ends."""
    value, end = "", start
    for group in _GROUP.finditer(folded, start, start + _LONGEST_WRITTEN):
        if value and folded[end : group.start()] not in {" ", "-"}:
            return
        value, end = value + group[0], group.end()
        if len(value) not in _IBAN_LENGTHS or folded[end : end + 1].isalnum():
            continue
        if int((value[4:] + value[:4]).translate(_AS_DIGITS)) % 97 == 1:
            yield Secret(start, end, BANK_ACCOUNT, value)
            return
