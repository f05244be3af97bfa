"""What the story reads from Mem0 by itself."""

from typing import Any

import pytest

from local.remembered import Mem0Error, Remembered
from tests.local.fake_memory_system import FakeSystem

BOTH = frozenset({"factual", "semantic"})


def row(
    text: str, kind: str = "factual", *, user: str = "+16125550142", created: str = "2026-11-10"
) -> dict[str, Any]:
    return {
        "memory": text,
        "user_id": user,
        "metadata": {"type": kind, "conversation_id": "conv_1"},
        "created_at": created,
    }


def test_a_users_memories_come_newest_first() -> None:
    with FakeSystem() as system, Remembered(system.endpoints) as remembered:
        system.memories += [row("old", created="2026-01-01"), row("new"), row("other", user="+447700900123")]
        assert [memory.text for memory in remembered.of_user("+16125550142")] == ["new", "old"]


def test_a_conversation_is_found_under_whatever_name_it_was_filed() -> None:
    with FakeSystem() as system, Remembered(system.endpoints) as remembered:
        system.memories += [row("mine"), row("theirs", user="+447700900123")]
        assert {memory.user_id for memory in remembered.of_conversation("conv_1")} == {
            "+16125550142",
            "+447700900123",
        }
        assert remembered.of_conversation("conv_2") == []


def test_waiting_ends_when_both_kinds_are_there_and_no_more_come() -> None:
    with FakeSystem() as system:
        arriving = [row("a", "semantic"), row("b"), row("c")]
        polls: list[float] = []

        def sleep(seconds: float) -> None:
            polls.append(seconds)
            if arriving:
                system.memories.append(arriving.pop(0))

        with Remembered(system.endpoints, sleep) as remembered:
            found = remembered.wait_for("conv_1", BOTH, patience=60)
    assert {memory.text for memory in found} == {"a", "b", "c"}
    assert len(polls) == 4


def test_waiting_gives_what_is_there_when_patience_ends() -> None:
    with FakeSystem() as system, Remembered(system.endpoints) as remembered:
        system.memories.append(row("only one kind"))
        assert len(remembered.wait_for("conv_1", BOTH, patience=0)) == 1


def test_all_pages_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {
        1: {"results": [row("first")], "next": "http://example.test/?page=2"},
        2: {"results": [row("second")], "next": None},
    }
    with FakeSystem() as system, Remembered(system.endpoints) as remembered:
        monkeypatch.setattr(remembered, "_page", lambda _filters, page: pages[page])
        assert len(remembered.of_user("+16125550142")) == 2


def test_an_unreachable_mem0_says_where_it_should_be() -> None:
    with FakeSystem() as system:
        endpoints = system.endpoints
    with Remembered(endpoints) as remembered, pytest.raises(Mem0Error, match="cannot be reached"):
        remembered.of_user("+16125550142")
