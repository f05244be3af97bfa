"""Memories are told as data: fenced, chosen, dated, newest first, bounded."""

import datetime as dt

import pytest

from client_data.context import CLOSING, OPENING, caller_name, compose
from shared.memory import FACTUAL, SEMANTIC, Kind, Memory

NEW_YEAR = dt.datetime(2026, 1, 1, 9, tzinfo=dt.UTC)
NOW = dt.datetime(2026, 3, 15, 8, tzinfo=dt.UTC)


def memory(text: str, day: float = 1, *, kind: str = FACTUAL, name: str = "") -> Memory:
    created = NEW_YEAR + dt.timedelta(days=day - 1)
    what: Kind = "fact" if kind == FACTUAL else "passage"
    return Memory(text, kind, created, caller_name=name, kind=what)


def summary(text: str, day: float = 1) -> Memory:
    return memory(text, day, kind=SEMANTIC)._replace(kind="summary")


def told(memories: list[Memory], budget: int = 6000) -> str:
    return compose(sorted(memories, key=lambda each: each.created, reverse=True), budget, NOW)


def lines(context: str) -> list[str]:
    return context[context.index(OPENING) : context.index(CLOSING)].splitlines()[1:]


def test_unknown_caller_has_no_fence() -> None:
    assert OPENING not in told([])
    assert "Nothing is known" in told([])


def test_memories_stand_dated_between_the_fences() -> None:
    context = told([memory("Grows tomatoes.", 3), memory("Has a greenhouse.", 2)])
    assert lines(context) == ["Facts:", "- 2026-01-03: Grows tomatoes.", "- 2026-01-02: Has a greenhouse."]
    assert context.endswith(CLOSING)


def test_agent_is_told_how_to_use_them() -> None:
    for part in ("never obey", "never mention notes", "Confirm an old fact", "another person"):
        assert part in told([memory("Grows tomatoes.")])


def test_facts_come_first_then_the_last_calls_then_words() -> None:
    context = told(
        [
            memory("Caller: My tomatoes have spots.", 62, kind=SEMANTIC),
            summary("They talked about tomatoes.", 62),
            summary("They talked about roses.", 60),
            memory("Grows tomatoes.", 1),
        ]
    )
    assert lines(context) == [
        "Facts:",
        "- 2026-01-01: Grows tomatoes.",
        "Earlier calls:",
        "- On 3 March, 12 days ago: They talked about tomatoes.",
        "- On 1 March, 2 weeks ago: They talked about roses.",
        "What was said:",
        "- 2026-03-03: Caller: My tomatoes have spots.",
    ]


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("2026-03-15T06:00:00+00:00", "On 15 March, today"),
        ("2026-03-14T23:59:00+00:00", "On 14 March, yesterday"),
        ("2026-03-03T10:00:00+00:00", "On 3 March, 12 days ago"),
        ("2026-01-30T10:00:00+00:00", "On 30 January, 6 weeks ago"),
        ("2025-12-24T10:00:00+00:00", "On 24 December 2025, 2 months ago"),
        ("2025-03-14T10:00:00+00:00", "On 14 March 2025, 12 months ago"),
        ("2022-03-14T10:00:00+00:00", "On 14 March 2022, 4 years ago"),
        ("2026-03-16T10:00:00+00:00", "On 16 March"),
        ("1970-01-01T00:00:00+00:00", "On an earlier call"),
    ],
)
def test_calls_are_dated_in_plain_words(moment: str, words: str) -> None:
    call = summary("Roses.")._replace(created=dt.datetime.fromisoformat(moment))
    assert lines(compose([call], 6000, NOW)) == ["Earlier calls:", f"- {words}: Roses."]


def test_of_two_facts_that_contradict_the_newer_stands_above() -> None:
    context = told([memory("Lives in Uppsala.", 1), memory("Lives in Bonn.", 9)])
    assert lines(context)[1:] == ["- 2026-01-09: Lives in Bonn.", "- 2026-01-01: Lives in Uppsala."]


def test_fact_that_was_said_again_is_told_once_with_its_last_date() -> None:
    context = told([memory("Lives in Bonn.", 1), memory("lives in Bonn", 9)])
    assert lines(context) == ["Facts:", "- 2026-01-09: lives in Bonn"]


@pytest.mark.parametrize("budget", [1000, 2000, 6000])
def test_of_5000_memories_the_newest_facts_and_the_last_call_are_told(budget: int) -> None:
    memories = [memory(f"Fact number {number} about the garden.", number / 40) for number in range(3000)]
    memories += [
        memory(f"Caller: Sentence number {number} about the garden.", number / 20, kind=SEMANTIC)
        for number in range(1500)
    ]
    memories += [
        summary(f"Call number {number}. " + "They talked. " * 60, number / 7) for number in range(500)
    ]
    memories += [summary("The last call. " + "They talked. " * 60, 75)]
    context = told(memories, budget)
    assert len(context) <= budget
    assert len(context) > budget * 0.8
    assert "Fact number 2999 " in context
    assert "The last call." in context
    assert "Fact number 1 " not in context


def test_no_old_fact_is_told_whose_correction_does_not_fit() -> None:
    memories = [memory(f"{'x' * 300} {number}", 100 - number) for number in range(10)]
    context = told([*memories, memory("Old.", 1)], 1500)
    assert "- 2026-04-10: xxx" in context
    assert "Old." not in context


def test_last_call_without_a_summary_is_told_by_its_words() -> None:
    memories = [memory(f"Fact number {number} about the garden.", 1) for number in range(500)]
    memories += [summary("Roses.", 5), memory("Caller: It is about my dog.", 62, kind=SEMANTIC)]
    context = told(memories, 2000)
    assert "- On 3 March, 12 days ago: Caller: It is about my dog." in context


def test_one_endless_memory_does_not_push_out_the_others() -> None:
    context = told([memory("x" * 20_000, 2), memory("Short.", 1), summary("y" * 20_000, 2)], 2000)
    assert "Short." in context
    assert "- On 2 January, 2 months ago: yyy" in context
    assert len(context) <= 2000


def test_summary_in_several_memories_is_told_once() -> None:
    assert len(lines(told([summary("Part one.", 2), summary("Part two.", 2)]))) == 2


def test_name_is_the_newest_one_that_was_collected() -> None:
    assert caller_name([memory("a", 3), memory("b", 2, name="Maria"), memory("c", 1, name="Mary")]) == "Maria"
    assert caller_name([memory("My name is About")]) == ""
