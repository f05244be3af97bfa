"""The memories of callers in Mem0, against the stand-in over HTTP."""

import datetime as dt
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from local.mem0.server import Mem0StandIn
from shared import logs
from shared.mem0.failures import Mem0Error
from shared.mem0.library import MemoryClient
from shared.mem0.store import MemoryStore
from tests.unit.conftest import SECRET, Aws, Variables, make_store

CALLER = "+16125550142"
STRANGER = "+16125550143"


def remember(store: MemoryStore, *texts: str, user_id: str = CALLER, start: int = 1_772_532_000) -> None:
    for offset, text in enumerate(texts):
        store.add(
            user_id,
            [{"role": "user", "content": text}],
            infer=False,
            not_after=time.time() + 20,
            timestamp=start + offset * 86_400,
            metadata={"type": "semantic", "conversation_id": "c1", "call_start": start + offset * 86_400},
        )


def texts(store: MemoryStore) -> list[str]:
    return [memory.text for memory in store.all_memories(CALLER)[0]]


def test_what_was_added_is_read_newest_first(store: MemoryStore) -> None:
    remember(store, "first", "second", "third")
    assert texts(store) == ["third", "second", "first"]


def test_all_pages_are_read(store: MemoryStore) -> None:
    messages = [{"role": "user", "content": f"Sentence {number}."} for number in range(450)]
    store.add(CALLER, messages, infer=False, not_after=time.time() + 20)
    assert len(set(texts(store))) == 450


class Listing:
    """A Mem0 that lists rows in a given order, a page at a time, and counts its requests."""

    def __init__(self, rows: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows = rows
        self.requests = 0
        monkeypatch.setattr(MemoryClient, "get_all", lambda _client, **asked: self.get_all(**asked))

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
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, count: int, order: str
) -> None:
    rows = many_rows(count)
    listing = Listing(rows if order == "oldest first" else rows[::-1], monkeypatch)
    memories, total = store.all_memories(CALLER)
    assert listing.requests == (1 if count <= 200 else 2)
    assert total == count
    assert [memory.text for memory in memories[:100]] == [
        f"Memory {number}." for number in range(count - 1, max(-1, count - 101), -1)
    ]
    assert len({memory.text for memory in memories}) == len(memories)


def test_list_in_no_order_is_read_to_its_end(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = many_rows(1000)
    random.Random(7).shuffle(rows)
    listing = Listing(rows, monkeypatch)
    memories, total = store.all_memories(CALLER)
    assert (len(memories), total, listing.requests) == (1000, 1000, 5)
    assert memories[0].text == "Memory 999."


def test_search_returns_the_best_of_this_caller_only(store: MemoryStore) -> None:
    remember(store, "The tomatoes have brown spots.", "The car needs new tyres.", "Anna likes opera.")
    remember(store, "My tomatoes are fine.", user_id=STRANGER)
    found = store.search(CALLER, "tomatoes with spots", 2)
    assert found[0].text == "The tomatoes have brown spots."
    assert len(found) <= 2
    assert all("fine" not in memory.text for memory in found)


def test_it_knows_whether_a_conversation_was_added(store: MemoryStore) -> None:
    remember(store, "Hello.")
    assert store.has(CALLER, {"conversation_id": "c1", "type": "semantic"})
    assert not store.has(CALLER, {"conversation_id": "c2", "type": "semantic"})
    assert not store.has(STRANGER, {"conversation_id": "c1", "type": "semantic"})


@pytest.mark.parametrize("name", ["MEM0_ORG_ID", "MEM0_PROJECT_ID"])
def test_key_of_another_project_reads_and_writes_nothing(
    aws: Aws, mem0: Mem0StandIn, variables: Variables, name: str
) -> None:
    aws.set_secret(**{name: "another"})
    store = make_store(variables)
    with pytest.raises(Mem0Error, match=re.escape(f"{name} is 'another'")) as refused:
        store.all_memories(CALLER)
    assert SECRET[name] in str(refused.value)
    with pytest.raises(Mem0Error, match=name):
        remember(store, "x")
    assert "add" not in operations(mem0)


def test_project_is_not_checked_where_none_is_expected(
    aws: Aws, mem0: Mem0StandIn, variables: Variables
) -> None:
    assert mem0
    aws.set_secret(MEM0_ORG_ID="", MEM0_PROJECT_ID="")
    assert make_store(variables).all_memories(CALLER) == ([], 0)


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
        ({"status": 200, "body": [1]}, "something other than what its API promises", True),
        ({"hang": True}, "did not answer within 0.8 seconds", True),
    ],
)
def test_failure_is_told_in_words_and_the_next_request_tries_again(
    aws: Aws,
    mem0: Mem0StandIn,
    variables: Variables,
    operation: str,
    fault: dict[str, object],
    message: str,
    retryable: bool,
) -> None:
    assert aws
    variables["MEM0_TIMEOUT"] = "0.8" if "hang" in fault else "20"
    mem0.set_faults({"operation": operation, **fault})
    store = make_store(variables)
    with pytest.raises(Mem0Error, match=re.escape(message)) as failed:
        store.all_memories(CALLER)
    assert failed.value.retryable is retryable
    assert failed.value.retry_after == (7 if fault.get("status") == 429 else None)
    mem0.set_faults()
    assert store.all_memories(CALLER) == ([], 0)


def test_deadline_is_for_the_whole_call(aws: Aws, mem0: Mem0StandIn, variables: Variables) -> None:
    assert aws
    variables["MEM0_TIMEOUT"] = "0.6"
    mem0.set_faults({"operation": "get_all", "drip_bytes_per_second": 5})
    started = time.monotonic()
    with pytest.raises(Mem0Error, match="did not answer"):
        make_store(variables).all_memories(CALLER)
    assert time.monotonic() - started < 2


def test_rows_of_another_user_never_leave(store: MemoryStore, mem0: Mem0StandIn) -> None:
    remember(store, "Mine.")
    remember(store, "Somebody else's.", user_id=STRANGER)
    mem0.set_faults({"foreign_rows": 2})
    assert texts(store) == ["Mine."]
    assert all("else" not in memory.text for memory in store.search(CALLER, "somebody else", 5))


def test_no_row_leaves_before_the_key_is_checked(aws: Aws, mem0: Mem0StandIn, variables: Variables) -> None:
    """The read may be faster than the check that runs beside it."""
    remember(make_store(variables), "Mine.")
    aws.set_secret(MEM0_PROJECT_ID="another")
    mem0.clear_requests()
    mem0.set_faults({"operation": "ping", "latency_seconds": 0.5})
    with pytest.raises(Mem0Error, match="MEM0_PROJECT_ID"):
        make_store(variables).all_memories(CALLER)
    assert "get_all" in operations(mem0), "the read did not wait for the check"


def test_rotated_key_is_read_again_when_mem0_refuses_the_old_one(
    aws: Aws, mem0: Mem0StandIn, variables: Variables
) -> None:
    assert mem0
    aws.set_secret(MEM0_API_KEY="the old key")
    store = make_store(variables)
    with pytest.raises(Mem0Error, match="refused the API key"):
        store.all_memories(CALLER)
    aws.set_secret()
    assert store.all_memories(CALLER) == ([], 0)


def test_nothing_is_sent_after_the_time_that_the_caller_of_add_set(
    store: MemoryStore, mem0: Mem0StandIn
) -> None:
    with pytest.raises(Mem0Error, match="did not answer"):
        store.add(CALLER, [{"role": "user", "content": "x"}], not_after=time.time() - 1)
    assert "add" not in operations(mem0)


def test_latency_and_errors_of_mem0_are_metrics(
    store: MemoryStore, mem0: Mem0StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    logs.start()
    store.all_memories(CALLER)
    logs.info("the handler's own line")
    logs.info("another line")
    mem0.set_faults({"operation": "get_all", "status": 503})
    with pytest.raises(Mem0Error):
        store.all_memories(CALLER)
    lines = [vars(record) for record in caplog.records if "Mem0Latency" in vars(record)]
    assert [line["message"] for line in lines] == ["the handler's own line", "Mem0 failed"]
    assert [line.get("Mem0Errors") for line in lines] == [None, 1]
    names = [metric["Name"] for metric in lines[1]["_aws"]["CloudWatchMetrics"][0]["Metrics"]]
    assert names == ["Mem0Latency", "Mem0Errors"]


def test_key_is_checked_once(store: MemoryStore, mem0: Mem0StandIn) -> None:
    for _ in range(5):
        store.all_memories(CALLER)
    assert operations(mem0).count("ping") == 1
    assert mem0.stats()["connections"] <= 3  # under load, a connection may have been idle for too long


def test_failure_at_start_is_survived(aws: Aws, mem0: Mem0StandIn, variables: Variables) -> None:
    assert mem0
    variables["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
    store = make_store(variables)
    with pytest.raises(Mem0Error, match="cannot be read"):
        store.all_memories(CALLER)
    variables["AWS_ENDPOINT_URL"] = aws.url
    assert store.all_memories(CALLER) == ([], 0)


def test_two_adds_at_once_both_survive_a_rotated_key(aws: Aws, mem0: Mem0StandIn, store: MemoryStore) -> None:
    store.all_memories(CALLER)
    aws.set_secret(MEM0_API_KEY="the new key")
    httpx.put(f"{mem0.url}/_credentials", json={"api_keys": ["the new key"]}).raise_for_status()
    with ThreadPoolExecutor(2) as adders:
        both = [adders.submit(remember, store, text) for text in ("One.", "Two.")]
    assert [future.exception() for future in both] == [None, None]


def test_check_that_froze_with_its_container_is_made_again(
    aws: Aws, mem0: Mem0StandIn, variables: Variables
) -> None:
    assert aws
    variables["MEM0_TIMEOUT"] = "3"
    mem0.set_faults({"operation": "ping", "hang": True, "count": 1})
    assert make_store(variables).all_memories(CALLER) == ([], 0)


def test_event_tells_what_became_of_an_add(store: MemoryStore, mem0: Mem0StandIn) -> None:
    mem0.set_faults({"operation": "infer", "latency_seconds": 30})
    message = {"role": "user", "content": "My dog is called Juniper."}
    metadata = {"conversation_id": "c1", "type": "factual"}
    added = store.add(CALLER, [message], not_after=time.time() + 20, metadata=metadata)
    assert not added.done
    assert store.event_status(added.event_id) == "PENDING"
    assert store.find_event(CALLER, metadata) == added.event_id
    assert store.find_event(STRANGER, metadata) == ""
    assert store.find_event(CALLER, {**metadata, "type": "semantic"}) == ""


def operations(mem0: Mem0StandIn) -> list[str]:
    return [request["operation"] for request in mem0.requests()]
