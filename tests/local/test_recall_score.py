"""What counts as found."""

import pytest

from bench.retrieval.score import add_up, in_context, score

TURN = "I have two dogs, Juniper and Pepper, and a cat."


def test_evidence_is_found_whatever_case_and_punctuation() -> None:
    answer = score("detail", [TURN], ["Agent: Pets? Caller: i have TWO dogs - Juniper and Pepper and a cat"])
    assert answer.hit(1)
    assert answer.completeness == 1


def test_names_of_speakers_do_not_count() -> None:
    assert score("detail", ["One. Two three."], ["Caller: One. Caller: Two three."]).hit(1)


def test_a_turn_may_be_cut_by_a_fifth_but_not_scattered() -> None:
    assert score("detail", [TURN], ["two dogs, Juniper and Pepper, and a cat"]).hit(1)
    assert not score("detail", [TURN], ["two dogs, Juniper", "and Pepper, and a cat"]).hit(3)
    assert not score("detail", [TURN], ["a cat and Pepper and Juniper dogs two have I"]).hit(1)


def test_rank_counts() -> None:
    answer = score("detail", [TURN, "Never said."], ["nothing", TURN])
    assert (answer.hit(1), answer.hit(3)) == (False, True)
    assert answer.completeness == 0.5
    assert answer.characters == len("nothing") + len(TURN)


def test_questions_without_evidence_do_not_count_in_the_shares() -> None:
    figures = add_up([score("detail", [TURN], [TURN]), score("none", [], ["anything else at all"])])
    assert figures.hit == {1: 1.0, 3: 1.0, 5: None}
    assert (figures.questions, figures.characters) == (1, len(TURN))


@pytest.mark.parametrize(
    ("context", "told"), [("- She lives in Lund now, happily.", True), ("- Lund now.", False)]
)
def test_context_tells_a_fact_by_a_whole_sentence(context: str, told: bool) -> None:
    assert in_context(context, "Oh! She lives in Lund now.") is told
