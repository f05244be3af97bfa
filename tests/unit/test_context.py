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
    return compose(sorted(memories, key=lambda memory: memory.created, reverse=True), budget, NOW)


def lines(context: str) -> list[str]:
    return context[context.index(OPENING) : context.index(CLOSING)].splitlines()[1:]


def test_unknown_caller_has_no_fence() -> None:
    assert OPENING not in told([])
    assert "Nothing is known" in told([])


def test_memories_stand_dated_between_the_fences() -> None:
    context = told([memory("Grows tomatoes.", 3), memory("Has a greenhouse.", 2)])
    assert lines(context) == [
        *("Facts:", "2026-01-03:", "- Grows tomatoes.", "2026-01-02:", "- Has a greenhouse."),
    ]
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
        "2026-01-01:",
        "- Grows tomatoes.",
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
    assert lines(context)[1:] == ["2026-01-09:", "- Lives in Bonn.", "2026-01-01:", "- Lives in Uppsala."]


def test_fact_that_was_said_again_is_told_once_with_its_last_date() -> None:
    context = told([memory("Lives in Bonn.", 1), memory("lives in Bonn", 9)])
    assert lines(context) == ["Facts:", "2026-01-09:", "- lives in Bonn"]


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
    memories = [memory(f"{f'x{number}' * 30} came.", 100 - number) for number in range(20)]
    context = told([*memories, memory("Old weather.", 1)], 1500)
    assert "2026-04-10:" in context
    assert "Old weather." not in context


def test_facts_of_one_day_share_their_date() -> None:
    context = told([memory("Grows tomatoes.", 3), memory("Has a greenhouse.", 3)])
    assert lines(context) == ["Facts:", "2026-01-03:", "- Grows tomatoes.", "- Has a greenhouse."]


def test_last_three_calls_keep_their_room_beside_hundreds_of_facts() -> None:
    memories = [memory(f"Fact number {number} about bed {number}.", number / 5) for number in range(400)]
    memories += [
        summary(f"Call {number} was about roses. " + "They talked. " * 40, number) for number in range(1, 30)
    ]
    context = told(memories)
    for number in (27, 28, 29):
        assert f"Call {number} was about roses." in context
    assert "Fact number 399 " in context


def test_facts_of_long_ago_that_still_matter_are_told_beside_the_newest() -> None:
    lasting = [
        *("Her name is Maria Keller.", "Maria's daughter Lea is allergic to nuts.", "Wohnt in Bonn."),
        "Prefers text messages.",
    ]
    memories = [memory(text, 1) for text in lasting]
    memories += [memory(f"Ordered box {number} of green paper.", 2 + number / 10) for number in range(300)]
    context = told(memories)
    assert all(text in context for text in lasting)
    assert "Ordered box 299 " in context


@pytest.mark.parametrize(
    "fact",
    [
        *(
            "Rosa wants to be called only after six.",
            "Rosa is a nurse.",
            "Rosa keeps bees.",
            "Rosa pays in cash.",
        ),
        *(
            "Rosa mag keine Nachrichten auf der Mailbox.",
            "Rosa no come carne.",
            "Rosa n'aime pas le téléphone.",
        ),
    ],
)
def test_what_is_so_outlasts_what_happened(fact: str) -> None:
    memories = [
        memory(f"Rosa ordered box {number} of green paper.", 3 + number / 10) for number in range(200)
    ]
    memories += [memory(fact, 1), memory("Rosa paid box 7 on Monday.", 2)]
    context = told(memories, 2000)
    assert fact in context
    assert "on Monday" not in context


def test_newest_of_the_lasting_facts_come_first() -> None:
    memories = [memory(f"Lives in town {number} of {number} streets.", number / 10) for number in range(200)]
    memories += [memory(f"Ordered box {number} of green paper.", 30 + number / 10) for number in range(300)]
    context = told(memories, 2000)
    assert "Lives in town 199 " in context
    assert "Lives in town 1 " not in context


def test_fact_that_a_told_summary_says_is_left_out() -> None:
    context = told(
        [memory("Juniper needs ear drops.", 3), summary("Juniper the dog needs ear drops twice a day.", 3)]
    )
    assert lines(context) == [
        "Earlier calls:",
        "- On 3 January, 2 months ago: Juniper the dog needs ear drops twice a day.",
    ]


def test_fact_that_a_newer_one_says_is_left_out_and_one_that_denies_it_is_not() -> None:
    context = told(
        [
            memory("Eats no meat.", 9),
            memory("Maria keeps a dog called Juniper in Bonn.", 8),
            memory("Keeps a dog called Juniper.", 2),
            memory("Eats meat.", 1),
        ]
    )
    assert "Keeps a dog called Juniper." not in context
    assert "- Eats no meat." in context
    assert "- Eats meat." in context


@pytest.mark.parametrize("form", ["The caller's home city is {}.", "Home city: {}."])
def test_of_values_collected_for_one_field_the_newest_is_told(form: str) -> None:
    context = told([memory(form.format("Bonn"), 9), memory(form.format("Uppsala"), 1)])
    assert "Bonn" in context
    assert "Uppsala" not in context


def test_facts_and_passages_of_one_call_stand_in_the_order_in_which_they_were_said() -> None:
    passages = [
        Memory(
            f"Caller: {words}", SEMANTIC, NEW_YEAR, kind="passage", place=place, lines=(f"Caller: {words}",)
        )
        for place, words in (
            (2, "The roses came later."),
            (3, "At last the beans."),
            (1, "First the tomatoes died."),
        )
    ]
    facts = [
        memory("The beans came at last."),
        memory("The tomatoes died first."),
        memory("The roses came later."),
    ]
    context = told([*passages, *facts, summary("The garden.")])
    assert [line for line in lines(context) if line.startswith("- ")] == [
        "- The tomatoes died first.",
        "- The roses came later.",
        "- The beans came at last.",
        "- On 1 January, 2 months ago: The garden.",
        "- 2026-01-01: Caller: First the tomatoes died.",
        "- 2026-01-01: Caller: The roses came later.",
        "- 2026-01-01: Caller: At last the beans.",
    ]


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
