"""Which memory a line that an agent was told comes from."""

import datetime as dt

from client_data import context
from ops.calls import StoredMemory
from ops.calls.told import lines, told
from shared.environment import Environment
from shared.memory import FACTUAL, SEMANTIC, Kind, Memory, of_one_person

ENVIRONMENT = Environment.parse({})
NOW = dt.datetime(2026, 3, 20, 9, tzinfo=dt.UTC)
FIRST = dt.datetime(2026, 3, 3, 9, tzinfo=dt.UTC)
SECOND = dt.datetime(2026, 3, 8, 9, tzinfo=dt.UTC)


def stored(text: str, created: dt.datetime = FIRST, kind: Kind = "fact", name: str = "") -> StoredMemory:
    memory = Memory(
        text=text,
        type=FACTUAL if kind == "fact" else SEMANTIC,
        created=created,
        kind=kind,
        caller_name=name,
        place=int(kind == "passage"),
    )
    return StoredMemory(id=text[:12], memory=memory, conversation_id=f"conv_{created.day}", agent_id="agent")


def prompt(*memories: StoredMemory, attribute: bool = False) -> str:
    newest_first = sorted((one.memory for one in memories), key=lambda memory: memory.created, reverse=True)
    own = of_one_person(newest_first, attribute=attribute)
    return "Be kind.\n\n" + context.compose(own, ENVIRONMENT.context_characters, NOW)


def origins(text: str, *memories: StoredMemory) -> list[str]:
    found = lines(text, memories, ENVIRONMENT, NOW)
    return [line.memory.id if line.memory else "gone" for line in found]


DOG = stored("The dog is called Pepper.")
SUMMARY = stored("They booked the cabin by the lake.", SECOND, "summary")
PASSAGE = stored("Caller: The stove smokes when the wind is from the east.", SECOND, "passage")


def test_every_form_of_a_memory_is_found() -> None:
    text = prompt(DOG, SUMMARY, PASSAGE)
    assert origins(text, DOG, SUMMARY, PASSAGE) == [DOG.id, SUMMARY.id, PASSAGE.id]


def test_passage_of_a_call_without_summary_is_found() -> None:
    assert origins(prompt(PASSAGE), PASSAGE) == [PASSAGE.id]


def test_line_that_was_cut_is_found() -> None:
    long = stored("They talked about the roof. " * 60, SECOND, "summary")
    text = prompt(long)
    assert "…" in text
    assert origins(text, long) == [long.id]


def test_line_whose_memory_is_gone_is_shown_as_it_was_told() -> None:
    (first, second) = lines(prompt(DOG, SUMMARY), [SUMMARY], ENVIRONMENT, NOW)
    assert (first.text, first.day, first.memory) == (DOG.text, "2026-03-03", None)
    assert second.memory == SUMMARY


def test_same_words_of_two_calls_are_told_apart_by_their_day() -> None:
    again = StoredMemory(
        id="again", memory=DOG.memory._replace(created=SECOND), conversation_id="", agent_id=""
    )
    assert origins(prompt(again), DOG, again) == ["again"]


def test_line_does_not_come_from_a_later_call() -> None:
    later = stored(DOG.text, NOW + dt.timedelta(hours=1))
    assert origins(prompt(DOG), later, DOG) == [DOG.id]


def test_line_with_the_name_of_another_caller_is_found() -> None:
    other = stored("The cat is called Salt.", FIRST, name="Ines Example")
    newest = stored("The cellar is damp.", SECOND, name="Tom Sample")
    text = prompt(other, newest, attribute=True)
    assert "From a call with Ines Example" in text
    assert set(origins(text, other, newest)) == {other.id, newest.id}


def test_text_without_fences_has_no_lines() -> None:
    assert lines("- The dog is called Pepper.", [DOG], ENVIRONMENT, NOW) == ()


def test_call_without_client_data_was_told_nothing() -> None:
    variables = {"dynamic_variables": {"system__caller_id": "+16125550142", "memory_count": ""}}
    odd: list[object] = [None, [], {}, {"dynamic_variables": None}, variables]
    for client_data in odd:
        data = {"conversation_initiation_client_data": client_data}
        assert told(data, [], ENVIRONMENT, NOW) is None


def test_memories_in_a_variable_are_lines_too() -> None:
    variables = {"memory_context": prompt(DOG), "memory_count": "1", "secret__memory_token": "x"}
    data = {"conversation_initiation_client_data": {"dynamic_variables": variables}}
    found = told(data, [DOG], ENVIRONMENT, NOW)
    assert found
    assert found.prompt == ""
    assert [line.memory for line in found.lines] == [DOG]
    assert "secret__memory_token" not in found.variables
