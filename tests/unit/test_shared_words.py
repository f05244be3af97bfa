"""Texts taken apart for ranking."""

from shared.words import terms


def test_endings_and_small_words_do_not_count() -> None:
    assert terms("What are the organs of the organist?") == terms("Organ, organ!")


def test_numbers_count_whole() -> None:
    assert terms("4000017") == ["4000017"]
