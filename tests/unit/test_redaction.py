"""Secrets are replaced by what they were; what only looks like one is remembered."""

import random
import re
import time

import pytest

from post_call.record import CallRecord, Turn
from post_call.redaction import CLASSES, redact, redact_text
from tests.unit import tables

CARD, CODE, ONCE, PASSWORD, PIN = (
    "[card number]",
    "[security code]",
    "[one-time code]",
    "[password]",
    "[pin]",
)

DANGEROUS = [
    ("My card number is 4242 4242 4242 4242.", f"My card number is {CARD}."),
    ("4242-4242-4242-4242, expiring 12/26, and 123.", f"{CARD}, expiring 12/26, and {CODE}."),
    ("4242 4242 4242 4242 12 26 123", f"{CARD} 12 26 {CODE}"),
    ("Amex 3782 822463 10005, code 1234", f"Amex {CARD}, code {CODE}"),
    ("It is 4111111111111111 and I live in Uppsala", f"It is {CARD} and I live in Uppsala"),
    ("4242, 4242, uh, 4242, 4242", CARD),
    ("４２４２ ４２４２ ４２４２ ４２４２", CARD),  # noqa: RUF001 - full-width digits
    ("4242\u200b4242\u200b4242\u200b4242", CARD),
    ("four two four two, four two four two, four two four two, four two four two", CARD),
    ("three seven eight two eight two two four six three one oh oh oh five", CARD),
    ("double five double five double five double five double five double five double four double four", CARD),
    ("forty-two forty-two forty-two forty-two 4242 4242", CARD),
    ("vier zwei vier zwei vier zwei vier zwei vier zwei vier zwei vier zwei vier zwei", CARD),
    ("zweiundvierzig zweiundvierzig 4242 4242 4242", CARD),
    ("cuarenta y dos cuarenta y dos 4242 4242 4242", CARD),
    ("quarante-deux quarante-deux 4242 4242 4242", CARD),
    ("Mi tarjeta es la 5555 5555 5555 4444, gracias", f"Mi tarjeta es la {CARD}, gracias"),
    ("Order 12, card 4242 4242 4242 4242", f"Order 12, card {CARD}"),
    ("My CVV is 123.", f"My CVV is {CODE}."),
    ("the c v c is one two three", f"the c v c is {CODE}"),
    ("The three digits on the back are 9 8 7", f"The three digits on the back are {CODE}"),
    ("Die Prüfnummer ist eins zwei drei", f"Die Prüfnummer ist {CODE}"),
    ("El código de seguridad es 123", f"El código de seguridad es {CODE}"),
    ("Le cryptogramme est le 123", f"Le cryptogramme est le {CODE}"),
    ("The one-time code is 482913.", f"The one-time code is {ONCE}."),
    ("the code you sent me is four eight two nine one three", f"the code you sent me is {ONCE}"),
    ("The code from my authenticator app is 902 118", f"The code from my authenticator app is {ONCE}"),
    ("My verification code is X7K9Q2", f"My verification code is {ONCE}"),
    ("Der Bestätigungscode lautet 482913", f"Der Bestätigungscode lautet {ONCE}"),
    ("El código de verificación es 482913", f"El código de verificación es {ONCE}"),
    ("Le code reçu par SMS est 482913", f"Le code reçu par SMS est {ONCE}"),
    ("My PIN is 4711 and my dog is Rex", f"My PIN is {PIN} and my dog is Rex"),
    ("4711 is my pin", f"{PIN} is my pin"),
    ("my pin's double four one one", f"my pin's {PIN}"),
    ("Meine Geheimzahl ist vier sieben eins eins", f"Meine Geheimzahl ist {PIN}"),
    ("mi PIN es cuatro siete uno uno", f"mi PIN es {PIN}"),
    ("mon code secret est le 4711", f"mon code secret est le {PIN}"),
    ("my password is hunter2 and my dog is Rex", f"my password is {PASSWORD} and my dog is Rex"),
    ("The password is blue horse seven, thanks", f"The password is {PASSWORD}, thanks"),
    ("I changed my password to Sommer2026! yesterday", f"I changed my password to {PASSWORD} yesterday"),
    ("password: correct horse battery staple", f"password: {PASSWORD}"),
    ('The password for the portal is "open sesame".', f'The password for the portal is "{PASSWORD}".'),
    ("hunter2 is my password", f"{PASSWORD} is my password"),
    ("Mein Passwort lautet Sonnenblume.", f"Mein Passwort lautet {PASSWORD}."),
    ("Mi contraseña es girasol, gracias", f"Mi contraseña es {PASSWORD}, gracias"),
    ("I use kitten as my password", f"I use {PASSWORD} as my password"),
    ("My card's three-digit code is 123", f"My card's three-digit code is {CODE}"),
    ("mon mot de passe est tournesol", f"mon mot de passe est {PASSWORD}"),
]

HARMLESS = [
    "My order number is 4242 4242 4242 4241.",
    "The parcel is 00340434161094042557.",
    "My IMEI is 490154203237518.",
    "It was 20260303101500 in the log.",
    "Call me at +1 612 555 0142, not at 612 555 0143.",
    "Llámeme al 612 345 678.",
    "My number is six one two, five five five, oh one four two.",
    "My card ends in 4242.",
    "I was born on 3 March 1984.",
    "It was on 12/03/2026 at 10:30, I forgot my PIN.",
    "I have had the same PIN since 2019.",
    "I forgot my PIN, please call me at 612 555 0142 about it.",
    "My PIN has 4 digits.",
    "The code expires in 10 minutes.",
    "I typed the PIN and it took 1,250.00 euros.",
    "My order 4711 is protected with a PIN.",
    "12 safety pins cost $1200.",
    "The door code is 4711.",
    "The code of the building is 4711, for the courier.",
    "I got error code 5012.",
    "The discount code is 445566.",
    "They sent me a discount code 445566.",
    "The zip code is 55104, area code 651.",
    "The postal code is 75229.",
    "My booking reference is K7P2QX.",
    "The confirmation number is 48291377.",
    "The confirmation code for the booking is 482913.",
    "My flight LH4711 leaves at 1530.",
    "Room 1204, the PIN pad is broken.",
    "My password is wrong.",
    "My password is not working, please reset it.",
    "My password has expired, and the password is required.",
    "Is the password still the same?",
    "What is my password?",
    "I changed my password yesterday.",
    "The password reset email went to bob7@example.com.",
    "The wifi password is on the router.",
    "Passwords are a pain.",
    "I wrote the password as well.",
    "They asked for my PIN but I refused, then I called 555 0142.",
    "I need a new security code, please.",
    "The security guard is at 1200 Main Street.",
    "I live at 4711 Oak Street, apartment 12.",
    "The key is under the pot; la clave es la paciencia.",
    "Meine Bestellnummer ist 123456.",
    "Ein Tisch für vier um 19:30 Uhr, bitte.",
    "Mein Passwort ist falsch.",
    "Mi contraseña no funciona.",
    "J'ai oublié mon mot de passe en 2024.",
    "It costs one thousand two hundred dollars.",
    "One of two, three or four would be fine.",
]

_ADJACENT = re.compile(r"(\[[a-z -]+\])(?:[ ,.-]*\1)+")
"""Parts of one secret: one placeholder stands for all of them."""


def call(
    *texts: str, first: str = "agent", summary: str = "", collected: dict[str, str] | None = None
) -> CallRecord:
    roles = ("agent", "user") if first == "agent" else ("user", "agent")
    turns = tuple(Turn(roles[place % 2], text) for place, text in enumerate(texts))
    return CallRecord("conv_1", "agent_1", "+16125550142", 1_772_532_000, turns, summary, collected or {})


def said(record: CallRecord) -> list[str]:
    return [turn.text for turn in record.turns]


@pytest.mark.parametrize(("text", "kept"), DANGEROUS)
def test_secret_is_replaced(text: str, kept: str) -> None:
    assert redact_text(text) == kept


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(("text", "kept"), DANGEROUS)
def test_redacting_again_changes_nothing(text: str, kept: str) -> None:
    assert text
    assert redact_text(kept) == kept


@pytest.mark.parametrize(
    ("asked", "answered", "kept"),
    [
        ("What's the security code?", "It's 123.", f"It's {CODE}."),
        ("And the three digits on the back?", "One two three.", f"{CODE}."),
        ("Can you read me the code we just texted you?", "Sure, 48 29 13.", f"Sure, {ONCE}."),
        ("Your PIN, please.", "4711", PIN),
        ("What's your password?", "Sure, it's blue horse.", f"Sure, it's {PASSWORD}."),
        ("And the password?", "hunter2", PASSWORD),
        ("Wie lautet Ihr Kennwort?", "Sonnenblume.", f"{PASSWORD}."),
        ("Wie ist Ihre Geheimzahl?", "Vier sieben eins eins.", f"{PIN}."),
        ("¿Me dice el código de verificación?", "Sí, 482913.", f"Sí, {ONCE}."),
        ("Quel est votre code secret ?", "Quatre sept un un.", f"{PIN}."),
    ],
)
def test_answer_to_a_question_for_a_secret_is_one(asked: str, answered: str, kept: str) -> None:
    assert said(redact(call(asked, answered))) == [asked, kept]


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("What's your phone number?", "612 555 0142"),
        ("Never tell me your PIN. What is your order number?", "1234"),
        ("I don't need your PIN.", "Good, my house number is 1212."),
        ("Do you know your password?", "No, I forgot it."),
        ("Have you tried to reset your password?", "Yes, twice."),
        ("What's your zip code?", "55104"),
        ("Your security code and how many guests, please?", "123"),
        ("What's your password?", "I don't want to tell you that."),
    ],
)
def test_answer_to_another_question_stays(asked: str, answered: str) -> None:
    assert said(redact(call(asked, answered))) == [asked, answered]


def test_question_stays_open_while_the_caller_looks_for_the_answer() -> None:
    turns = said(redact(call("What's the security code?", "Uh, one second.", "Take your time.", "123")))
    assert turns[-1] == CODE


def test_secret_is_replaced_where_the_agent_repeats_it() -> None:
    turns = said(redact(call("What's the security code?", "It's 123.", "So 123, right?", "Yes.")))
    assert turns == ["What's the security code?", f"It's {CODE}.", f"So {CODE}, right?", "Yes."]


def test_card_number_in_several_turns_is_found_with_its_echo() -> None:
    record = redact(
        call("Your card number?", "Sure, 4000 0012", "4000 0012, yes?", "3456 7899.", "Ending in 7899.")
    )
    assert said(record) == [
        "Your card number?",
        f"Sure, {CARD}",
        f"{CARD}, yes?",
        f"{CARD}.",
        "Ending in 7899.",
    ]


def test_summary_and_collected_data_are_redacted_too() -> None:
    record = redact(
        call(
            "Your card?",
            "4242 4242 4242 4242, and the password is Kx7-blue",
            summary="The caller paid with 4242424242424242, PIN 4711, and said kx7-blue. Juniper is fine.",
            collected={
                "cvv": "123",
                "pin": "4711",
                "pin_verified": "yes",
                "card_number": "4242 4242 4242 4242",
                "account_password": "swordfish",
                "confirmation_code": "K7P2QX",
                "room": "1204",
                "pet_name": "Juniper",
            },
        )
    )
    assert record.summary == f"The caller paid with {CARD}, PIN {PIN}, and said {PASSWORD}. Juniper is fine."
    assert record.collected == {
        "cvv": CODE,
        "pin": PIN,
        "pin_verified": "yes",
        "card_number": CARD,
        "account_password": PASSWORD,
        "confirmation_code": "K7P2QX",
        "room": "1204",
        "pet_name": "Juniper",
    }
    assert redact(record) == record


def test_password_that_is_the_dogs_name_does_not_cost_the_dog() -> None:
    record = redact(
        call("Your password?", "Juniper", "Thanks.", "Bye.", "Bye.", collected={"pet_name": "Juniper"})
    )
    assert said(record)[1] == PASSWORD
    assert record.collected == {"pet_name": "Juniper"}


def test_everything_else_of_a_record_is_kept() -> None:
    record = call(
        "How can I help?", "My tomatoes have spots.", summary="Tomatoes.", collected={"city": "Bonn"}
    )
    assert redact(record) == record


def cards(count: int) -> str:
    """Different valid card numbers."""
    random.seed(1)
    numbers: list[str] = []
    while len(numbers) < count:
        number = "4" + "".join(random.choices("0123456789", k=15))
        if redact_text(number) == CARD:
            numbers.append(number)
    return " ".join(numbers)


@pytest.mark.parametrize(
    "hostile",
    [
        "4" * 100_000,
        "4 " * 50_000,
        "4242 4242 4242 4242 " * 5_000,
        "four " * 20_000,
        "1." * 50_000,
        " " * 100_000,
        "a" * 100_000,
        "pin 1 " * 16_000,
        "password is '" * 8_000,
        "".join(f"password is x{number}y " for number in range(5_000)),
        "sent code is a1b2c3 " * 5_000,
        "password is a@" + "b." * 50_000,
        "c v " * 25_000,
        "not " * 25_000,
        "ein und " * 12_000,
    ],
    ids=lambda text: text[:16].strip() or "spaces",
)
def test_hostile_text_takes_linear_time(hostile: str) -> None:
    def seconds(text: str) -> float:
        start = time.process_time()
        redact_text(text)
        return time.process_time() - start

    part = max(seconds(hostile[: len(hostile) // 8]), 0.02)
    assert seconds(hostile) < 8 * part * 4


def test_hostile_call_is_redacted_in_seconds() -> None:
    passwords = "".join(f"password is x{number}y " for number in range(300))
    record = call(*[passwords] * 3, *[cards(50)] * 3, *["hello there"] * 500)
    start = time.process_time()
    redact(record)
    assert time.process_time() - start < 20


def test_only_a_word_of_its_own_is_a_tan() -> None:
    assert redact_text("My mTAN is 132456.") == f"My mTAN is {ONCE}."
    assert redact_text("The Jifyhmtan order is 132456.") == "The Jifyhmtan order is 132456."


@pytest.mark.parametrize("table", [tables.read("secrets"), tables.read("secrets_held_out")])
def test_secrets_of_a_table_are_replaced(table: list[tables.Call]) -> None:
    secrets = [(value, redacted_call(call)) for call in table for _, value in call.secrets()]
    missed = [f"{value}: {texts}" for value, texts in secrets if any(value in text for text in texts)]
    assert len(secrets) > 75
    assert len(missed) <= len(secrets) * 0.03, missed


@pytest.mark.parametrize("call", tables.read("secrets"), ids=str)
def test_only_the_secret_is_replaced(call: tables.Call) -> None:
    expected = texts(call.record(lambda found: CLASSES[found[1]]))
    assert redacted_call(call) == [_ADJACENT.sub(r"\1", text) for text in expected]


@pytest.mark.parametrize("table", ["ordinary", "ordinary_held_out"])
def test_ordinary_talk_stays(table: str) -> None:
    changed = [str(call) for call in tables.read(table) if redacted_call(call) != texts(call.record())]
    assert changed == []


@pytest.mark.parametrize("table", ["secrets", "secrets_held_out"])
def test_redacting_a_call_again_changes_nothing(table: str) -> None:
    for call in tables.read(table):
        once = redact(call.record())
        assert redact(once) == once


@pytest.mark.parametrize("kept", CLASSES)
def test_class_to_keep_is_kept(kept: str) -> None:
    for call in tables.read("secrets"):
        if {kind for kind, _ in call.secrets()} == {kept}:
            assert texts(redact(call.record(), keep={kept})) == texts(call.record())


def test_field_without_a_record_is_redacted_by_its_name() -> None:
    assert redact_text("552", "cvv") == CODE
    assert redact_text("552", "room") == "552"
    assert redact_text("My PIN is 4711", keep={"pin"}) == "My PIN is 4711"


def redacted_call(call: tables.Call) -> list[str]:
    return texts(redact(call.record()))


def texts(record: CallRecord) -> list[str]:
    return [*said(record), record.summary, *record.collected.values()]
