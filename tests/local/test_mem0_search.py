"""Whether a search finds what was asked: a small invented life, and questions in other words."""

from collections.abc import Iterator

import pytest

from tests.local.mem0_library import CALLER, OTHER, Running, running

# A memory, and a question that it answers.
LIFE = {
    "I moved to Hamburg last spring because of a new job.": "Which city does the caller live in now?",
    "My daughter Lena starts school in September.": "When does the daughter begin school?",
    "I am allergic to peanuts and shellfish.": "Does she have any food allergies?",
    "Our dog is a beagle and his name is Biscuit.": "What is the name of the pet dog?",
    "I prefer to be called in the evening after six.": "What time of day should we call?",
    "My order number is 88213 and it never arrived.": "order number",
    "The blue kettle leaks when it is full.": "What is wrong with the kettle?",
    "I drive an electric car, so I charge it at home overnight.": "Where does the caller charge the car?",
    "My husband works night shifts at the hospital.": "What job does her husband have?",
    "I would like the invoice sent by post, not by email.": "How should the invoice be delivered?",
    "We are vegetarian at home, the whole family.": "Do they eat meat or are they vegetarians?",
    "I broke my ankle skiing in January.": "Which injury happened while skiing?",
    "The password reset link expired before I could use it.": None,
    "I play the cello in an amateur orchestra on Thursdays.": "What musical instrument does the caller play?",
    "My mother turns eighty in May and we plan a big party.": "How old will the mother be?",
    "Please cancel my gym membership at the end of the month.": "gym cancellation",
    "I paid with a voucher that I had for my birthday.": None,
    "The washing machine makes a loud noise during the spin cycle.": "noisy washing machine",
    "I am learning Portuguese because we travel to Lisbon every summer.": "Which language is being learned?",
    "My new address is 14 Mill Lane.": None,
    "The courier left the parcel with my neighbour Mrs. Okafor.": "Who took the package from the courier?",
    "I have a fear of flying, so I always take the train.": "Why does the caller avoid airplanes?",
    "My landlord wants to raise the rent by ten percent.": None,
    "I need a table for seven people, one of them in a wheelchair.": None,
    "The heating in the bedroom has not worked since Monday.": None,
    "I cannot tolerate milk, only oat drink in my coffee.": None,
    "My son plays football for the under twelves.": None,
    "I would like a refund for the concert tickets.": None,
    "The internet connection drops every time it rains.": "problems with the internet in bad weather",
    "I run a small bakery with four employees.": None,
}
MEMORIES = list(LIFE)
QUESTIONS = {memory: question for memory, question in LIFE.items() if question}


@pytest.fixture(scope="module")
def mem0(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("mem0")) as system:
        system.remember(*MEMORIES)
        system.remember("My dog is a poodle.", "I live in Oslo.", user_id=OTHER)
        yield system


def test_questions_find_their_memory(mem0: Running) -> None:
    found = {memory: mem0.found(question, top_k=3, threshold=0.0) for memory, question in QUESTIONS.items()}
    missed = [QUESTIONS[memory] for memory, best in found.items() if memory not in best]
    assert len(missed) <= 1, missed
    assert sum(best[0] == memory for memory, best in found.items()) >= 17


def test_scores_fall_and_lie_between_0_and_1(mem0: Running) -> None:
    answer = mem0.client.search("Where does the caller live?", filters={"user_id": CALLER}, threshold=0.0)
    scores = [row["score"] for row in answer["results"]]
    assert len(scores) == 10
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_answered_question_scores_higher_than_one_without_an_answer(mem0: Running) -> None:
    def best(query: str) -> float:
        rows = mem0.client.search(query, filters={"user_id": CALLER}, threshold=0.0)["results"]
        return max(float(row["score"]) for row in rows)

    assert best("What is the dog's name?") > 2 * best("Which university did he study mathematics at?")


def test_threshold_leaves_out_what_fits_less(mem0: Running) -> None:
    assert mem0.found("order number 88213", threshold=0.6) == [
        "My order number is 88213 and it never arrived."
    ]
    assert mem0.found("volcanic eruptions", threshold=0.9) == []


def test_only_the_callers_own_memories_are_found(mem0: Running) -> None:
    everything = mem0.found("What kind of dog?", top_k=1000, threshold=0.0)
    assert sorted(everything) == sorted(MEMORIES)
    assert mem0.found("poodle", {"user_id": "*"}, top_k=1) == ["My dog is a poodle."]


OPERATORS = [
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
]


@pytest.mark.parametrize(
    "query", [*OPERATORS, "( OR )", "???", "\x00", "ß" * 300, "word " * 5000, "🐶", "कुत्ता"]
)
def test_nothing_in_a_query_is_an_operator(mem0: Running, query: str) -> None:
    assert isinstance(mem0.found(query + " ."), list)
