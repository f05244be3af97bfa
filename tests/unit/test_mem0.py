"""Our connection to Mem0, against the stand-in over HTTP."""

import re
import time

import pytest

from local.mem0.server import Mem0StandIn
from shared.credentials import Credentials
from shared.mem0 import Mem0, Mem0Error
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


def test_what_was_added_is_read_newest_first(connection: Mem0) -> None:
    remember(connection, "first", "second", "third")
    assert [memory.text for memory in connection.all_memories(CALLER)] == ["third", "second", "first"]


def test_all_pages_are_read(connection: Mem0) -> None:
    messages = [{"role": "user", "content": f"Sentence {number}."} for number in range(450)]
    connection.add(CALLER, messages, infer=False)
    assert len({memory.text for memory in connection.all_memories(CALLER)}) == 450


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
    assert connection.all_memories(CALLER) == []


@pytest.mark.parametrize("operation", ["ping", "get_all"])
@pytest.mark.parametrize(
    ("fault", "message", "retryable"),
    [
        ({"status": 500}, "Mem0 failed (HTTP 500)", True),
        ({"status": 503}, "Mem0 failed (HTTP 503)", True),
        ({"status": 429, "headers": {"Retry-After": "7"}}, "too many (HTTP 429)", True),
        ({"status": 400}, "Mem0 rejected the request (HTTP 400)", False),
        ({"status": 402}, "quota is used up (HTTP 402)", True),
        ({"status": 401}, "check MEM0_API_KEY in the secret", False),
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
    connection.timeout = 0.5
    mem0.set_faults({"operation": operation, **fault})
    with pytest.raises(Mem0Error, match=re.escape(message)) as failed:
        connection.all_memories(CALLER)
    assert failed.value.retryable is retryable
    assert failed.value.retry_after == (7 if fault.get("status") == 429 else None)
    mem0.set_faults()
    connection.timeout = 2
    assert connection.all_memories(CALLER) == []


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
    assert [memory.text for memory in connection.all_memories(CALLER)] == ["Mine."]
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
    assert connection.all_memories(CALLER) == []


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
    mem0.set_faults({"operation": "get_all", "status": 503})
    with pytest.raises(Mem0Error):
        connection.all_memories(CALLER)
    lines = [vars(record) for record in caplog.records if "Mem0Latency" in vars(record)]
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
    assert connection.all_memories(CALLER) == []
