"""One spelling of a caller, and nobody for everyone who withholds it."""

import pytest

from shared.api import Refusal
from shared.caller import Callers

NUMBER = "+16125550142"


def phone_caller(raw: str, country_code: str = "") -> str | None:
    return Callers(country_code).on_the_phone(raw, "caller_id")


def any_caller(raw: str) -> str | None:
    return Callers().anywhere(raw, "user_id")


@pytest.mark.parametrize(
    "spelling",
    [
        "+16125550142",
        "16125550142",
        "0016125550142",
        " +1 612 555 0142 ",
        "+1 (612) 555-0142",
        "+1.612.555.0142",
        "+1\u00a0612\u00a0555\u00a00142",
        "tel:+16125550142",
        "tel:+1-612-555-0142;phone-context=example.com",
        "sip:+16125550142@sip.example.com",
        "sip:16125550142@203.0.113.7:5060;transport=udp",
        "SIPS:+16125550142@sip.example.com?x=1",
        "sip:%2B16125550142@sip.example.com",
        "sip:+16125550142;isub=1@sip.example.com",
        '"Front desk" <sip:+16125550142@sip.example.com>',
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
def test_withheld_number_is_nobody(withheld: str) -> None:
    assert phone_caller(withheld) is None
    assert any_caller(withheld) is None


@pytest.mark.parametrize("name", ["Ana Example", "sip:ana@example.com", "front-desk", "+1", "+0123456789"])
def test_name_on_the_phone_is_nobody(name: str) -> None:
    assert phone_caller(name) is None


@pytest.mark.parametrize("national", ["6125550142", "07700900123", "5550142"])
def test_number_without_a_country_is_nobody_rather_than_a_guess(national: str) -> None:
    assert phone_caller(national) is None


@pytest.mark.parametrize(
    ("raw", "country_code", "expected"),
    [
        ("6125550142", "1", "+16125550142"),
        ("16125550142", "1", "+16125550142"),
        ("07700900123", "44", "+447700900123"),
        ("447700900123", "44", "+447700900123"),
        ("7700900123", "44", "+447700900123"),
        ("+16125550142", "44", "+16125550142"),
    ],
)
def test_default_country_completes_national_numbers(raw: str, country_code: str, expected: str) -> None:
    assert phone_caller(raw, country_code) == expected


@pytest.mark.parametrize("web_user", ["user-42", "ana@example.com", "a1b2c3", "42", "6125550142"])
def test_web_user_keeps_a_plain_id(web_user: str) -> None:
    assert any_caller(web_user) == web_user


@pytest.mark.parametrize(
    "odd", ["two words", "semi;colon", "{'ne': 'x'}", '["a"]', "x" * 129, "\uff0b\uff11\uff16"]
)
def test_id_that_is_not_plain_is_nobody(odd: str) -> None:
    assert any_caller(odd) is None


@pytest.mark.parametrize("hostile", ["*", "+1612*", "+16125550142\u0000", "a\nb", "+1612\u0008", "\ud800"])
def test_wildcards_and_control_characters_are_refused(hostile: str) -> None:
    for spell in (phone_caller, any_caller):
        with pytest.raises(Refusal) as refused:
            spell(hostile)
        assert refused.value.status == 400


def test_look_alike_digits_are_no_number() -> None:
    assert phone_caller("+１６１２５５５０１４２") is None  # noqa: RUF001 - fullwidth digits are the point
    assert phone_caller("+١٦١٢٥٥٥٠١٤٢") is None  # Arabic-Indic digits


def test_number_that_many_people_share_is_nobody() -> None:
    callers = Callers(shared_numbers=[NUMBER])
    for spelling in (NUMBER, "1 612 555 0142", "sip:+16125550142@sip.example.com"):
        assert callers.on_the_phone(spelling, "caller_id") is None
        assert callers.anywhere(spelling, "user_id") is None
    assert callers.on_the_phone("+16125550143", "caller_id") == "+16125550143"
