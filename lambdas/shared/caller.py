"""Who is calling: one spelling of a caller for all three functions.

A phone number becomes E.164 (`+16125550142`), however the carrier wrote it. A withheld number is nobody. It
refuses to guess: a number whose country cannot be known is nobody too, because a wrong guess would tell one
caller's memory to another. So is a number that the settings list as shared by many people.
"""

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import unquote

from shared.api import bad_request

LONGEST_ID = 256
"""Characters that an id from outside may have; a SIP URI is the longest real one."""

# Words that carriers and SIP trunks send for a withheld number, without spaces and punctuation.
_WITHHELD = frozenset(
    [
        "anonymous",
        "anon",
        "restricted",
        "unavailable",
        "unknown",
        "private",
        "privatenumber",
        "blocked",
        "withheld",
        "hidden",
        "nocallerid",
        "noid",
        "callerid",
        "callerunknown",
        "unknowncaller",
        "unknownnumber",
        "calleridunavailable",
        "numberwithheld",
        "numberunavailable",
        "notavailable",
        "na",
        "none",
        "null",
        "nil",
        "undefined",
        "nobody",
        "invalid",
        "asserted",
    ]
)
# Twilio's stand-ins, which spell ANONYMOUS, RESTRICTED, UNKNOWN, BLOCKED and UNAVAILABLE on a keypad.
# Source: Twilio, "How to identify and handle blocked or anonymous callers".
_STAND_INS = frozenset({"266696687", "7378742833", "8566696", "2562533", "86282452253"})

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+\-]{0,127}")
_NUMBER = re.compile(r"\+?[0-9]+")
_SHORTEST_INTERNATIONAL = 11  # digits; below that, a number without a plus may as well be a national one


class Callers:
    """Tells who is calling, by the rules of one deployment.

    Args:
        country_code: the country (`1`, `44`) that numbers without a country belong to; empty if unknown.
        shared_numbers: numbers that belong to many people, such as switchboards, in E.164: nobody.
    """

    def __init__(self, country_code: str = "", shared_numbers: Iterable[str] = ()) -> None:
        self._country_code = country_code
        self._shared = frozenset(shared_numbers)

    def on_the_phone(self, raw: str, field: str) -> str | None:
        """The user id of somebody on the phone, or None for nobody.

        Args:
            raw: what the carrier says: a number in any spelling, a SIP or tel URI, a word, or nothing.
            field: its name, as the sender knows it.

        Returns:
            The number in E.164, or None if it is withheld, shared, or no number that can be known.

        Raises:
            Refusal: 400, if `raw` holds a wildcard or control characters, which no carrier sends.
        """
        _refuse_hostile(raw, field)
        number = _digits(_address(raw))
        return self._known(_e164(number, self._country_code)) if number else None

    def anywhere(self, raw: str, field: str) -> str | None:
        """The user id of somebody on the phone or on the web, or None for nobody.

        A web user's id is kept as it is if it is a plain one: letters, digits and `._:@+-`.

        Args:
            raw: a phone number in any spelling, or a web user's id.
            field: its name, as the sender knows it.

        Raises:
            Refusal: 400, if `raw` holds a wildcard or control characters.
        """
        _refuse_hostile(raw, field)
        address = _address(raw)
        number = _digits(address)
        if number:
            found = _e164(number, self._country_code)
            # A short number without a plus may be a web user's id: nothing is stored under it for a phone.
            web_user = number if number[0] not in "+0" and number not in _STAND_INS else None
            return self._known(found) if found else web_user
        if _is_withheld(address):
            return None
        plain = raw.strip()
        return plain if _PLAIN_ID.fullmatch(plain) else None

    def _known(self, number: str | None) -> str | None:
        return None if number in self._shared else number


def _refuse_hostile(raw: str, field: str) -> None:
    """A wildcard means every user to Mem0; control characters hide what an id really is."""
    if "*" in raw or any(unicodedata.category(character) in {"Cc", "Cs"} for character in raw):
        raise bad_request(f"{field} holds characters that no caller's id has")


def _address(raw: str) -> str:
    """What stands in a SIP or tel URI before its parameters and its host; other text as it is."""
    text = raw.strip()
    bracketed = re.search(r"<([^<>]*)>", text)
    if bracketed:
        text = bracketed.group(1).strip()
    scheme, colon, rest = text.partition(":")
    if colon and scheme.lower() in {"sip", "sips", "tel"}:
        user = re.split(r"[;?]", rest, maxsplit=1)[0].partition("@")[0]
        return unquote(user).strip()
    user, at, _host = text.partition("@")
    return user if at and _digits(user) else text


def _digits(text: str) -> str:
    """`text` without the marks that people put into numbers, or an empty string if it is no number."""
    bare = re.sub(r"[ ().\-/\u00a0]", "", text)
    return bare if _NUMBER.fullmatch(bare) else ""


def _is_withheld(text: str) -> bool:
    word = re.sub(r"[^a-z]", "", text.lower())
    return not word or word in _WITHHELD


def _e164(number: str, country_code: str) -> str | None:
    if number.startswith("00"):
        number = "+" + number[2:]
    if number.lstrip("+") in _STAND_INS:
        return None
    if not number.startswith("+"):
        number = _with_country(number, country_code)
    return number if _E164.fullmatch(number) else None


def _with_country(digits: str, country_code: str) -> str:
    """A number without a plus in international form, or an empty string if its country is not known."""
    if country_code:
        international = len(digits) >= (11 if country_code == "1" else 10)
        if digits.startswith(country_code) and international:
            return "+" + digits
        if digits.startswith("0"):
            return "+" + country_code + digits[1:]
        if len(digits) < _SHORTEST_INTERNATIONAL:
            return "+" + country_code + digits
    return "+" + digits if len(digits) >= _SHORTEST_INTERNATIONAL and digits[0] != "0" else ""
