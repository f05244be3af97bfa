"""What was collected may mean "do not remember me"."""

import pytest

from post_call import consent

RULES = (("consent_given", "false"), ("may_store", "no"))


@pytest.mark.parametrize(
    "collected",
    [
        {"consent_given": "no"},  # ElevenLabs' boolean false
        {"consent_given": "False"},
        {"Consent_Given": " FALSE. "},
        {"consent_given": "0"},
        {"consent_given": "No, the caller declined."},
        {"may_store": "false", "caller_name": "Maria Keller"},
    ],
)
def test_value_that_means_no_refuses(collected: dict[str, str]) -> None:
    assert consent.is_refused(collected, RULES)


@pytest.mark.parametrize(
    "collected",
    [{}, {"consent_given": "yes"}, {"consent_given": ""}, {"consent": "no"}, {"consent_given": "no idea"}],
)
def test_everything_else_does_not(collected: dict[str, str]) -> None:
    assert not consent.is_refused(collected, RULES)


def test_nothing_is_refused_without_rules() -> None:
    assert not consent.is_refused({"consent_given": "no"}, ())


def test_value_may_be_any_word() -> None:
    assert consent.is_refused({"privacy": "opted out"}, [("privacy", "Opted Out")])
