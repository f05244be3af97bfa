"""The call token: for one caller, for a while, by us alone."""

import base64

import pytest

from shared.call_token import LIFETIME_SECONDS, BadTokenError, issue, verify

CALLER = "+16125550142"
NOW = 1_800_000_000.0
KEYS = ["new key", "old key"]


@pytest.mark.parametrize("user_id", [CALLER, "user-42", "ana@example.com", ""])
def test_it_names_the_caller_it_was_issued_for(user_id: str) -> None:
    assert verify(issue(user_id, KEYS, NOW), KEYS, NOW) == user_id


def test_it_does_not_show_the_key_and_fits_a_header() -> None:
    value = issue(CALLER, KEYS, NOW)
    assert "key" not in value
    assert value.isascii()
    assert value.isprintable()
    assert " " not in value


def test_it_lives_for_a_while() -> None:
    value = issue(CALLER, KEYS, NOW)
    assert verify(value, KEYS, NOW + LIFETIME_SECONDS) == CALLER
    with pytest.raises(BadTokenError, match="expired"):
        verify(value, KEYS, NOW + LIFETIME_SECONDS + 1)
    with pytest.raises(BadTokenError, match="future"):
        verify(value, KEYS, NOW - 61)


def test_it_rotates_with_the_keys() -> None:
    value = issue(CALLER, ["old key"], NOW)
    assert verify(value, KEYS, NOW) == CALLER
    with pytest.raises(BadTokenError, match="not signed"):
        verify(value, ["new key"], NOW)


def test_no_character_of_it_can_be_changed() -> None:
    value = issue(CALLER, KEYS, NOW)
    for position, character in enumerate(value):
        changed = value[:position] + ("0" if character != "0" else "1") + value[position + 1 :]
        with pytest.raises(BadTokenError):
            verify(changed, KEYS, NOW)


def test_caller_cannot_be_exchanged() -> None:
    version, issued, _, signature = issue(CALLER, KEYS, NOW).split(".")
    other = base64.urlsafe_b64encode(b"+16125550143").decode()
    with pytest.raises(BadTokenError):
        verify(f"{version}.{issued}.{other}.{signature}", KEYS, NOW)


@pytest.mark.parametrize(
    "nonsense", ["", "v1", "v1...", "v2.1.x.0", "v1.x.y.z", "\u00e9", "v1." + "9" * 5000, "\ud800"]
)
def test_nonsense_is_refused(nonsense: str) -> None:
    with pytest.raises(BadTokenError):
        verify(nonsense, KEYS, NOW)
