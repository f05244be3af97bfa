"""The grammar of filters, through the real client."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.local.mem0_library import CALLER, OTHER, Running, errors, running

MORNING = 1_772_409_600  # 2026-03-02T00:00:00Z


@pytest.fixture(scope="module")
def mem0(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Five memories: a, b, c of one caller, d of another, e of an agent alone."""
    with running(tmp_path_factory.mktemp("mem0")) as system:
        system.remember(
            "a",
            run_id="run-1",
            timestamp=MORNING,
            metadata={"conversation_id": "one", "turn": 1, "last": True},
        )
        system.remember(
            "b", timestamp=MORNING + 3600, metadata={"conversation_id": "two", "tags": ["x", "y"]}
        )
        system.remember("c Budget", timestamp=MORNING + 86400, metadata={"conversation_id": "two-b"})
        system.remember("d", user_id=OTHER, timestamp=MORNING, metadata={"conversation_id": "one"})
        system.client.add(
            [{"role": "user", "content": "e"}], agent_id="agent-1", infer=False, timestamp=MORNING
        )
        yield system


MINE = {"user_id": CALLER}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (MINE, "abc"),
        ({"user_id": {"eq": CALLER}}, "abc"),
        ({"user_id": {"in": [CALLER, OTHER]}}, "abcd"),
        ({"user_id": "unknown"}, ""),
        ({"AND": [MINE]}, "abc"),
        ({"AND": [MINE, {"metadata": {"conversation_id": "two"}}]}, "b"),
        ({"user_id": CALLER, "metadata": {"conversation_id": "two"}}, "b"),
        ({"OR": [MINE, {"user_id": OTHER}]}, "abcd"),
        ({"OR": [MINE, {"agent_id": "agent-1"}]}, "abce"),
        # NOT takes an object or a list, of which none may match
        ({"AND": [MINE, {"NOT": {"metadata": {"conversation_id": "two"}}}]}, "ac"),
        ({"AND": [MINE, {"NOT": [{"run_id": "run-1"}, {"metadata": {"conversation_id": "two"}}]}]}, "c"),
        # The wildcard is everybody who has such an id
        ({"user_id": "*"}, "abcd"),
        ({"user_id": {"in": ["*"]}}, "abcd"),
        ({"AND": [{"user_id": "*"}, {"run_id": "*"}]}, "a"),
        ({"OR": [{"user_id": "*"}, {"agent_id": "*"}]}, "abcde"),
        # ne matches what has no value too
        ({"AND": [MINE, {"run_id": {"ne": "run-1"}}]}, "bc"),
        ({"AND": [{"agent_id": "*"}, {"user_id": {"ne": CALLER}}]}, "e"),
        # Time
        ({"AND": [MINE, {"created_at": {"gte": "2026-03-02T01:00:00Z"}}]}, "bc"),
        ({"AND": [MINE, {"created_at": {"gt": "2026-03-02T02:00:00+01:00"}}]}, "c"),
        ({"AND": [MINE, {"created_at": {"gte": MORNING, "lt": MORNING + 86400}}]}, "ab"),
        ({"AND": [MINE, {"created_at": {"lte": "2026-03-02"}}]}, "ab"),
        ({"AND": [MINE, {"updated_at": {"lt": "2026-03-02T00:30:00"}}]}, "a"),
        # Metadata
        ({"AND": [MINE, {"metadata": {"turn": 1}}]}, "a"),
        ({"AND": [MINE, {"metadata": {"turn": "1"}}]}, ""),
        ({"AND": [MINE, {"metadata": {"last": True}}]}, "a"),
        ({"AND": [MINE, {"metadata": {"last": 1}}]}, ""),
        ({"AND": [MINE, {"metadata": {"conversation_id": {"contains": "two"}}}]}, "bc"),
        ({"AND": [MINE, {"metadata": {"tags": {"contains": "x"}}}]}, "b"),
        ({"AND": [MINE, {"metadata": {"tags": ["x", "y"]}}]}, "b"),
        ({"AND": [MINE, {"metadata": {"conversation_id": {"ne": "one"}}}]}, "bc"),
        ({"AND": [MINE, {"metadata": {"conversation_id": "two", "tags": {"contains": "y"}}}]}, "b"),
        ({"AND": [MINE, {"metadata": {"' OR 1=1 --": "x"}}]}, ""),
    ],
)
def test_what_a_filter_matches(mem0: Running, filters: dict[str, Any], expected: str) -> None:
    assert sorted(text[0] for text in mem0.texts(filters)) == list(expected)
    found = mem0.found("anything at all", filters, threshold=0.0, top_k=100)
    assert sorted(text[0] for text in found) == list(expected)


def test_memory_ids_narrow_a_listing(mem0: Running) -> None:
    identifiers = [row["id"] for row in mem0.client.get_all(filters=MINE)["results"]]
    assert len(mem0.texts({"AND": [MINE, {"memory_ids": identifiers[:2]}]})) == 2


@pytest.mark.parametrize(
    "filters",
    [
        {"metadata": {"conversation_id": "one"}},
        {"created_at": {"gte": "2026-01-01"}},
        {"NOT": [MINE]},
        {"user_id": {"ne": CALLER}},
        {"AND": []},
        {"AND": MINE},
        {"OR": "x"},
        [MINE],
        "user_id",
        {"user_id": None},
        {"user_id": ""},
        {"user_id": 16125550142},
        {"user_id": [CALLER]},
        {"user_id": {}},
        {"user_id": {"in": []}},
        {"user_id": {"in": "x"}},
        {"user_id": {"in": ["x"] * 1001}},
        {"user_id": {"gte": "a"}},
        {"user_id": {"$ne": "a"}},
        {"user_id": CALLER, "name": "x"},
        {"user_id": CALLER, "1=1; DROP TABLE memories": "x"},
        {"user_id": CALLER, "created_at": "yesterday"},
        {"user_id": CALLER, "created_at": {"contains": "2026"}},
        {"user_id": CALLER, "metadata": "x"},
        {"user_id": CALLER, "metadata": {}},
        {"user_id": CALLER, "metadata": {"turn": {"gte": 1}}},
        {"user_id": CALLER, "metadata": {"tags": {"contains": 1}}},
        {"user_id": CALLER, "memory_ids": []},
        {"user_id": CALLER, "keywords": "x"},
    ],
)
def test_what_is_not_in_the_grammar_is_refused(mem0: Running, filters: object) -> None:
    with pytest.raises(errors.ValidationError):
        mem0.client.get_all(filters=filters)


def test_filter_nested_without_end_is_refused(mem0: Running) -> None:
    filters: dict[str, Any] = MINE
    for _ in range(50):
        filters = {"AND": [filters]}
    with pytest.raises(errors.ValidationError, match="deeper than"):
        mem0.client.get_all(filters=filters)


def test_metadata_beside_the_filters_narrows_too(mem0: Running) -> None:
    assert mem0.texts(MINE, metadata={"turn": 1}) == ["a"]
