"""What Mem0 is given: passages that can be found, and a conversation to infer facts from."""

import itertools

from post_call import passages
from post_call.record import CallRecord, Turn


def call(*texts: str, summary: str = "", collected: dict[str, str] | None = None) -> CallRecord:
    turns = tuple(Turn("user" if index % 2 else "agent", text) for index, text in enumerate(texts))
    return CallRecord("conv_1", "agent_1", "+16125550142", 1_772_532_000, turns, summary, collected or {})


def contents(messages: list[dict[str, str]]) -> list[str]:
    return [message["content"] for message in messages]


def test_passage_carries_its_date_and_who_spoke() -> None:
    (text,) = contents(passages.passages(call("How can I help?", "My tomatoes have spots.")))
    assert text == "[2026-03-03] Agent: How can I help?\nCaller: My tomatoes have spots."


def test_passages_are_bounded_overlap_and_keep_every_word() -> None:
    turns = [f"Sentence number {number} of a long talk about the garden." for number in range(100)]
    texts = contents(passages.passages(call(*turns)))
    assert all(len(text) <= passages.LONGEST_PASSAGE + len("[2026-03-03] ") for text in texts)
    for turn in turns:
        assert any(turn in text for text in texts)
    for before, after in itertools.pairwise(texts):
        assert before.splitlines()[-1] in after


def test_a_turn_longer_than_a_passage_is_cut_between_words() -> None:
    words = [f"word{number}" for number in range(1000)]
    texts = contents(passages.passages(call(" ".join(words))))
    found = [word for text in texts for word in text.replace("Agent:", "").split()[1:]]
    assert found == words


def test_summary_is_a_memory_of_its_own() -> None:
    texts = contents(passages.passages(call("Hi.", "Hello.", summary="They talked.")))
    assert texts[-1] == "[2026-03-03] Summary of the call: They talked."
