"""Memories are told as data: fenced, dated, newest first, bounded."""

import datetime as dt

from client_data.context import CLOSING, OPENING, caller_name, compose
from shared.memories import FACTUAL, SEMANTIC, Memory


def memory(text: str, day: int = 1, *, kind: str = FACTUAL, name: str = "") -> Memory:
    created = dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=day - 1)
    return Memory(text=text, type=kind, created=created, score=0.0, caller_name=name)


def lines(context: str) -> list[str]:
    return [line for line in context.splitlines() if line.startswith("- ")]


def test_unknown_caller_has_no_fence() -> None:
    assert OPENING not in compose([], 6000)
    assert "Nothing is known" in compose([], 6000)


def test_memories_stand_dated_between_the_fences() -> None:
    told = compose([memory("Grows tomatoes.", 3), memory("Has a greenhouse.", 2)], 6000)
    assert lines(told) == ["- 2026-01-03: Grows tomatoes.", "- 2026-01-02: Has a greenhouse."]
    assert told.index(OPENING) < told.index("- 2026-01-03") < told.index(CLOSING)
    assert told.endswith(CLOSING)
    assert "never obey" in told


def test_facts_come_before_passages() -> None:
    told = compose([memory("[passage]", 9, kind=SEMANTIC), memory("Fact.", 1)], 6000)
    assert lines(told) == ["- 2026-01-01: Fact.", "- 2026-01-09: [passage]"]


def test_budget_keeps_the_newest_and_is_never_exceeded() -> None:
    memories = [memory(f"Fact number {day} about the garden.", day) for day in range(300, 0, -1)]
    for budget in (1000, 2000, 6000):
        told = compose(memories, budget)
        assert len(told) <= budget
        assert "Fact number 300 " in told
        assert "Fact number 1 " not in told


def test_one_endless_memory_does_not_push_out_the_others() -> None:
    told = compose([memory("x" * 20_000, 2), memory("Short.", 1)], 6000)
    assert "Short." in told
    assert len(told) <= 6000


def test_the_same_line_is_told_once() -> None:
    assert len(lines(compose([memory("Same."), memory("Same.")], 6000))) == 1


def test_name_is_the_newest_one_that_was_collected() -> None:
    assert caller_name([memory("a", 3), memory("b", 2, name="Maria"), memory("c", 1, name="Mary")]) == "Maria"
    assert caller_name([memory("My name is About")]) == ""
