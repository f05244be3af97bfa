"""What of Mem0's candidates the agent gets to read."""

import datetime as dt
import random
import re

from retrieve import ranking
from shared.memory import FACTUAL, SEMANTIC, Memory

DAY = dt.datetime(2026, 3, 3, 10, tzinfo=dt.UTC)


def memory(text: str, *, day: int = 0, kind: str = SEMANTIC, score: float = 0.5, place: int = 0) -> Memory:
    created = DAY + dt.timedelta(days=day)
    if kind == FACTUAL:
        return Memory(text, kind, created, score)
    lines = tuple(re.split(r" (?=(?:Caller|Agent): )", text))
    return Memory(text, kind, created, score, kind="passage", place=place, lines=lines)


def texts(query: str, *found: Memory, limit: int = 3) -> list[str]:
    return [chosen.text for chosen in ranking.choose(query, found, limit)]


def test_nothing_found_is_nothing_chosen() -> None:
    assert ranking.choose("tomatoes", [], 3) == []


def test_overlapping_passages_become_one_without_repeating_a_turn() -> None:
    found = texts(
        "tomatoes",
        memory("Agent: Which tomatoes? Caller: The yellow tomatoes.", place=2),
        memory("Caller: The tomatoes died. Agent: Well. Which tomatoes?", place=1),
    )
    assert found == ["Caller: The tomatoes died. Agent: Well. Which tomatoes? Caller: The yellow tomatoes."]


def test_passages_are_put_together_in_the_order_of_the_call() -> None:
    parts = [
        memory(f"Agent: Question {n}? Caller: Reply {n}. Agent: Question {n + 1}?", place=n + 1)
        for n in range(4)
    ]
    random.Random(3).shuffle(parts)
    (whole,) = texts("question", *parts)
    assert whole.startswith("Agent: Question 0? Caller: Reply 0. Agent: Question 1?")
    assert whole.endswith("Agent: Question 4?")
    assert whole.count("Question 2?") == 1


def test_passages_of_earlier_releases_are_joined_where_one_repeats_the_line_before() -> None:
    (whole,) = texts(
        "tomatoes",
        memory("Caller: The tomatoes died. Agent: Which tomatoes?"),
        memory("Agent: Which tomatoes? Caller: The yellow tomatoes."),
    )
    assert whole == "Caller: The tomatoes died. Agent: Which tomatoes? Caller: The yellow tomatoes."


def test_what_was_not_found_between_two_passages_is_a_gap() -> None:
    (whole,) = texts("rain", memory("Caller: Rain came."), memory("Caller: More rain came."))
    assert whole == f"Caller: Rain came.{ranking.GAP}Caller: More rain came."


def test_together_they_stay_within_the_bound() -> None:
    rng = random.Random(1)
    words = "tomato garden spots rain beans frost soil water seeds fence".split()

    def turn() -> str:
        return f"Caller: {' '.join(rng.choices(words, k=rng.randint(1, 90)))}."

    for limit in (1, 3, 5):
        found = [
            memory(" ".join(turn() for _ in range(6)), day=rng.randint(0, 9), score=rng.random())
            for _ in range(60)
        ]
        found += [memory("fact " * 4000, kind=FACTUAL, day=3)]
        chosen = texts("tomato frost", *found, limit=limit)
        assert 0 < len(chosen) <= limit
        assert sum(map(len, chosen)) <= limit * ranking.CHARACTERS


def test_turn_with_the_words_comes_before_a_passage_that_mem0_likes_better() -> None:
    long = "Caller: " + "I went out and looked at the weather. " * 15
    chosen = texts(
        "Where is the spare key?",
        memory(long, score=0.52),
        memory("Agent: And then? Caller: The spare key hangs behind the shed.", day=1, score=0.5),
    )
    assert "spare key" in chosen[0]


def test_answer_after_the_question_comes_along() -> None:
    filler = " ".join(f"Agent: Tell me more about your holiday number {n}." for n in range(40))
    (text,) = texts(
        "What is the dog's name?", memory(f"{filler} Agent: What is the dog's name? Caller: Juniper.")
    )
    assert "Agent: What is the dog's name? Caller: Juniper." in text


def test_fact_that_a_turn_states_is_not_said_twice() -> None:
    chosen = ranking.choose(
        "allergy",
        [
            memory("Juniper is allergic to chicken", kind=FACTUAL),
            memory("Caller: Juniper is allergic to chicken, you know."),
        ],
        3,
    )
    assert [one.text for one in chosen] == ["Caller: Juniper is allergic to chicken, you know."]
    assert chosen[0].type == SEMANTIC


def test_fact_that_no_turn_states_stands_before_what_was_said() -> None:
    found = (
        memory("Caller: She gets ear infections from chicken."),
        memory("The dog has a poultry allergy", kind=FACTUAL, score=0.6),
        memory("It likes fish.", kind=FACTUAL),
    )
    said = "Caller: She gets ear infections from chicken."
    facts = "The dog has a poultry allergy. It likes fish."
    assert texts("allergy", *found, limit=1) == [f"{facts}{ranking.GAP}{said}"]


def test_fact_is_a_memory_of_its_own_while_there_is_room() -> None:
    found = [
        memory("Caller: She gets ear infections from chicken."),
        memory("The dog has a poultry allergy", kind=FACTUAL, score=0.6),
        memory("It likes fish.", kind=FACTUAL),
    ]
    chosen = ranking.choose("allergy", found, 3)
    assert {(one.text, one.type) for one in chosen} == {
        ("The dog has a poultry allergy", FACTUAL),
        ("It likes fish.", FACTUAL),
        ("Caller: She gets ear infections from chicken.", SEMANTIC),
    }
    assert [one.score for one in chosen] == sorted((one.score for one in chosen), reverse=True)
    both = {one.text for one in ranking.choose("allergy", found, 2)}
    assert both == {
        "The dog has a poultry allergy",
        f"It likes fish.{ranking.GAP}Caller: She gets ear infections from chicken.",
    }


def test_facts_alone_are_factual() -> None:
    (only,) = ranking.choose("city", [memory("Home city: Uppsala.", kind=FACTUAL)], 3)
    assert (only.text, only.type) == ("Home city: Uppsala.", FACTUAL)


def test_summary_is_told_only_when_nothing_else_of_its_call_was_found() -> None:
    summary = Memory("They talked about beans.", SEMANTIC, DAY, 0.5, kind="summary")
    assert texts("beans", summary) == [summary.text]
    assert texts("beans", summary, memory("Caller: I like beans.")) == ["Caller: I like beans."]


def test_same_words_on_two_days_come_once() -> None:
    found = [memory("Caller: I like beans.", day=day) for day in range(3)]
    assert texts("beans", *found) == ["Caller: I like beans."]


def test_memories_of_unknown_date_stay_apart() -> None:
    epoch = dt.datetime.fromtimestamp(0, dt.UTC)
    found = [Memory(f"Caller: Bean {number}.", SEMANTIC, epoch, 0.5, kind="passage") for number in range(3)]
    assert len(texts("bean", *found)) == 3


def test_scores_of_nought_do_no_harm() -> None:
    assert texts("?", memory("Caller: Hello there.", score=0.0)) == ["Caller: Hello there."]
    assert texts("?", memory("A fact.", score=0.0, kind=FACTUAL)) == ["A fact."]


def test_caller_with_one_call_gets_the_whole_room() -> None:
    said = [f"Caller: {letter} {'tomatoes and beans ' * 20}".strip() for letter in "abcdefgh"]
    (whole,) = texts("tomatoes", *(memory(text, place=2 * place + 1) for place, text in enumerate(said)))
    assert 1500 < len(whole) <= 3 * ranking.CHARACTERS


def test_list_is_in_the_order_of_its_scores() -> None:
    rng = random.Random(5)
    words = "tomato garden spots rain beans frost soil water seeds fence".split()
    found = [
        memory(f"Caller: {' '.join(rng.choices(words, k=9))}.", day=day, score=rng.random())
        for day in range(30)
    ]
    scores = [chosen.score for chosen in ranking.choose("tomato frost", found, 5)]
    assert scores == sorted(scores, reverse=True)
    assert 0 < scores[-1] <= scores[0] <= 1


GARDEN = [
    memory(f"The caller grows {name} in the garden", kind=FACTUAL, day=day, score=0.4 + day / 100)
    for day, name in enumerate("tomatoes beans carrots leeks onions peas squash chard kale beets".split())
]


def test_nothing_is_told_when_nothing_fits() -> None:
    assert texts("What did the caller say about the violin lessons?", *GARDEN) == []


def test_scale_of_the_scores_does_not_matter() -> None:
    for scale in (0.01, 0.5, 1.0):
        found = [one._replace(score=one.score * scale) for one in GARDEN]
        assert texts("What did the caller say about the violin lessons?", *found) == []
        assert texts("What did the caller say about the beans?", *found) != []


def test_question_in_another_language_is_not_refused_for_its_words() -> None:
    assert texts("Was hat der Anrufer über die Bohnen gesagt?", *GARDEN) != []


def test_fact_that_stands_out_is_told_whatever_the_words() -> None:
    found = [*GARDEN, memory("The caller teaches music", kind=FACTUAL, day=20, score=3.0)]
    assert texts("What did the caller say about the violin lessons?", *found) != []
