"""Our connection to Mem0, against the stand-in over HTTP."""

import datetime as dt
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from client_data.context import compose
from local.mem0.server import Mem0StandIn
from shared import logs
from shared.credentials import Credentials
from shared.mem0 import Mem0
from shared.mem0_failures import Mem0Error
from tests.unit.conftest import SECRET, Aws

CALLER = "+16125550142"
STRANGER = "+16125550143"


@pytest.fixture
def connection(aws: Aws, mem0: Mem0StandIn) -> Mem0:
    assert aws
    assert mem0
    return Mem0(Credentials())


def remember(connection: Mem0, *texts: str, user_id: str = CALLER, start: int = 1_772_532_000) -> None:
    for offset, text in enumerate(texts):
        connection.add(
            user_id,
            [{"role": "user", "content": text}],
            infer=False,
            timestamp=start + offset * 86_400,
            metadata={"type": "semantic", "conversation_id": "c1", "call_start": start + offset * 86_400},
        )


def texts(connection: Mem0) -> list[str]:
    return [memory.text for memory in connection.all_memories(CALLER)[0]]


def test_what_was_added_is_read_newest_first(connection: Mem0) -> None:
    remember(connection, "first", "second", "third")
    assert texts(connection) == ["third", "second", "first"]


def test_all_pages_are_read(connection: Mem0) -> None:
    messages = [{"role": "user", "content": f"Sentence {number}."} for number in range(450)]
    connection.add(CALLER, messages, infer=False)
    assert len(set(texts(connection))) == 450


class Listing:
    """A Mem0 that lists 1,000 rows in a given order, a page at a time, and counts its requests."""

    api_key = SECRET["MEM0_API_KEY"]

    def __init__(self, rows: list[dict[str, object]]) -> None:
        self.rows = rows
        self.requests = 0

    def get_all(self, *, filters: dict[str, Any], page: int, page_size: int) -> dict[str, Any]:
        self.requests += 1
        rows = self.rows
        if "AND" in filters:
            rows = [row for row in rows if row["metadata"] == filters["AND"][1]["metadata"]]
        shown = rows[(page - 1) * page_size : page * page_size]
        more = page * page_size < len(rows)
        return {"count": len(rows), "next": "another" if more else None, "results": shown}


def many_rows(count: int) -> list[dict[str, object]]:
    """Rows of one caller, oldest first, every tenth a fact."""
    return [
        {
            "id": f"m{number}",
            "memory": f"Memory {number}.",
            "user_id": CALLER,
            "created_at": (dt.datetime(2020, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=number)).isoformat(),
            "metadata": {"type": "factual" if number % 10 == 0 else "semantic"},
        }
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [10, 200, 201, 777, 1000, 5000])
@pytest.mark.parametrize("order", ["oldest first", "newest first"])
def test_newest_are_read_in_two_requests_whatever_the_order(
    connection: Mem0, monkeypatch: pytest.MonkeyPatch, count: int, order: str
) -> None:
    rows = many_rows(count)
    listing = Listing(rows if order == "oldest first" else rows[::-1])
    monkeypatch.setattr(connection, "_client", listing)
    memories, total = connection.all_memories(CALLER)
    assert listing.requests == (1 if count <= 200 else 2)
    assert total == count
    assert [memory.text for memory in memories[:100]] == [
        f"Memory {number}." for number in range(count - 1, max(-1, count - 101), -1)
    ]
    assert len({memory.text for memory in memories}) == len(memories)


@pytest.mark.parametrize("budget", [1000, 1500, 6000, 50_000])
@pytest.mark.parametrize("length", [5, 50, 300, 900])
def test_no_more_is_read_than_the_prompt_has_room_for_and_no_less(
    connection: Mem0, monkeypatch: pytest.MonkeyPatch, budget: int, length: int
) -> None:
    rows = many_rows(1000)[::-1]
    for number, row in enumerate(rows):
        row["memory"] = f"Memory {number}.".ljust(length, "x")
        row["metadata"] = {"type": "factual" if number % 4 else "semantic"}
    listing = Listing(rows)
    monkeypatch.setattr(connection, "_client", listing)
    everything, _ = connection.all_memories(CALLER)
    assert listing.requests == 2
    memories, total = connection.all_memories(CALLER, enough=budget)
    now = dt.datetime(2026, 3, 3, tzinfo=dt.UTC)
    assert compose(memories, budget, now) == compose(everything, budget, now)
    assert total == 1000
    if budget <= 6000 and length >= 50:
        assert listing.requests == 3, "the older facts were asked for in vain"
        assert len(memories) < len(everything) / 2


def test_list_in_no_order_is_read_to_its_end(connection: Mem0, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = many_rows(1000)
    random.Random(7).shuffle(rows)
    listing = Listing(rows)
    monkeypatch.setattr(connection, "_client", listing)
    memories, total = connection.all_memories(CALLER)
    assert (len(memories), total, listing.requests) == (1000, 1000, 5)
    assert memories[0].text == "Memory 999."


def test_search_returns_the_best_of_this_caller_only(connection: Mem0) -> None:
    remember(connection, "The tomatoes have brown spots.", "The car needs new tyres.", "Anna likes opera.")
    remember(connection, "My tomatoes are fine.", user_id=STRANGER)
    found = connection.search(CALLER, "tomatoes with spots", 2)
    assert found[0].text == "The tomatoes have brown spots."
    assert len(found) <= 2
    assert all("fine" not in memory.text for memory in found)


def test_it_knows_whether_a_conversation_was_added(connection: Mem0) -> None:
    remember(connection, "Hello.")
    assert connection.has(CALLER, {"conversation_id": "c1", "type": "semantic"})
    assert not connection.has(CALLER, {"conversation_id": "c2", "type": "semantic"})
    assert not connection.has(STRANGER, {"conversation_id": "c1", "type": "semantic"})


@pytest.mark.parametrize("name", ["MEM0_ORG_ID", "MEM0_PROJECT_ID"])
def test_key_of_another_project_reads_and_writes_nothing(
    connection: Mem0, aws: Aws, mem0: Mem0StandIn, name: str
) -> None:
    aws.set_secret(**{name: "another"})
    with pytest.raises(Mem0Error, match=re.escape(f"{name} is 'another'")) as refused:
        connection.all_memories(CALLER)
    assert SECRET[name] in str(refused.value)
    with pytest.raises(Mem0Error, match=name):
        connection.add(CALLER, [{"role": "user", "content": "x"}])
    assert {request["operation"] for request in mem0.requests()} == {"ping"}


def test_project_is_not_checked_where_none_is_expected(connection: Mem0, aws: Aws) -> None:
    aws.set_secret(MEM0_ORG_ID="", MEM0_PROJECT_ID="")
    assert connection.all_memories(CALLER) == ([], 0)


@pytest.mark.parametrize("operation", ["ping", "get_all"])
@pytest.mark.parametrize(
    ("fault", "message", "retryable"),
    [
        ({"status": 500}, "Mem0 failed (HTTP 500)", True),
        ({"status": 503}, "Mem0 failed (HTTP 503)", True),
        ({"status": 429, "headers": {"Retry-After": "7"}}, "too many (HTTP 429)", True),
        ({"status": 400}, "Mem0 rejected the request (HTTP 400)", False),
        ({"status": 402}, "quota is used up (HTTP 402)", True),
        ({"status": 401}, "check MEM0_API_KEY in the secret", True),
        ({"refuse": True}, "could not be reached at http://127.0.0.1", True),
        ({"garbage": True}, "something other than what its API promises", True),
        ({"hang": True}, "did not answer within 0.5 seconds", True),
    ],
)
def test_failure_is_told_in_words_and_the_next_request_tries_again(
    connection: Mem0,
    mem0: Mem0StandIn,
    operation: str,
    fault: dict[str, object],
    message: str,
    retryable: bool,
) -> None:
    connection.timeout = 0.5 if "hang" in fault else 20
    mem0.set_faults({"operation": operation, **fault})
    with pytest.raises(Mem0Error, match=re.escape(message)) as failed:
        connection.all_memories(CALLER)
    assert failed.value.retryable is retryable
    assert failed.value.retry_after == (7 if fault.get("status") == 429 else None)
    mem0.set_faults()
    connection.timeout = 20
    assert connection.all_memories(CALLER) == ([], 0)


def test_deadline_is_for_the_whole_call(connection: Mem0, mem0: Mem0StandIn) -> None:
    connection.timeout = 0.6
    mem0.set_faults(
        {"operation": "ping", "latency_seconds": 0.4}, {"operation": "get_all", "latency_seconds": 0.4}
    )
    started = time.monotonic()
    with pytest.raises(Mem0Error, match="did not answer"):
        connection.all_memories(CALLER)
    assert time.monotonic() - started < 2


def test_rows_of_another_user_never_leave(connection: Mem0, mem0: Mem0StandIn) -> None:
    remember(connection, "Mine.")
    remember(connection, "Somebody else's.", user_id=STRANGER)
    mem0.set_faults({"foreign_rows": 2})
    assert texts(connection) == ["Mine."]
    assert all("else" not in memory.text for memory in connection.search(CALLER, "somebody else", 5))


@pytest.mark.usefixtures("mem0")
def test_rotated_key_is_read_anew_when_mem0_refuses_the_old_one(aws: Aws) -> None:
    now = 1000.0
    aws.set_secret(MEM0_API_KEY="the old key")
    connection = Mem0(Credentials(clock=lambda: now))
    with pytest.raises(Mem0Error, match="refused the API key"):
        connection.all_memories(CALLER)
    aws.set_secret()
    now += 3
    assert connection.all_memories(CALLER) == ([], 0)


def test_nothing_is_sent_after_the_time_that_the_caller_of_add_set(
    connection: Mem0, mem0: Mem0StandIn
) -> None:
    connection.prepare()
    with pytest.raises(Mem0Error, match="did not answer"):
        connection.add(CALLER, [{"role": "user", "content": "x"}], not_after=time.time() - 1)
    assert [request["operation"] for request in mem0.requests()] == ["ping"]


def test_latency_and_errors_of_mem0_are_metrics(
    connection: Mem0, mem0: Mem0StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    connection.all_memories(CALLER)
    logs.info("the handler's own line")
    logs.info("a line of somebody else")
    mem0.set_faults({"operation": "get_all", "status": 503})
    with pytest.raises(Mem0Error):
        connection.all_memories(CALLER)
    lines = [vars(record) for record in caplog.records if "Mem0Latency" in vars(record)]
    assert [line["message"] for line in lines] == ["the handler's own line", "Mem0 failed"]
    assert [line.get("Mem0Errors") for line in lines] == [None, 1]
    names = [metric["Name"] for metric in lines[1]["_aws"]["CloudWatchMetrics"][0]["Metrics"]]
    assert names == ["Mem0Latency", "Mem0Errors"]


def test_connection_is_made_once(connection: Mem0, mem0: Mem0StandIn) -> None:
    connection.prepare()
    for _ in range(5):
        connection.all_memories(CALLER)
    assert [request["operation"] for request in mem0.requests()] == ["ping"] + ["get_all"] * 5


def test_failure_at_start_is_logged_and_survived(
    connection: Mem0, aws: Aws, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    connection.prepare()
    assert "no connection to Mem0 at start" in caplog.text
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    assert connection.all_memories(CALLER) == ([], 0)


def test_two_adds_at_once_both_survive_a_rotated_key(aws: Aws, mem0: Mem0StandIn) -> None:
    connection = Mem0(Credentials())
    connection.prepare()
    aws.set_secret(MEM0_API_KEY="the new key")
    httpx.put(f"{mem0.url}/_credentials", json={"api_keys": ["the new key"]}).raise_for_status()
    with ThreadPoolExecutor(2) as adders:
        both = [adders.submit(remember, connection, text) for text in ("One.", "Two.")]
    assert [each.exception() for each in both] == [None, None]


def test_call_that_started_the_container_has_one_deadline_with_the_start(
    connection: Mem0, mem0: Mem0StandIn
) -> None:
    connection.timeout = 0.8
    mem0.set_faults({"hang": True})
    began = time.monotonic()
    connection.prepare()
    with pytest.raises(Mem0Error, match="did not answer"):
        connection.search(CALLER, "anything", 3)
    assert time.monotonic() - began < 1.1
    began = time.monotonic()
    with pytest.raises(Mem0Error, match="did not answer"):
        connection.search(CALLER, "anything", 3)
    assert 0.75 < time.monotonic() - began < 1.1
