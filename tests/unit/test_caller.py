"""One user id for a caller, however the number is written; none for a caller who withholds it."""

import subprocess
import sys
from pathlib import Path

import phonenumbers
import pytest

from shared.caller import CallerIds, same_digits
from shared.errors import InvalidRequestError

NUMBER = "+16125550142"


def phone_caller(raw: str, country_code: str = "") -> str | None:
    return CallerIds(country_code).of_phone(raw, "caller_id")


def any_caller(raw: str) -> str | None:
    return CallerIds().of_phone_or_web(raw, "user_id")


@pytest.mark.parametrize(
    "spelling",
    [
        "+16125550142",
        " +1 612 555 0142 ",
        "+1 (612) 555-0142",
        "+1.612.555.0142",
        "+1\u00a0612\u00a0555\u00a00142",
        "tel:+16125550142",
        "tel:+1-612-555-0142;phone-context=example.com",
        "sip:+16125550142@sip.example.com",
        "SIPS:+16125550142@sip.example.com?x=1",
        "sip:%2B16125550142@sip.example.com",
        "sip:+16125550142;isub=1@sip.example.com",
        '"Front desk" <sip:+16125550142@sip.example.com>',
        '"<sip:+447700900123@sip.example.com>" <sip:+16125550142@sip.example.com>',
        "+1 612\u2010555\u20130142",
        "+1\u2009612\u202f555\u20110142",
        "+16125550142@sip.example.com",
    ],
)
def test_every_spelling_is_the_same_caller(spelling: str) -> None:
    assert phone_caller(spelling) == NUMBER
    assert any_caller(spelling) == NUMBER


@pytest.mark.parametrize(
    "withheld",
    [
        "",
        "   ",
        "anonymous",
        "Anonymous",
        "ANONYMOUS",
        "restricted",
        "unavailable",
        "Unknown",
        "private number",
        "No Caller ID",
        "withheld",
        "sip:anonymous@anonymous.invalid",
        '"Anonymous" <sip:anonymous@anonymous.invalid>',
        "+266696687",
        "266696687",
        "+7378742833",
        "7378742833",
        "+8566696",
        "+2562533",
        "2562533",
        "+86282452253",
        "86282452253",
        "0086282452253",
        "sip:+266696687@sip.example.com",
        "null",
        "-",
        "+",
    ],
)
def test_withheld_number_is_anonymous(withheld: str) -> None:
    assert phone_caller(withheld) is None
    assert any_caller(withheld) is None


@pytest.mark.parametrize("name", ["Ana Example", "sip:ana@example.com", "front-desk", "+1", "+0123456789"])
def test_name_on_the_phone_is_anonymous(name: str) -> None:
    assert phone_caller(name) is None


@pytest.mark.parametrize(
    "digits", ["6125550142", "07700900123", "5550142", "16125550142", "0016125550142", "sip:16125550142@x"]
)
def test_number_without_a_country_is_anonymous_rather_than_a_guess(digits: str) -> None:
    assert phone_caller(digits) is None


@pytest.mark.parametrize(
    ("raw", "country_code", "expected"),
    [
        # national numbers, with and without the country and its prefixes
        ("6125550142", "1", "+16125550142"),
        ("16125550142", "1", "+16125550142"),
        ("(612) 555-0142", "1", "+16125550142"),
        ("07700900123", "44", "+447700900123"),
        ("447700900123", "44", "+447700900123"),
        ("7700900123", "44", "+447700900123"),
        ("020 7946 0958", "44", "+442079460958"),
        ("06 6982 1234", "39", "+390669821234"),
        ("06 1 234 5678", "36", "+3612345678"),
        ("8 495 123-45-67", "7", "+74951234567"),
        ("02 9876 5432", "61", "+61298765432"),
        ("030 123456", "49", "+4930123456"),
        # a number that begins with a calling code is still the country's own
        ("13012345678", "86", "+8613012345678"),
        ("49987654321", "55", "+5549987654321"),
        ("9187654321", "91", "+919187654321"),
        # numbers that say another country
        ("+16125550142", "44", "+16125550142"),
        ("011 44 20 7946 0958", "1", "+442079460958"),
        ("0011 44 20 7946 0958", "61", "+442079460958"),
        ("0049 30 123456", "44", "+4930123456"),
        # what no such country has
        ("5550142", "1", None),
        ("12", "44", None),
        ("612555014299999", "1", None),
        ("6125550142", "999", None),
    ],
)
def test_number_is_read_as_its_countrys(raw: str, country_code: str, expected: str | None) -> None:
    assert phone_caller(raw, country_code) == expected


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        ("+44 (0)20 7946 0958", "+442079460958"),
        ("+4402079460958", "+442079460958"),
        ("+39 06 6982 1234", "+390669821234"),
        ("+390669821234", "+390669821234"),
        ("+49 (0) 30 123456", "+4930123456"),
        ("+2250102030405", "+2250102030405"),
        ("+1612555", None),
        ("+999123456789", None),
    ],
)
def test_number_with_its_country_has_one_spelling(spelling: str, expected: str | None) -> None:
    assert phone_caller(spelling) == phone_caller(spelling, "1") == expected


def test_number_with_a_plus_is_what_the_library_makes_of_it() -> None:
    """Of every calling code, length and beginning; most usual ones are not looked up, and no different."""
    spelled = [
        f"+{code}{start}{'5550142555014'[: length - 2]}"
        for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE
        for length in range(6, 13)
        for start in range(10, 100, 7)
    ]
    for number in spelled:
        parsed = phonenumbers.parse(number)
        possible = phonenumbers.is_possible_number_with_reason(parsed)
        formatted = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
        is_possible = possible == phonenumbers.ValidationResult.IS_POSSIBLE
        assert phone_caller(number) == (formatted if is_possible else None)


def test_usual_number_costs_no_import() -> None:
    code = (
        "import sys; from shared.caller import CallerIds; ids = CallerIds('1');"
        "[ids.of_phone(n, 'x') for n in ('+16125550142', '+447700900123', '+4930123456', 'anonymous', '')];"
        "assert 'phonenumbers' not in sys.modules; ids.of_phone('+4402079460958', 'x');"
        "assert 'phonenumbers' in sys.modules"
    )
    lambdas = str(Path(__file__).parents[2] / "lambdas")
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": lambdas}, check=True)


@pytest.mark.parametrize("raw", ["16125550142", "1 612 555 0142", "sip:16125550142@sip.example.com"])
def test_digits_of_a_number_are_recognized(raw: str) -> None:
    assert same_digits(raw, NUMBER)
    assert not same_digits(raw, "+16125550143")
    assert not same_digits("", "")


@pytest.mark.parametrize("web_user", ["user-42", "ana@example.com", "a1b2c3", "42", "6125550142"])
def test_web_user_keeps_a_plain_id(web_user: str) -> None:
    assert any_caller(web_user) == web_user


@pytest.mark.parametrize(
    "odd", ["two words", "semi;colon", "{'ne': 'x'}", '["a"]', "x" * 129, "\uff0b\uff11\uff16"]
)
def test_id_that_is_not_plain_is_anonymous(odd: str) -> None:
    assert any_caller(odd) is None


@pytest.mark.parametrize("hostile", ["*", "+1612*", "+16125550142\u0000", "a\nb", "+1612\u0008", "\ud800"])
def test_wildcards_and_control_characters_are_refused(hostile: str) -> None:
    for spell in (phone_caller, any_caller):
        with pytest.raises(InvalidRequestError):
            spell(hostile)


def test_look_alike_digits_are_no_number() -> None:
    assert phone_caller("+１６１２５５５０１４２") is None  # noqa: RUF001 - fullwidth digits are the point
    assert phone_caller("+١٦١٢٥٥٥٠١٤٢") is None  # Arabic-Indic digits


def test_number_that_many_people_share_is_anonymous() -> None:
    callers = CallerIds("1", shared_numbers=[NUMBER])
    for spelling in (NUMBER, "1 612 555 0142", "sip:+16125550142@sip.example.com"):
        assert callers.of_phone(spelling, "caller_id") is None
        assert callers.of_phone_or_web(spelling, "user_id") is None
    assert callers.of_phone("+16125550143", "caller_id") == "+16125550143"
