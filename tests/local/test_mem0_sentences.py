"""What is kept of a conversation when there is no language model."""

import pytest

from local.mem0.sentences import facts, split


def kept(text: str) -> list[str]:
    return facts([text])


@pytest.mark.parametrize(
    "text",
    [
        "My dog is called Rex.",
        "I moved to St. Paul in 2023.",
        "My name is Dr. J. Smith.",
        "It cost 3.50 dollars at noon.",
        "The caller's preferred name is Sam.",
        "no sugar for me please",
        "我住在东京和妻子一起。",
        "Ich wohne seit Mai in Köln.",
    ],
)
def test_statement_stays_as_it_is(text: str) -> None:
    assert [fact.casefold() for fact in kept(text)] == [text.casefold()]


@pytest.mark.parametrize(
    "text",
    [
        "What is my order number?",
        "你好吗？",  # noqa: RUF001 - the question mark of that script
        "Yes.",
        "Yeah, okay.",
        "Thank you very much for your help.",
        "Have a nice day.",
        "Hello, how are you today?",
        "Um, well, uh.",
        "...",
        "",
        "\n\n",
    ],
)
def test_what_states_nothing_leaves_nothing(text: str) -> None:
    assert kept(text) == []


def test_leading_fillers_go_and_negation_stays() -> None:
    assert kept("Yeah, um, I moved to Berlin.") == ["I moved to Berlin."]
    assert kept("No, I don't eat meat.") == ["I don't eat meat."]
    assert kept("No meat for me anymore.") == ["No meat for me anymore."]


def test_each_line_and_each_sentence_is_one_fact_in_the_order_spoken() -> None:
    text = "I have two cats. They are called Mia and Tom!\nThe delivery day is Friday"
    assert kept(text) == ["I have two cats.", "They are called Mia and Tom!", "The delivery day is Friday"]


def test_nothing_is_kept_twice() -> None:
    assert facts(["I live in Bonn.", "I live in Bonn!"]) == ["I live in Bonn."]


def test_split_keeps_quotes_with_their_sentence() -> None:
    assert split('He said "go." Then he left.') == ['He said "go."', "Then he left."]
