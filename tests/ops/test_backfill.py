"""`amem backfill` queues past conversations as their webhooks would, oldest first, and each once."""

import functools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from local.elevenlabs import WorkspaceServer
from local.elevenlabs.workspace import AGENTS, summary
from local.mem0.server import Mem0StandIn
from ops import backfill, dead_letters
from ops.cli import main
from post_call import intake, messages
from tests.ops.conftest import STAGE, deploy
from tests.ops.kill import kill_at
from tests.unit.conftest import Aws

NORA, BOOKS = AGENTS
CALLER = "+16125550142"
START = 1_772_532_000


@pytest.fixture(autouse=True)
def stage(aws: Aws, mem0: Mem0StandIn, elevenlabs: WorkspaceServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert elevenlabs
    monkeypatch.setattr(backfill, "POLL_SECONDS", 0.02)
    deploy(aws, MEM0_HOST=mem0.url)


def conversation(number: int, **changes: Any) -> dict[str, Any]:
    said = [
        {"role": "agent", "message": "How can I help you?", "time_in_call_secs": 0},
        {"role": "user", "message": f"Please order {number + 2} bags of soil.", "time_in_call_secs": 3},
    ]
    detail = {
        "agent_id": NORA,
        "agent_name": "Nora",
        "conversation_id": f"conv_{number:05d}",
        "status": "done",
        "user_id": None,
        "transcript": said,
        "metadata": {
            "start_time_unix_secs": START + number * 60,
            "call_duration_secs": 30,
            "phone_call": {"type": "twilio", "direction": "inbound", "external_number": CALLER},
        },
        "analysis": {"transcript_summary": "The caller orders soil."},
        "conversation_initiation_client_data": {"dynamic_variables": {"system__caller_id": CALLER}},
    }
    return detail | changes


def store_detail(elevenlabs: WorkspaceServer, detail: dict[str, Any]) -> None:
    """Keep a conversation whatever its shape, in a list like any other."""
    elevenlabs.workspace.store.put_conversations([(summary(conversation(0)), conversation(0))])
    statement = "UPDATE conversations SET body = ? WHERE id = 'conv_00000'"
    elevenlabs.workspace.store._rows(statement, [json.dumps(detail)])


def names(count: int) -> list[str]:
    return [f"conv_{number:05d}" for number in range(count)]


def close(aws: Aws, conversation_id: str) -> None:
    """Note a conversation as remembered, as the worker does."""
    item = {"conversation_id": {"S": conversation_id}, "closed_at": {"N": "1"}}
    aws.dynamodb.put_item(TableName="ledger", Item=item)


def take(aws: Aws) -> list[str]:
    """Remember what the queue gives now, once each, as PostCall's worker does; the ledger's keys of it."""
    seen: list[str] = []
    while found := aws.received(aws.queue_url):
        for message in found:
            content = messages.read(message["Body"])
            assert isinstance(content, messages.QueuedCall)
            seen += [] if aws.ledger_item(content.key) else [content.key]
            aws.sqs.delete_message(QueueUrl=aws.queue_url, ReceiptHandle=message["ReceiptHandle"])
            close(aws, content.key)
    return seen


class Worker(threading.Thread):
    """Takes messages out of the queue until it is told to end, and notes whose they were."""

    def __init__(self, aws: Aws) -> None:
        super().__init__(daemon=True)
        self.aws = aws
        self.seen: list[str] = []
        self.most = 0
        self.over = threading.Event()

    def run(self) -> None:
        while True:
            ending = self.over.is_set()
            self.most = max(self.most, sum(dead_letters.count(self.aws.sqs, self.aws.queue_url)))
            self.seen += take(self.aws)
            if ending:
                return
            self.over.wait(0.01)


@contextmanager
def worker(aws: Aws) -> Iterator[Worker]:
    """A worker that has taken everything when the block is left."""
    thread = Worker(aws)
    thread.start()
    try:
        yield thread
    finally:
        thread.over.set()
        thread.join(20)
        assert not thread.is_alive()


def amem(*options: str) -> int:
    return main(["backfill", "--stage", STAGE, "--agent", NORA, *options])


def test_past_calls_are_queued_oldest_first_as_their_webhooks_would_be(
    aws: Aws, elevenlabs: WorkspaceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "PAGE", 20)
    elevenlabs.workspace.seed(conversation(number) for number in range(50))
    elevenlabs.workspace.seed([conversation(500, agent_id=BOOKS)])
    with worker(aws) as found:
        assert amem("--yes") == 0
    assert found.seen == names(50)
    assert found.most <= backfill.MOST_WAITING


def test_record_is_the_webhooks(aws: Aws, elevenlabs: WorkspaceServer) -> None:
    elevenlabs.workspace.seed([conversation(1)])
    assert amem("--yes") == 0
    (message,) = aws.received(aws.queue_url)
    record = json.loads(message["Body"])["record"]
    assert (record["user_id"], record["call_start"], record["summary"]) == (
        CALLER,
        START + 60,
        "The caller orders soil.",
    )
    assert message["Attributes"]["MessageGroupId"]


def test_what_was_remembered_is_passed_over(
    aws: Aws, mem0: Mem0StandIn, elevenlabs: WorkspaceServer, capsys: pytest.CaptureFixture[str]
) -> None:
    elevenlabs.workspace.seed(conversation(number) for number in range(3))
    close(aws, "conv_00000")
    remembered = {
        "user_id": CALLER,
        "messages": [{"role": "user", "content": "Orders soil."}],
        "infer": False,
        "metadata": {"conversation_id": "conv_00001", "type": "semantic"},
    }
    headers = {"Authorization": "Token local-mem0-key"}
    httpx.post(f"{mem0.url}/v3/memories/add/", json=remembered, headers=headers).raise_for_status()
    assert amem("--yes", "--json") == 0
    assert take(aws) == ["conv_00002"]
    assert json.loads(capsys.readouterr().out)["remembered before"] == 2


def test_dry_run_counts_and_queues_nothing(
    aws: Aws, elevenlabs: WorkspaceServer, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = [{"role": "agent", "message": "Hello?", "time_in_call_secs": 0}]
    elevenlabs.workspace.seed([conversation(0), conversation(1, transcript=silent)])
    assert amem("--dry-run", "--json") == 0
    counted = json.loads(capsys.readouterr().out)
    assert (counted["queued"], counted["left out"], counted["mem0_adds"]) == (1, 1, 2)
    assert list(counted["reasons"]) == ["the caller said nothing"]
    assert take(aws) == []
    assert amem("--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out) == counted, "and it left no trace"


def test_since_and_until_bound_it(aws: Aws, elevenlabs: WorkspaceServer) -> None:
    days = [conversation(number, metadata=conversation(number * 1440)["metadata"]) for number in range(5)]
    elevenlabs.workspace.seed(days)
    assert amem("--yes", "--since", "2026-03-04", "--until", "2026-03-06") == 0
    assert take(aws) == ["conv_00001", "conv_00002"]


def test_conversation_that_cannot_be_read_is_listed_and_tried_again(
    aws: Aws, elevenlabs: WorkspaceServer, capsys: pytest.CaptureFixture[str]
) -> None:
    elevenlabs.workspace.seed([conversation(0), conversation(1, transcript=[{"role": 7}]), conversation(2)])
    assert amem("--yes") == 1
    shown = capsys.readouterr()
    assert "1 could not be read" in shown.out
    assert "conv_00001: data.transcript has an entry without" in shown.out
    assert "run this again" in shown.err
    elevenlabs.workspace.seed([conversation(1)])
    assert amem("--yes", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["queued"], told["failed"], told["errors"]) == (3, 0, {})
    assert take(aws) == ["conv_00000", "conv_00002", "conv_00001"]


def test_it_stops_when_many_cannot_be_read_and_loses_none(
    aws: Aws, elevenlabs: WorkspaceServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(backfill, "MOST_FAILED", 3)
    elevenlabs.workspace.seed(conversation(number, transcript=[{"role": 7}]) for number in range(6))
    assert amem("--yes") == 1
    assert "3 conversations could not be read; the next one: data.transcript" in capsys.readouterr().err
    elevenlabs.workspace.seed(conversation(number) for number in range(6))
    assert amem("--yes") == 0
    assert sorted(take(aws)) == names(6)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "failed"}, "its status is failed"),
        (
            {"user_id": None, "metadata": {"start_time_unix_secs": START, "phone_call": None}},
            intake.ANONYMOUS,
        ),
        (
            {"metadata": {"deletion_settings": {"deleted_transcript_at_time_unix_secs": START}}},
            "its transcript was deleted",
        ),
    ],
)
def test_what_cannot_be_remembered_is_left_out_with_the_reason(
    aws: Aws,
    elevenlabs: WorkspaceServer,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
    reason: str,
) -> None:
    store_detail(elevenlabs, conversation(0, conversation_initiation_client_data=None) | changes)
    assert amem("--yes", "--json") == 0
    (told,) = json.loads(capsys.readouterr().out)["reasons"]
    assert told.startswith(reason)
    assert take(aws) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": "none"},
        {"metadata": {"deletion_settings": 7, "phone_call": {"external_number": 7}}},
        {"transcript": {}},
    ],
)
def test_conversation_of_an_unknown_shape_is_an_error_of_its_own(
    aws: Aws, elevenlabs: WorkspaceServer, capsys: pytest.CaptureFixture[str], changes: dict[str, Any]
) -> None:
    elevenlabs.workspace.seed([conversation(1)])
    store_detail(elevenlabs, conversation(0) | changes)
    assert amem("--yes", "--json") == 1
    assert list(json.loads(capsys.readouterr().out)["errors"]) == ["conv_00000"]
    assert take(aws) == ["conv_00001"]


def test_conversation_that_is_deleted_meanwhile_is_left_out(
    aws: Aws, elevenlabs: WorkspaceServer, capsys: pytest.CaptureFixture[str]
) -> None:
    elevenlabs.workspace.seed([conversation(0)])
    elevenlabs.set_faults({"operation": "conversations.get", "status": 404})
    assert amem("--yes", "--json") == 0
    assert json.loads(capsys.readouterr().out)["reasons"] == {"it was deleted at ElevenLabs": 1}
    assert take(aws) == []


@pytest.mark.parametrize("fault", [{"status": 429, "headers": {"Retry-After": "0"}}, {"reset": True}])
def test_pause_of_elevenlabs_or_mem0_stops_nothing(
    aws: Aws,
    mem0: Mem0StandIn,
    elevenlabs: WorkspaceServer,
    monkeypatch: pytest.MonkeyPatch,
    fault: dict[str, Any],
) -> None:
    for module in ("ops.workspace", "ops.mem0"):
        monkeypatch.setattr(f"{module}._LONGEST_WAIT", 0.01)
    elevenlabs.workspace.seed([conversation(0)])
    elevenlabs.set_faults(fault | {"count": 2})
    mem0.set_faults(fault | {"count": 2})
    assert amem("--yes") == 0
    assert take(aws) == names(1)


def test_calls_of_the_same_second_are_queued_once_each(
    aws: Aws, elevenlabs: WorkspaceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where pages end among them."""
    monkeypatch.setattr(backfill, "PAGE", 4)
    metadata = [conversation(number)["metadata"] for number in (0, 1)]
    metadata[1]["start_time_unix_secs"] = START + 1
    elevenlabs.workspace.seed(conversation(number, metadata=metadata[number // 15]) for number in range(30))
    with worker(aws) as found:
        assert amem("--yes") == 0
    assert found.seen == names(30)


@pytest.mark.parametrize(
    ("sent", "remembered"),
    [(False, False), (True, True)],
    ids=["not-sent", "sent-and-remembered"],
)
def test_backfill_killed_at_any_request_ends_the_same(
    aws: Aws,
    elevenlabs: WorkspaceServer,
    monkeypatch: pytest.MonkeyPatch,
    *,
    sent: bool,
    remembered: bool,
) -> None:
    """Whether what it had queued still waits, or is remembered before the next run."""
    monkeypatch.setattr(messages, "of_call", functools.partial(messages.of_call, most_bytes=900))
    killed, number = True, 0
    while killed:
        number += 1
        short, long = conversation(2 * number), conversation(2 * number + 1)
        long["transcript"] *= 10
        elevenlabs.workspace.seed([short, long])
        killed = kill_at(number, monkeypatch, sent=sent, command=lambda: amem("--yes"))
        seen = take(aws) if remembered else []
        assert not killed or amem("--yes") == 0
        seen += take(aws)
        name = long["conversation_id"]
        assert sorted(seen) == [short["conversation_id"], name, f"{name}\n2"], number
    assert number > 7
