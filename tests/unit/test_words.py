"""Texts taken apart for ranking."""

from retrieve.words import terms, turns


def test_passage_is_taken_apart_into_turns() -> None:
    assert turns("Agent: How can I help? Caller: It broke.") == [
        "Agent: How can I help?",
        "Caller: It broke.",
    ]


def test_what_is_no_passage_is_one_turn() -> None:
    assert turns("The Agent:left. MyCaller: no") == ["The Agent:left. MyCaller: no"]


def test_endings_and_small_words_do_not_count() -> None:
    assert terms("What are the organs of the organist?") == terms("Organ, organ!")


def test_numbers_count_whole() -> None:
    assert terms("4000017") == ["4000017"]
