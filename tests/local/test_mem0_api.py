"""The API as the real client sees it: each operation, and what is refused."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.local.mem0_library import CALLER, HEADERS, OTHER, Running, errors, library, running

SPOKEN = [
    {"role": "system", "content": "You are a helpful agent."},
    {"role": "user", "content": "My dog is called Rex."},
    {"role": "assistant", "content": "Noted."},
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("mem0")) as system:
        yield system


@pytest.fixture
def mem0(shared: Running) -> Running:
    shared.reset()
    return shared


def test_key_belongs_to_an_organization_and_a_project(mem0: Running) -> None:
    assert (mem0.client.org_id, mem0.client.project_id) == ("local-org", "local-project")
    with pytest.raises(ValueError, match="Invalid API key"), library(mem0.stand_in.url, key="wrong"):
        pass


@pytest.mark.parametrize("header", ["", "Bearer local-mem0-key", "Token", "local-mem0-key", "Token wrong"])
def test_request_without_a_token_is_401_with_a_detail(mem0: Running, header: str) -> None:
    answer = mem0.http.get("/v1/ping/", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.json()["detail"]


def test_verbatim_messages_are_there_at_once_without_the_system_message(mem0: Running) -> None:
    answer = mem0.client.add(SPOKEN, user_id=CALLER, infer=False)
    assert answer["status"] == "SUCCEEDED"
    assert [(result["data"]["memory"], result["event"]) for result in answer["results"]] == [
        ("My dog is called Rex.", "ADD"),
        ("Noted.", "ADD"),
    ]
    assert sorted(mem0.texts()) == ["My dog is called Rex.", "Noted."]


def test_facts_appear_after_the_answer_and_the_event_tells(tmp_path: Path) -> None:
    with running(tmp_path, infer_seconds=0.3) as mem0:
        answer = mem0.client.add(SPOKEN, user_id=CALLER, metadata={"type": "factual"})
        assert answer["status"] == "PENDING"
        assert mem0.texts() == []
        event = f"/v1/event/{answer['event_id']}/"
        assert mem0.http.get(event, headers=HEADERS).json()["status"] == "PENDING"
        assert mem0.stand_in.settle()
        assert mem0.texts() == ["My dog is called Rex."]
        done = mem0.http.get(event, headers=HEADERS).json()
        assert (done["status"], done["error"]) == ("SUCCEEDED", None)
        assert [result["data"]["memory"] for result in done["results"]] == ["My dog is called Rex."]


def test_same_sentence_is_one_fact_and_twice_the_same_passage_is_two(mem0: Running) -> None:
    for _ in range(2):
        mem0.client.add("My dog is called Rex.", user_id=CALLER)
    mem0.stand_in.settle()
    assert mem0.texts() == ["My dog is called Rex."]
    mem0.remember("My dog is called Rex.", "My dog is called Rex.")
    assert len(mem0.texts()) == 3


def test_row_has_what_mem0_returns(mem0: Running) -> None:
    metadata = {"type": "semantic", "call_start": 1_767_225_600, "tags": ["a"], "deep": {"er": None}}
    mem0.remember("My dog is called Rex.", run_id="run-1", metadata=metadata, timestamp=1_767_225_600)
    listed = mem0.client.get_all(filters={"user_id": CALLER})["results"][0]
    assert UUID(listed["id"])
    assert listed["memory"] == "My dog is called Rex."
    assert (listed["user_id"], listed["session_id"], listed["agent_id"]) == (CALLER, "run-1", None)
    assert listed["metadata"] == metadata
    assert listed["created_at"] == "2026-01-01T00:00:00+00:00"
    assert datetime.fromisoformat(listed["updated_at"]).tzinfo is not None
    found = mem0.client.search("dog", filters={"user_id": CALLER})["results"][0]
    assert 0 < found["score"] <= 1
    assert found["run_id"] == "run-1"
    assert found["id"] == listed["id"]


def test_pages_are_newest_first_and_linked(mem0: Running) -> None:
    for day in range(5):
        mem0.remember(f"Day {day}", timestamp=1_767_225_600 + day * 86400)
    first = mem0.client.get_all(filters={"user_id": CALLER}, page=1, page_size=2)
    assert [row["memory"] for row in first["results"]] == ["Day 4", "Day 3"]
    assert (first["count"], first["previous"]) == (5, None)
    assert first["next"] == f"{mem0.stand_in.url}/v3/memories/?page=2&page_size=2"
    last = mem0.client.get_all(filters={"user_id": CALLER}, page=3, page_size=2)
    assert [row["memory"] for row in last["results"]] == ["Day 0"]
    assert last["next"] is None
    with pytest.raises(errors.MemoryNotFoundError, match="Invalid page"):
        mem0.client.get_all(filters={"user_id": CALLER}, page=4, page_size=2)


def test_page_numbers_are_read_from_the_body_too_and_the_query_string_wins(mem0: Running) -> None:
    mem0.remember("one", "two", "three")
    body = {"filters": {"user_id": CALLER}, "page_size": 2, "page": 2}
    assert len(mem0.http.post("/v3/memories/", json=body, headers=HEADERS).json()["results"]) == 1
    answer = mem0.http.post("/v3/memories/", params={"page": 1}, json=body, headers=HEADERS).json()
    assert len(answer["results"]) == 2


def test_one_memory_is_read_and_deleted_by_id(mem0: Running) -> None:
    identifier = mem0.remember("I live in Bonn.")[0]["id"]
    assert mem0.client.get(identifier)["memory"] == "I live in Bonn."
    mem0.client.delete(identifier)
    with pytest.raises(errors.MemoryNotFoundError):
        mem0.client.get(identifier)
    assert mem0.found("Bonn") == []


def test_delete_all_takes_one_callers_memories_and_no_others(mem0: Running) -> None:
    mem0.remember("mine")
    mem0.remember("not mine", user_id=OTHER)
    assert "event_id" in mem0.client.delete_all(user_id=CALLER)
    mem0.stand_in.settle()
    assert mem0.texts({"user_id": "*"}) == ["not mine"]
    mem0.client.delete_users(user_id=OTHER)
    mem0.stand_in.settle()
    assert mem0.texts({"user_id": "*"}) == []


def test_delete_all_without_a_filter_is_refused(mem0: Running) -> None:
    mem0.remember("mine")
    with pytest.raises(errors.ValidationError, match="at least one filter"):
        mem0.client.delete_all()
    with pytest.raises(errors.ValidationError, match="at least one filter"):
        mem0.client.delete_all(filters={"user_id": CALLER})  # the library sends a Python repr
    assert mem0.texts() == ["mine"]


def test_entities_are_listed(mem0: Running) -> None:
    mem0.remember("mine", "mine too")
    mem0.remember("not mine", user_id=OTHER)
    users = mem0.client.users()
    assert {row["name"]: row["total_memories"] for row in users["results"]} == {CALLER: 2, OTHER: 1}
    assert users["total_users"] == 2


def test_expired_memories_are_hidden_unless_asked_for(mem0: Running) -> None:
    today = datetime.now(UTC).date()
    mem0.remember("past dog", expiration_date=str(today - timedelta(days=1)))
    mem0.remember("present dog", expiration_date=str(today))
    assert mem0.texts() == ["present dog"]
    assert mem0.found("dog") == ["present dog"]
    assert sorted(mem0.texts(show_expired=True)) == ["past dog", "present dog"]
    assert sorted(mem0.found("dog", show_expired=True)) == ["past dog", "present dog"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": None}]}, "messages.0.content"),
        ({"messages": ["x"]}, "messages.0"),
        ({"user_id": None}, "at least one of user_id"),
        ({"user_id": ""}, "user_id"),
        ({"user_id": {"in": ["x"]}}, "user_id"),
        ({"user_id": 16125550142}, "user_id"),
        ({"metadata": "x"}, "metadata"),
        ({"infer": "no"}, "infer"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": 10**20}, "timestamp"),
        ({"expiration_date": "2026-13-01"}, "expiration_date"),
        ({"custom_instructions": 1}, "custom_instructions"),
    ],
)
def test_wrong_add_is_400_and_names_the_field(mem0: Running, change: dict[str, Any], field: str) -> None:
    body = {"messages": SPOKEN, "user_id": CALLER, **change}
    answer = mem0.http.post("/v3/memories/add/", json=body, headers=HEADERS)
    assert (answer.status_code, answer.json()["error"][: len(field)]) == (400, field)
    mem0.stand_in.settle()
    assert mem0.texts({"user_id": "*"}) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"query": " "}, "query"),
        ({"query": None}, "query"),
        ({"filters": None}, "filters"),
        ({"filters": {}}, "filters"),
        ({"user_id": CALLER}, "user_id must be inside filters"),
        ({"top_k": 0}, "top_k"),
        ({"top_k": 1001}, "top_k"),
        ({"top_k": True}, "top_k"),
        ({"threshold": 1.5}, "threshold"),
        ({"rerank": "yes"}, "rerank"),
        ({"show_expired": 1}, "show_expired"),
    ],
)
def test_wrong_search_is_400_and_names_the_field(mem0: Running, change: dict[str, Any], field: str) -> None:
    body = {"query": "dog", "filters": {"user_id": CALLER}, **change}
    answer = mem0.http.post("/v3/memories/search/", json=body, headers=HEADERS)
    assert (answer.status_code, answer.json()["error"][: len(field)]) == (400, field)


def test_half_a_surrogate_pair_is_refused(mem0: Running) -> None:
    body = rb'{"messages": [{"role": "user", "content": "\ud800"}], "user_id": "x", "infer": false}'
    answer = mem0.http.post("/v3/memories/add/", content=body, headers=HEADERS)
    assert (answer.status_code, "surrogates" in answer.json()["detail"]) == (400, True)


@pytest.mark.parametrize("size", ["0", "201", "many", "-1"])
def test_page_size_that_mem0_does_not_have_is_refused(mem0: Running, size: str) -> None:
    with pytest.raises(errors.ValidationError, match="page_size: Input should be"):
        mem0.client.get_all(filters={"user_id": CALLER}, page_size=size)


def test_other_paths_and_methods_and_no_json_are_refused(mem0: Running) -> None:
    assert mem0.http.get("/v9/nothing/", headers=HEADERS).status_code == 404
    assert mem0.http.patch("/v3/memories/", headers=HEADERS).status_code == 405
    answer = mem0.http.post("/v3/memories/", content=b"{", headers=HEADERS)
    assert (answer.status_code, "JSON parse error" in answer.json()["detail"]) == (400, True)
    assert mem0.http.post("/v3/memories/", json=[1], headers=HEADERS).status_code == 400
    assert mem0.http.get("/v1/memories/not-a-uuid/", headers=HEADERS).json() == {
        "error": "memory_id should be a valid UUID"
    }
    assert mem0.http.get(f"/v1/event/{uuid4()}/", headers=HEADERS).status_code == 404


def test_text_in_any_script_comes_back_unchanged(mem0: Running) -> None:
    texts = [
        "私は東京に住んでいます",
        "Моя собака Рекс",
        "أنا أسكن في القاهرة",
        "👩‍👩‍👧 café naïve",
        "nul \x00 inside",
    ]
    mem0.remember(*texts)
    assert sorted(mem0.texts()) == sorted(texts)
    for text in texts:
        assert text in mem0.found(text)
