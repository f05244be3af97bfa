"""What is kept word for word: passages that can be found, bounded in length and in number."""

import dataclasses
import itertools
import random

from post_call import passages
from post_call.record import CallRecord, Turn


def call(*texts: str, summary: str = "") -> CallRecord:
    turns = tuple(Turn("user" if index % 2 else "agent", text) for index, text in enumerate(texts))
    return CallRecord("conv_1", "agent_1", "+16125550142", 1_772_532_000, turns, summary, {})


def words(text: str) -> str:
    """A stored passage without its header."""
    return text.partition("] ")[2]


def contents(record: CallRecord) -> list[str]:
    return [message["content"] for message in passages.passages(record)]


def long_call(summary: str = "") -> CallRecord:
    return call(
        *(f"Sentence number {number} of a long talk about the garden and its beds." for number in range(100)),
        summary=summary,
    )


def test_passage_carries_its_date_and_who_spoke() -> None:
    (text,) = contents(call("How can I help?", "My tomatoes have spots."))
    assert text == "[2026-03-03 1] Agent: How can I help?\nCaller: My tomatoes have spots."


def test_every_word_is_kept_and_passages_are_numbered() -> None:
    record = long_call()
    texts = contents(record)
    for turn in record.turns:
        assert any(turn.text in text for text in texts)
    assert [text.partition("] ")[0] for text in texts] == [
        f"[2026-03-03 {place}" for place in range(1, len(texts) + 1)
    ]


def test_little_is_stored_twice() -> None:
    rng = random.Random(7)
    for shortest, longest in ((1, 4), (1, 30), (20, 200)):
        turns = [
            " ".join(["It rained on the beans again."] * rng.randint(shortest, longest)) for _ in range(40)
        ]
        stored = sum(len(text) for text in contents(call(*turns)))
        assert stored <= 1.2 * sum(map(len, turns))


def test_answer_comes_with_its_question_where_there_is_room() -> None:
    turns = [
        text
        for n in range(30)
        for text in (f"Question {n}?", f"The answer is {n}, " + "as I said before, " * 12)
    ]
    texts = [words(text) for text in contents(call(*turns))]
    assert any(
        after.startswith(before.splitlines()[-1]) or "Agent: Question" in after.splitlines()[0]
        for before, after in itertools.pairwise(texts)
    )


def test_long_turns_are_cut_after_a_sentence_and_each_piece_says_who_speaks() -> None:
    sentences = [f"Number {n} of Dr. Lind's list is at 3 p.m. on Monday, and it is long." for n in range(60)]
    lines = [line for text in contents(call(" ".join(sentences))) for line in words(text).splitlines()]
    assert len(lines) > 3
    assert all(line.startswith("Agent: Number ") and line.endswith("it is long.") for line in lines)


def test_there_is_no_more_than_one_memory_for_each_400_characters() -> None:
    for summary in ("", "They talked about the garden."):
        for turns in range(12, 200, 7):
            record = call(
                *("It rained on the beans again, and nobody came to help me." for _ in range(turns))
            )
            said = sum(len(turn.text) for turn in record.turns)
            record = call(*(turn.text for turn in record.turns), summary=summary)
            if said >= 800:
                assert len(contents(record)) <= said / passages.CHARACTERS_PER_MEMORY


def test_no_passage_is_longer_than_the_bound() -> None:
    for texts in (["x" * 5000, "y" * 10, "z" * 900], ["word " * 110] * 30, ["yes!"] * 2000):
        lengths = [len(words(text)) for text in contents(call(*texts))]
        assert max(lengths) <= passages.LONGEST_PASSAGE


def test_a_turn_longer_than_a_passage_is_cut_between_words() -> None:
    said = [f"word{number}" for number in range(1000)]
    lines = [line for text in contents(call(" ".join(said))) for line in words(text).splitlines()]
    pieces = dict.fromkeys(line.removeprefix("Agent: ") for line in lines)
    assert " ".join(pieces).split() == said


def test_parts_of_a_long_call_keep_their_order() -> None:
    second = dataclasses.replace(call("How can I help?", "My tomatoes have spots."), part=2, parts=2)
    assert contents(second) == ["[2026-03-03 10001] Agent: How can I help?\nCaller: My tomatoes have spots."]


def test_fillers_are_dropped_and_answers_are_not() -> None:
    (text,) = contents(call("Shall I cancel it?", "Hm...", "Take your time.", "Yes.", "Okay.", "Uh, mhm"))
    assert text == "[2026-03-03 1] Agent: Shall I cancel it?\nAgent: Take your time.\nCaller: Yes."


def test_a_call_of_fillers_leaves_nothing() -> None:
    assert contents(call("Okay.", "Hm", "Oh.")) == []


def test_summary_is_a_memory_of_its_own() -> None:
    texts = contents(call("Hi there.", "Hello.", summary="They talked."))
    assert texts == [
        "[2026-03-03 1] Agent: Hi there.\nCaller: Hello.",
        "[2026-03-03 summary] They talked.",
    ]
