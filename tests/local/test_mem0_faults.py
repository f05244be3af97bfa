"""What Mem0 may do wrong, as the real client meets it."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.local.mem0_library import CALLER, HEADERS, OTHER, Running, errors, library, running
from tests.local.support import NO_TLS, until

MINE = {"user_id": CALLER}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("mem0")) as system:
        yield system


@pytest.fixture
def mem0(shared: Running) -> Running:
    shared.reset()
    shared.remember("My dog is called Rex.")
    shared.stand_in.clear_requests()
    return shared


def put(mem0: Running, *rules: dict[str, Any]) -> None:
    mem0.http.put("/_faults", json=list(rules)).raise_for_status()


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, errors.AuthenticationError), (503, errors.NetworkError), (500, errors.MemoryError)],
)
def test_status_reaches_the_client_as_its_error(mem0: Running, status: int, error: type[Exception]) -> None:
    put(mem0, {"operation": "search", "status": status, "name": "as told"})
    with pytest.raises(error):
        mem0.client.search("dog", filters=MINE)
    assert [request["fault"] for request in mem0.stand_in.requests()] == ["as told"]
    mem0.http.delete("/_faults").raise_for_status()
    assert mem0.found("dog") == ["My dog is called Rex."]


def test_rate_limit_carries_its_retry_after(mem0: Running) -> None:
    limit = {"status": 429, "headers": {"Retry-After": "7"}, "body": {"detail": "Slow down."}}
    put(mem0, {"operation": "add", **limit})
    with pytest.raises(errors.RateLimitError, match="Slow down") as caught:
        mem0.remember("x")
    assert caught.value.debug_info["retry_after"] == 7
    assert mem0.texts() == ["My dog is called Rex."]


def test_hanging_request_is_logged_without_a_status(mem0: Running) -> None:
    put(mem0, {"operation": "search", "hang": True})
    with library(mem0.stand_in.url, timeout=0.2) as hasty, pytest.raises(errors.NetworkError):
        hasty.search("dog", filters=MINE)
    assert [request["status"] for request in mem0.stand_in.requests("search")] == [None]


def test_add_can_be_done_and_its_answer_never_come(mem0: Running) -> None:
    put(mem0, {"operation": "add", "after_work": True, "hang": True})
    with library(mem0.stand_in.url, timeout=0.2) as hasty, pytest.raises(errors.NetworkError):
        hasty.add("It was added all the same.", user_id=CALLER, infer=False)
    until(lambda: "It was added all the same." in mem0.texts(), "the memory is there")


def test_foreign_rows_stand_first_and_are_stored_nowhere(mem0: Running) -> None:
    put(mem0, {"operation": ["get_all", "search"], "foreign_rows": 2, "foreign_user": OTHER})
    for rows in (
        mem0.client.get_all(filters=MINE)["results"],
        mem0.client.search("dog", filters=MINE)["results"],
    ):
        assert [row["user_id"] for row in rows] == [OTHER, OTHER, CALLER]
    assert mem0.stand_in.stats()["users"] == {CALLER: 1}


def test_rule_may_be_for_one_kind_of_add_only(mem0: Running) -> None:
    put(mem0, {"operation": "add", "infer": True, "status": 503})
    mem0.remember("Word for word.")
    with pytest.raises(errors.NetworkError):
        mem0.client.add("To be inferred.", user_id=CALLER)


def test_extraction_can_fail(mem0: Running) -> None:
    put(mem0, {"operation": "infer", "fail": True, "count": 1})
    identifier = mem0.client.add("I live in Bonn.", user_id=CALLER)["event_id"]
    mem0.stand_in.settle()
    event = mem0.http.get(f"/v1/event/{identifier}/", headers=HEADERS).json()
    assert (event["status"], bool(event["error"])) == ("FAILED", True)
    assert "I live in Bonn." not in mem0.texts()


def test_extraction_can_be_late(mem0: Running) -> None:
    put(mem0, {"operation": "infer", "latency_seconds": 0.3})
    mem0.client.add("I live in Bonn.", user_id=CALLER)
    assert not mem0.stand_in.settle(timeout=0.05)
    assert mem0.stand_in.settle()
    assert "I live in Bonn." in mem0.texts()


def test_idle_connections_can_be_closed_under_the_client(mem0: Running) -> None:
    mem0.texts()
    with httpx.Client(base_url=mem0.stand_in.url, verify=NO_TLS) as other:
        assert other.delete("/_connections").json()["closed"] >= 1
        assert other.get("/_stats").status_code == 200  # whoever asked stays
    assert mem0.texts() == ["My dog is called Rex."]  # httpx notices, and connects again


@pytest.mark.parametrize(
    ("rule", "words"), [({"statsu": 500}, "statsu"), ({"operation": "serach"}, "serach")]
)
def test_wrong_rule_is_400_with_its_reason(mem0: Running, rule: object, words: str) -> None:
    answer = mem0.http.put("/_faults", json=[rule])
    assert (answer.status_code, words in answer.json()["error"]) == (400, True), answer.text
