"""Turns what a carrier or a web client sends into one user id for each caller.

A caller whose number is withheld, or whose country is not known, is anonymous: a wrong guess would give one
caller another's memories.
"""

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import unquote

from shared.errors import InvalidRequestError

LONGEST_ID = 256
"""Characters that an id from outside may have; a SIP URI is the longest real one."""

# Words that carriers and SIP trunks send for a withheld number, without spaces and punctuation.
_WITHHELD = frozenset(
    """
    anonymous anon restricted unavailable unknown private privatenumber blocked withheld hidden
    nocallerid noid callerid callerunknown unknowncaller unknownnumber calleridunavailable numberwithheld
    numberunavailable notavailable na none null nil undefined nobody invalid asserted
    """.split()
)
# What Twilio sends instead: ANONYMOUS, RESTRICTED, UNKNOWN, BLOCKED and UNAVAILABLE on a keypad.
# Source: Twilio, "How to identify and handle blocked or anonymous callers".
_TWILIO_WITHHELD = frozenset({"266696687", "7378742833", "8566696", "2562533", "86282452253"})

# E.164 that `phonenumbers` would leave as it is, by calling code and length; a test compares the two. What it
# leaves out (a zero behind the code, a rare length, a rare country) is looked up.
_PLAIN_E164 = re.compile(
    r"\+(?:1[2-9]\d{9}|7[1-9]\d{9}|55[1-8]\d{9,10}|61[2-8]\d{8}|90[2-5]\d{9}"
    r"|(?:30|52|58|98|225)[1-9]\d{9}"
    r"|(?:27|33|34|40|41|46|48|64|93|94|21[128]|221|24[0249]|25[156]|26[0-2]|351|420|421|59[046]|966|971|972"
    r"|99[2458])[1-9]\d{8}"
    r"|(?:45|47|65|216|22[236-8]|23[256]|253|257|266|350|35[67]|37[134]|389|505|509|852|965|968|973)[1-9]\d{7}"
    r"|(?:32|36|51|213|224|233|237|250|258|264|268|377|38[27]|591|96[23])[1-9]\d{7,8}"
    r"|(?:20|60|81|855|856|964|970|976)[1-9]\d{7,9}"
    r"|(?:44|380|996)[1-9]\d{8,9}|(?:43|49|62)[1-9]\d{6,11}|(?:31|353|358|886)[1-9]\d{6,9}"
    r"|86[1-9]\d{9,10}|(?:91|92)[1-9]\d{8,10})",
    re.ASCII,
)
_PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+\-]{0,127}")
_NUMBER = re.compile(r"\+?[0-9]+")
_MARKS = re.compile(
    r"[\s().\-/\u2010-\u2015\u2212]"
)  # what people put into numbers: spaces and dashes of every kind
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')  # a display name, which callers choose
_LONGEST_NATIONAL = 10  # digits: a web user's id may look like it; what is longer looks like a whole number


class CallerIds:
    """Turns what a carrier or a web client sends into user ids, by the rules of one deployment.

    Args:
        country_code: the calling code (`1`, `44`) of numbers that come without one; empty if not known.
        shared_numbers: numbers that many people call from, such as switchboards, in E.164: anonymous.
    """

    def __init__(self, country_code: str = "", shared_numbers: Iterable[str] = ()) -> None:
        self._country_code = country_code
        self._shared = frozenset(shared_numbers)

    def of_phone(self, raw: str, field: str) -> str | None:
        """The user id of a caller on the phone, in E.164; None if the caller is anonymous.

        Args:
            raw: what the carrier says: a number in any spelling, a SIP or tel URI, a word, or nothing.
            field: its name, as the sender knows it.

        Raises:
            InvalidRequestError: if `raw` holds a wildcard or control characters, which no carrier sends.
        """
        number = _digits(_address(_checked(raw, field)))
        return self._unless_shared(_to_e164(number, self._country_code)) if number else None

    def of_phone_or_web(self, raw: str, field: str) -> str | None:
        """The user id of a caller on the phone or on the web; None if the caller is anonymous.

        A web user's id is kept as it is if it is a plain one: letters, digits and `._:@+-`.

        Raises:
            InvalidRequestError: as `of_phone`.
        """
        address = _address(_checked(raw, field))
        number = _digits(address)
        if number:
            if found := _to_e164(number, self._country_code):
                return self._unless_shared(found)
            # A phone call's memories are never stored under such an id.
            is_web_id = number[0] not in "+0" and len(number) <= _LONGEST_NATIONAL
            return number if is_web_id and number not in _TWILIO_WITHHELD else None
        if _is_withheld(address):
            return None
        plain = raw.strip()
        return plain if _PLAIN_ID.fullmatch(plain) else None

    def _unless_shared(self, number: str | None) -> str | None:
        return None if number in self._shared else number


def same_digits(raw: str, user_id: str) -> bool:
    """Whether `raw` is the number `user_id` without its plus, as SIP trunks send it after a call."""
    return f"+{_digits(_address(raw))}" == user_id


def _checked(raw: str, field: str) -> str:
    """A wildcard means every user to Mem0; control characters hide what an id really is."""
    if "*" in raw or any(unicodedata.category(character) in {"Cc", "Cs"} for character in raw):
        raise InvalidRequestError(f"{field} holds characters that no caller's id has")
    return raw


def _address(raw: str) -> str:
    """What stands in a SIP or tel URI before its parameters and its host; other text as it is."""
    text = raw.strip()
    bracketed = re.search(r"<([^<>]*)>", _QUOTED.sub("", text))
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
    bare = _MARKS.sub("", text)
    return bare if _NUMBER.fullmatch(bare) else ""


def _is_withheld(text: str) -> bool:
    word = re.sub(r"[^a-z]", "", text.lower())
    return not word or word in _WITHHELD


def _to_e164(number: str, country_code: str) -> str | None:
    """`number` in E.164, or None if its country is not known or no such number is possible.

    With a country, a number is that country's unless it begins with a plus or with that country's
    international prefix. National prefixes, and the zero that Italian numbers keep, are what `phonenumbers`
    knows of them.
    """
    if _PLAIN_E164.fullmatch(number):
        return None if number[1:] in _TWILIO_WITHHELD else number
    if number.lstrip("+") in _TWILIO_WITHHELD or not (number.startswith("+") or country_code):
        return None
    import phonenumbers  # noqa: PLC0415 - 30 ms that a number in plain E.164 does not wait for

    region = phonenumbers.region_code_for_country_code(int(country_code)) if country_code else None
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    possible = phonenumbers.is_possible_number_with_reason(parsed)
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE:  # a local number is possible in one town only
        return None
    found = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return None if found[1:] in _TWILIO_WITHHELD else found
