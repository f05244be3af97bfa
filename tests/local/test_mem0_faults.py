"""Each way in which the stand-in can be made to misbehave, as the real client meets it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.local.mem0_library import CALLER, NO_TLS, OTHER, Running, errors, library, running, until

MINE = {"user_id": CALLER}
HEADERS = {"Authorization": "Token local-mem0-key"}


@pytest.fixture
def mem0(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as system:
        system.remember("My dog is called Rex.")
        system.stand_in.clear_requests()
        yield system


def put(mem0: Running, *rules: dict[str, Any]) -> None:
    mem0.http.put("/_faults", json=list(rules)).raise_for_status()


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, errors.AuthenticationError), (503, errors.NetworkError), (500, errors.MemoryError)],
)
def test_a_status_reaches_the_client_as_its_error(mem0: Running, status: int, error: type[Exception]) -> None:
    put(mem0, {"operation": "search", "status": status})
    with pytest.raises(error):
        mem0.client.search("dog", filters=MINE)
    assert mem0.texts() == ["My dog is called Rex."]
    put(mem0)
    assert mem0.found("dog") == ["My dog is called Rex."]


def test_a_rate_limit_carries_its_retry_after(mem0: Running) -> None:
    put(
        mem0,
        {
            "operation": "add",
            "status": 429,
            "headers": {"Retry-After": "7"},
            "body": {"detail": "Slow down."},
        },
    )
    with pytest.raises(errors.RateLimitError, match="Slow down") as caught:
        mem0.remember("x")
    assert caught.value.debug_info["retry_after"] == 7
    assert mem0.texts() == ["My dog is called Rex."]


@pytest.mark.parametrize("rule", [{"html": True}, {"garbage": True}, {"body": "oops", "status": 200}])
def test_an_answer_that_is_no_json_breaks_the_client(mem0: Running, rule: dict[str, Any]) -> None:
    put(mem0, {"operation": "get_all", **rule})
    with pytest.raises(ValueError, match=r"Expecting value|Invalid"):
        mem0.texts()


def test_latency_delays_the_answer_and_is_measured(mem0: Running) -> None:
    put(mem0, {"operation": "search", "latency_seconds": 0.2})
    began = time.monotonic()
    assert mem0.found("dog") == ["My dog is called Rex."]
    assert time.monotonic() - began >= 0.2
    [request] = mem0.stand_in.requests("search")
    assert request["duration_ms"] >= 200
    assert request["fault"] == "unnamed"


def test_a_hang_is_silence_until_the_client_gives_up(mem0: Running) -> None:
    put(mem0, {"operation": "search", "hang": True, "name": "silence"})
    with library(mem0.stand_in.url, timeout=0.2) as hasty, pytest.raises(errors.NetworkError):
        hasty.search("dog", filters=MINE)
    assert mem0.stand_in.requests("search")[0]["fault"] == "silence"


def test_a_hang_ends_when_its_rule_does(mem0: Running) -> None:
    put(mem0, {"operation": "search", "hang": 0.1})
    with pytest.raises(errors.NetworkError):
        mem0.client.search("dog", filters=MINE)
    [request] = mem0.stand_in.requests("search")
    assert request["status"] is None


def test_refuse_closes_the_connection_without_a_word(mem0: Running) -> None:
    put(mem0, {"operation": "search", "refuse": True})
    with pytest.raises(errors.NetworkError, match="disconnected"):
        mem0.client.search("dog", filters=MINE)


def test_an_add_can_be_done_and_its_answer_never_come(mem0: Running) -> None:
    put(mem0, {"operation": "add", "after_work": True, "hang": True})
    with library(mem0.stand_in.url, timeout=0.2) as hasty, pytest.raises(errors.NetworkError):
        hasty.add("It was added all the same.", user_id=CALLER, infer=False)
    until(lambda: "It was added all the same." in mem0.texts(), "the memory is there")


def test_an_add_can_be_done_and_answered_with_an_error(mem0: Running) -> None:
    put(mem0, {"operation": "add", "after_work": True, "status": 504})
    with pytest.raises(errors.NetworkError):
        mem0.remember("Added.")
    assert "Added." in mem0.texts()


def test_a_drip_sends_the_whole_answer_slowly(mem0: Running) -> None:
    put(mem0, {"operation": "ping", "drip_bytes_per_second": 400})
    began = time.monotonic()
    answer = mem0.http.get("/v1/ping/", headers=HEADERS)
    assert answer.json()["status"] == "ok"
    assert time.monotonic() - began >= len(answer.content) / 400 * 0.8


def test_a_drip_defeats_a_timeout_per_read_and_ends_with_its_rule(mem0: Running) -> None:
    put(mem0, {"operation": "ping", "drip_bytes_per_second": 60, "drip_headers": True})
    with (
        httpx.Client(timeout=0.5, verify=NO_TLS) as hasty,
        hasty.stream("GET", f"{mem0.stand_in.url}/v1/ping/", headers=HEADERS) as answer,
    ):
        put(mem0)
        assert answer.read()


def test_foreign_rows_stand_first_and_are_stored_nowhere(mem0: Running) -> None:
    put(mem0, {"operation": ["get_all", "search"], "foreign_rows": 2, "foreign_user": OTHER})
    for rows in (
        mem0.client.get_all(filters=MINE)["results"],
        mem0.client.search("dog", filters=MINE)["results"],
    ):
        assert [row["user_id"] for row in rows] == [OTHER, OTHER, CALLER]
    assert mem0.stand_in.stats()["users"] == {CALLER: 1}


def test_a_rule_may_be_for_one_kind_of_add_only(mem0: Running) -> None:
    put(mem0, {"operation": "add", "infer": True, "status": 503})
    mem0.remember("Word for word.")
    with pytest.raises(errors.NetworkError):
        mem0.client.add("To be inferred.", user_id=CALLER)


def test_a_rule_may_be_for_one_caller_only(mem0: Running) -> None:
    put(mem0, {"contains": OTHER, "status": 503})
    assert mem0.texts() == ["My dog is called Rex."]
    with pytest.raises(errors.NetworkError):
        mem0.texts({"user_id": OTHER})


def test_rules_count(mem0: Running) -> None:
    put(mem0, {"path": "/search/$", "method": "POST", "after": 1, "count": 2, "status": 503})
    statuses = []
    for _ in range(5):
        body = {"query": "dog", "filters": MINE}
        statuses.append(mem0.http.post("/v3/memories/search/", json=body, headers=HEADERS).status_code)
    assert statuses == [200, 503, 503, 200, 200]
    [rule] = mem0.http.get("/_faults").json()
    assert (rule["matched"], rule["fired"]) == (5, 2)


def test_a_rule_by_chance_gives_the_same_chance_each_time(mem0: Running) -> None:
    def draw() -> list[int]:
        put(mem0, {"operation": "ping", "probability": 0.5, "seed": 3, "status": 500})
        return [mem0.http.get("/v1/ping/", headers=HEADERS).status_code for _ in range(20)]

    first = draw()
    assert set(first) == {200, 500}
    assert draw() == first


def test_an_extraction_can_fail(mem0: Running) -> None:
    put(mem0, {"operation": "infer", "fail": True, "count": 1})
    identifier = mem0.client.add("I live in Bonn.", user_id=CALLER)["event_id"]
    mem0.stand_in.settle()
    event = mem0.http.get(f"/v1/event/{identifier}/", headers=HEADERS).json()
    assert (event["status"], bool(event["error"])) == ("FAILED", True)
    assert "I live in Bonn." not in mem0.texts()


def test_an_extraction_can_be_late(mem0: Running) -> None:
    put(mem0, {"operation": "infer", "latency_seconds": 0.3})
    mem0.client.add("I live in Bonn.", user_id=CALLER)
    assert not mem0.stand_in.settle(timeout=0.05)
    assert "I live in Bonn." not in mem0.texts()
    assert mem0.stand_in.settle()
    assert "I live in Bonn." in mem0.texts()


def test_a_connection_can_be_refused_before_any_request(mem0: Running) -> None:
    put(mem0, {"operation": "connect", "refuse": True})
    with httpx.Client(verify=NO_TLS) as fresh, pytest.raises(httpx.TransportError):
        fresh.get(f"{mem0.stand_in.url}/v1/ping/", headers=HEADERS)
    assert mem0.texts() == ["My dog is called Rex."]  # open connections go on


def test_idle_connections_can_be_closed_under_the_client(mem0: Running) -> None:
    before = mem0.stand_in.stats()["connections"]
    mem0.texts()
    with httpx.Client(base_url=mem0.stand_in.url, verify=NO_TLS) as other:
        assert other.delete("/_connections").json()["closed"] >= 1
        assert other.get("/_stats").status_code == 200  # whoever asked stays
    assert mem0.texts() == ["My dog is called Rex."]  # httpx notices, and connects again
    assert mem0.stand_in.stats()["connections"] > before + 1


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("x", "must be an object"),
        ({"statsu": 500}, "unknown field 'statsu'"),
        ({"status": "500"}, "status in a fault rule must be an HTTP status"),
        ({"count": True}, "count in a fault rule must be a whole number"),
        ({"path": "("}, "regular expression"),
        ({"drip_bytes_per_second": 0}, "above 0"),
        ({"operation": "serach"}, "unknown operation 'serach'"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_reason(mem0: Running, rule: object, words: str) -> None:
    answer = mem0.http.put("/_faults", json=[rule])
    assert (answer.status_code, words in answer.json()["error"]) == (400, True), answer.text
