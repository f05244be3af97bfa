"""Whether a search finds what was asked: a small invented life, and questions in other words."""

from collections.abc import Iterator

import pytest

from tests.local.mem0_library import CALLER, OTHER, Running, running

MEMORIES = [
    "I moved to Hamburg last spring because of a new job.",
    "My daughter Lena starts school in September.",
    "I am allergic to peanuts and shellfish.",
    "Our dog is a beagle and his name is Biscuit.",
    "I prefer to be called in the evening after six.",
    "My order number is 88213 and it never arrived.",
    "The blue kettle leaks when it is full.",
    "I drive an electric car, so I charge it at home overnight.",
    "My husband works night shifts at the hospital.",
    "I would like the invoice sent by post, not by email.",
    "We are vegetarian at home, the whole family.",
    "I broke my ankle skiing in January.",
    "The password reset link expired before I could use it.",
    "I play the cello in an amateur orchestra on Thursdays.",
    "My mother turns eighty in May and we plan a big party.",
    "Please cancel my gym membership at the end of the month.",
    "I paid with a voucher that I had for my birthday.",
    "The washing machine makes a loud noise during the spin cycle.",
    "I am learning Portuguese because we travel to Lisbon every summer.",
    "My new address is 14 Mill Lane.",
    "The courier left the parcel with my neighbour Mrs. Okafor.",
    "I have a fear of flying, so I always take the train.",
    "My landlord wants to raise the rent by ten percent.",
    "I need a table for seven people, one of them in a wheelchair.",
    "The heating in the bedroom has not worked since Monday.",
    "I cannot tolerate milk, only oat drink in my coffee.",
    "My son plays football for the under twelves.",
    "I would like a refund for the concert tickets.",
    "The internet connection drops every time it rains.",
    "I run a small bakery with four employees.",
]

# Question, and the place of the memory that answers it.
QUESTIONS = [
    ("Which city does the caller live in now?", 0),
    ("When does the daughter begin school?", 1),
    ("Does she have any food allergies?", 2),
    ("What is the name of the pet dog?", 3),
    ("What time of day should we call?", 4),
    ("order number", 5),
    ("What is wrong with the kettle?", 6),
    ("Where does the caller charge the car?", 7),
    ("What job does her husband have?", 8),
    ("How should the invoice be delivered?", 9),
    ("Do they eat meat or are they vegetarians?", 10),
    ("Which injury happened while skiing?", 11),
    ("What musical instrument does the caller play?", 13),
    ("How old will the mother be?", 14),
    ("gym cancellation", 15),
    ("noisy washing machine", 17),
    ("Which language is being learned?", 18),
    ("Who took the package from the courier?", 20),
    ("Why does the caller avoid airplanes?", 21),
    ("problems with the internet when the weather is bad", 28),
]


@pytest.fixture(scope="module")
def mem0(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("mem0")) as system:
        system.remember(*MEMORIES)
        system.remember("My dog is a poodle.", "I live in Oslo.", user_id=OTHER)
        yield system


def test_questions_find_their_memory_among_the_first_three(mem0: Running) -> None:
    missed = [
        question
        for question, answer in QUESTIONS
        if MEMORIES[answer] not in mem0.found(question, top_k=3, threshold=0.0)
    ]
    assert len(missed) <= 1, missed


def test_most_questions_find_their_memory_first(mem0: Running) -> None:
    first = [
        mem0.found(question, top_k=1, threshold=0.0) == [MEMORIES[answer]] for question, answer in QUESTIONS
    ]
    assert sum(first) >= 17


def test_scores_fall_and_lie_between_0_and_1(mem0: Running) -> None:
    rows = mem0.client.search("Where does the caller live?", filters={"user_id": CALLER}, threshold=0.0)[
        "results"
    ]
    scores = [row["score"] for row in rows]
    assert len(scores) == 10
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_answered_question_scores_higher_than_one_without_an_answer(mem0: Running) -> None:
    def best(query: str) -> float:
        rows = mem0.client.search(query, filters={"user_id": CALLER}, threshold=0.0)["results"]
        return max(float(row["score"]) for row in rows)

    assert best("What is the dog's name?") > 2 * best("Which university did he study mathematics at?")


def test_threshold_leaves_out_what_fits_less(mem0: Running) -> None:
    assert mem0.found("order number 88213", threshold=0.6) == [MEMORIES[5]]
    assert mem0.found("volcanic eruptions", threshold=0.9) == []


def test_only_the_callers_own_memories_are_found(mem0: Running) -> None:
    everything = mem0.found("What kind of dog?", top_k=1000, threshold=0.0)
    assert sorted(everything) == sorted(MEMORIES)
    assert mem0.found("poodle", {"user_id": "*"}, top_k=1) == ["My dog is a poodle."]


@pytest.mark.parametrize(
    "query",
    [
        '"',
        "'",
        "*",
        "dog*",
        "dog AND",
        "NOT dog",
        "NEAR(dog, 1)",
        "memory:dog",
        "{dog}",
        "^dog",
        "- dog",
        "( OR )",
        "???",
        "\x00",
        "ß" * 300,
        "word " * 5000,
        "🐶",
        "कुत्ता",
    ],
)
def test_nothing_in_a_query_is_an_operator(mem0: Running, query: str) -> None:
    assert isinstance(mem0.found(query + " ."), list)
