"""Reading Mem0 over its own API."""

import pytest

from local.memories import Memories, ReadError
from tests.local.fake_system import FakeSystem, memory


def test_memories_of_a_conversation_come_newest_first_whosever_they_are() -> None:
    with FakeSystem() as system, Memories(system.endpoints) as memories:
        old, theirs = memory("old", created_at="2026-01-01"), memory("theirs", user_id="+447700900123")
        system.memories += [old, theirs, memory("other", conversation_id="conv_2")]
        assert [found.text for found in memories.of_conversation("conv_1")] == ["theirs", "old"]
        assert memories.of_conversation("conv_3") == []


def test_all_pages_are_read() -> None:
    with FakeSystem(page_size=2) as system, Memories(system.endpoints) as memories:
        system.memories += [memory(str(number)) for number in range(5)]
        assert len(memories.of_conversation("conv_1")) == 5


def test_waiting_ends_when_both_kinds_are_there_and_no_more_come() -> None:
    arriving = [memory("a", "semantic"), memory("b"), memory("c")]
    polls: list[float] = []
    with FakeSystem() as system:

        def sleep(seconds: float) -> None:
            polls.append(seconds)
            if arriving:
                system.memories.append(arriving.pop(0))

        with Memories(system.endpoints, sleep) as memories:
            found = memories.wait_for("conv_1", frozenset({"factual", "semantic"}), patience=60)
    assert {memory_found.text for memory_found in found} == {"a", "b", "c"}
    assert len(polls) == 4


def test_waiting_returns_what_is_there_when_the_time_is_over() -> None:
    with FakeSystem() as system, Memories(system.endpoints) as memories:
        system.memories.append(memory("only one kind"))
        assert len(memories.wait_for("conv_1", frozenset({"factual", "semantic"}), patience=0)) == 1


def test_unreachable_mem0_is_named() -> None:
    with FakeSystem() as system:
        endpoints = system.endpoints
    with Memories(endpoints) as memories, pytest.raises(ReadError, match="cannot be reached"):
        memories.of_conversation("conv_1")
