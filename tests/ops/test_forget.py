"""`amem forget` leaves nothing of a caller and lets nothing come back; `amem export` shows it all before."""

import json
import threading
import time
from typing import Any

import httpx
import pytest

from local.elevenlabs import WorkspaceServer
from local.mem0.server import Mem0StandIn
from ops import forget
from ops.callers import digest
from ops.cli import main
from post_call import messages
from post_call.record import CallRecord, Turn
from tests.local.support import until
from tests.ops.conftest import STAGE, deploy
from tests.ops.kill import kill_at
from tests.unit.conftest import Aws, Build

CALLER, OTHER = "+16125550142", "+16125550187"
SPELLED = "001 (612) 555-0142"


@pytest.fixture(autouse=True)
def stage(aws: Aws, mem0: Mem0StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forget, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(forget, "PAUSE_SECONDS", 0)
    mem0._api.events._delay = 0.01
    deploy(aws, MEM0_HOST=mem0.url, DEFAULT_COUNTRY_CODE="44", SHARED_NUMBERS="+16515550100")


def amem(*arguments: str) -> int:
    return main([arguments[0], "--stage", STAGE, *arguments[1:]])


def remember(mem0: Mem0StandIn, user_id: str, *texts: str, **options: Any) -> None:
    for text in texts:
        body = {
            "user_id": user_id,
            "messages": [{"role": "user", "content": text}],
            "infer": False,
            **options,
        }
        headers = {"Authorization": "Token local-mem0-key"}
        httpx.post(f"{mem0.url}/v3/memories/add/", json=body, headers=headers).raise_for_status()


def listed(mem0: Mem0StandIn, user_id: str) -> list[str]:
    body = {"filters": {"user_id": user_id}, "show_expired": True}
    headers = {"Authorization": "Token local-mem0-key"}
    answer = httpx.post(f"{mem0.url}/v3/memories/", json=body, headers=headers)
    return [row["memory"] for row in answer.json()["results"]]


def record(user_id: str = CALLER, start: int = 1_772_532_000, conversation_id: str = "conv_1") -> CallRecord:
    turns = (Turn("agent", "How can I help?"), Turn("user", "My tomatoes have brown spots."))
    return CallRecord(conversation_id, "agent_1", user_id, start, turns)


def bury(aws: Aws, call: CallRecord) -> None:
    (message,) = messages.of_call(call)
    aws.sqs.send_message(
        QueueUrl=aws.dead_letters_url,
        MessageBody=message.body,
        MessageGroupId=call.conversation_id,
        MessageDeduplicationId=call.conversation_id,
    )


def note(aws: Aws, user_id: str, conversation_id: str = "conv_1", **more: Any) -> None:
    item = {"conversation_id": {"S": conversation_id}, "caller": {"S": digest(user_id)}, **more}
    aws.dynamodb.put_item(TableName="ledger", Item=item)


def letters(aws: Aws) -> list[str]:
    return [
        json.loads(message["Body"])["record"]["user_id"] for message in aws.received(aws.dead_letters_url)
    ]


def everything(aws: Aws, mem0: Mem0StandIn) -> None:
    """Something of the caller everywhere, and of another one."""
    remember(mem0, CALLER, "Grows tomatoes.", "Has a dog.")
    remember(mem0, CALLER, "Was on holiday.", expiration_date="2025-01-01")
    remember(mem0, OTHER, "Plays chess.")
    for number, user_id in enumerate((CALLER, OTHER)):
        bury(aws, record(user_id, conversation_id=f"conv_{number}"))
        note(aws, user_id, f"conv_{number}", closed_at={"N": "1772532100"})


def test_everything_of_the_caller_goes_and_nothing_of_others(
    aws: Aws, mem0: Mem0StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    everything(aws, mem0)
    assert amem("forget", SPELLED, "--yes", "--json") == 0
    receipt = json.loads(capsys.readouterr().out)
    assert receipt["before"] == {"listed": 3, "found": 3}
    assert receipt["after"] == {"listed": 0, "found": 0}
    assert (receipt["dead_letters"], receipt["ledger_rows"], receipt["unproven"]) == (1, 1, [])
    assert receipt["remembered_again"] is True
    assert listed(mem0, CALLER) == []
    assert listed(mem0, OTHER) == ["Plays chess."]
    assert letters(aws) == [OTHER]
    assert not aws.ledger_item("conv_0")
    assert aws.ledger_item("conv_1")


def test_conversations_at_elevenlabs_go_whoever_called_whom(
    elevenlabs: WorkspaceServer, capsys: pytest.CaptureFixture[str]
) -> None:
    def call(conversation_id: str, direction: str, caller: str) -> dict[str, Any]:
        number = {"inbound": "system__caller_id", "outbound": "system__called_number"}[direction]
        return {
            "agent_id": "agent_1",
            "conversation_id": conversation_id,
            "status": "done",
            "user_id": None,
            "transcript": [{"role": "user", "message": "Good morning."}],
            "metadata": {
                "start_time_unix_secs": 1_772_532_000,
                "phone_call": {"type": "twilio", "direction": direction, "external_number": caller},
            },
            "conversation_initiation_client_data": {"dynamic_variables": {number: caller}},
        }

    elevenlabs.workspace.seed(
        [
            call("conv_in", "inbound", CALLER),
            call("conv_out", "outbound", CALLER),
            call("conv_x", "inbound", OTHER),
        ]
    )
    assert amem("forget", CALLER, "--elevenlabs", "--yes", "--json") == 0
    assert json.loads(capsys.readouterr().out)["conversations"] == 2
    headers = {"xi-api-key": elevenlabs.api_key}
    left = httpx.get(f"{elevenlabs.url}/v1/convai/conversations", headers=headers).json()["conversations"]
    assert [row["conversation_id"] for row in left] == ["conv_x"]


def test_receipt_holds_no_content(aws: Aws, mem0: Mem0StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    everything(aws, mem0)
    assert amem("forget", CALLER, "--yes") == 0
    shown = "".join(capsys.readouterr())
    assert not any(words in shown for words in ("tomatoes", "5550142", digest(CALLER)))


def test_dry_run_counts_and_deletes_nothing(
    aws: Aws, mem0: Mem0StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    everything(aws, mem0)
    assert amem("forget", CALLER, "--dry-run") == 0
    assert "3 memories, 1 dead letters, 1 ledger rows" in capsys.readouterr().out
    assert len(listed(mem0, CALLER)) == 3


@pytest.mark.parametrize("caller", ["*", "", " ", "anonymous", "+16515550100", "+1 555", "sip:anonymous@x"])
def test_who_is_no_single_caller_is_refused(
    caller: str, mem0: Mem0StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    remember(mem0, CALLER, "Grows tomatoes.")
    for command in ("forget", "export"):
        assert amem(command, caller, *(["--yes"] if command == "forget" else [])) == 2
        assert "is no caller" in capsys.readouterr().err
    assert len(listed(mem0, CALLER)) == 1


@pytest.mark.parametrize("caller", ["612 555 0142", "(612) 555-0142"])
def test_number_without_its_country_is_not_taken_for_a_web_users_id(
    aws: Aws, caller: str, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(aws, DEFAULT_COUNTRY_CODE="")
    assert amem("forget", caller, "--yes") == 2
    assert "+16125550142" in capsys.readouterr().err


def test_digits_alone_are_a_web_users_id_and_that_is_said(
    aws: Aws, mem0: Mem0StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(aws, MEM0_HOST=mem0.url, DEFAULT_COUNTRY_CODE="")
    remember(mem0, "6125550142", "Prefers the web.")
    assert amem("forget", "6125550142", "--yes") == 0
    assert "6125550142 is taken as a web user's id" in capsys.readouterr().err
    assert listed(mem0, "6125550142") == []


def test_confirmation_is_the_number_itself(mem0: Mem0StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    remember(mem0, CALLER, "Grows tomatoes.")
    assert amem("forget", CALLER) == 2  # there is nobody to ask
    assert f"Forget {CALLER}?" in capsys.readouterr().err
    assert len(listed(mem0, CALLER)) == 1


def run_worker(build: Build, call: CallRecord) -> dict[str, Any]:
    (message,) = messages.of_call(call)
    event = {
        "messageId": call.conversation_id,
        "receiptHandle": "r",
        "body": message.body,
        "eventSource": "aws:sqs",
        "attributes": {"MessageGroupId": call.user_id, "ApproximateReceiveCount": "1"},
    }
    answer: dict[str, Any] = build("post_call")({"Records": [event]}, None)
    return answer


def test_call_from_before_that_is_delivered_later_brings_nothing_back(
    mem0: Mem0StandIn, build: Build
) -> None:
    assert amem("forget", CALLER, "--yes") == 0
    assert run_worker(build, record())["batchItemFailures"] == []
    assert mem0.settle()
    assert listed(mem0, CALLER) == []


def test_later_call_begins_anew(mem0: Mem0StandIn, build: Build) -> None:
    assert amem("forget", CALLER, "--yes") == 0
    run_worker(build, record(start=int(time.time()) + 5))
    assert mem0.settle()
    assert listed(mem0, CALLER) != []


def test_never_again_lasts_until_it_is_ended(mem0: Mem0StandIn, build: Build) -> None:
    assert amem("forget", CALLER, "--yes", "--never-again") == 0
    assert amem("forget", CALLER, "--yes") == 0  # does not shorten it
    later = int(time.time()) + 5
    run_worker(build, record(start=later))
    assert listed(mem0, CALLER) == []
    assert amem("forget", CALLER, "--yes", "--allow-again") == 0
    run_worker(build, record(start=later, conversation_id="conv_2"))
    assert mem0.settle()
    assert listed(mem0, CALLER) != []


def test_worker_in_the_middle_of_a_call_is_waited_for(
    aws: Aws, mem0: Mem0StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    remember(mem0, CALLER, "Grows tomatoes.")
    note(aws, CALLER, claimed_until={"N": str(int(time.time()) + 2)})
    assert amem("forget", CALLER, "--yes") == 0
    assert "waiting for workers" in capsys.readouterr().err
    assert listed(mem0, CALLER) == []


def test_call_that_a_worker_is_in_the_middle_of_leaves_nothing(mem0: Mem0StandIn, build: Build) -> None:
    """The worker has claimed it and is adding while the caller is forgotten."""
    mem0.set_faults({"operation": "add", "latency_seconds": 0.5})
    worker = threading.Thread(target=run_worker, args=(build, record()))
    worker.start()
    until(lambda: [one for one in mem0.requests() if one["operation"] == "add"], "the worker adds")
    assert amem("forget", CALLER, "--yes") == 0
    worker.join(20)
    assert mem0.settle()
    assert listed(mem0, CALLER) == []
    run_worker(build, record())  # the same message, delivered again
    assert mem0.settle()
    assert listed(mem0, CALLER) == []


def test_late_extraction_is_waited_for(aws: Aws, mem0: Mem0StandIn) -> None:
    mem0.set_faults({"operation": "infer", "latency_seconds": 1.5})
    said = {
        "user_id": CALLER,
        "messages": [{"role": "user", "content": "My dog is named Juniper."}],
        "infer": True,
    }
    headers = {"Authorization": "Token local-mem0-key"}
    answer = httpx.post(f"{mem0.url}/v3/memories/add/", json=said, headers=headers)
    note(aws, CALLER, event_factual={"S": answer.json()["event_id"]})
    assert amem("forget", CALLER, "--yes") == 0
    assert mem0.settle()
    assert listed(mem0, CALLER) == []


def test_letters_that_another_command_holds_are_unproven(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    bury(aws, record())
    assert aws.received(aws.dead_letters_url)
    assert amem("forget", CALLER, "--yes") == 1
    assert "1 dead letters are held by another command" in capsys.readouterr().out


def test_message_in_the_queue_is_told_and_is_no_failure(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    (message,) = messages.of_call(record())
    aws.sqs.send_message(
        QueueUrl=aws.queue_url,
        MessageBody=message.body,
        MessageGroupId=message.group_id,
        MessageDeduplicationId=message.deduplication_id,
    )
    assert amem("forget", CALLER, "--yes", "--json") == 0
    assert json.loads(capsys.readouterr().out)["queued"] == 1


def test_dry_run_of_allow_again_changes_nothing(mem0: Mem0StandIn, build: Build) -> None:
    assert amem("forget", CALLER, "--yes", "--never-again") == 0
    assert amem("forget", CALLER, "--yes", "--allow-again", "--dry-run") == 0
    run_worker(build, record(start=int(time.time()) + 5))
    assert listed(mem0, CALLER) == []


@pytest.mark.parametrize("sent", [False, True])
def test_forget_killed_at_any_request_ends_the_same(
    aws: Aws,
    mem0: Mem0StandIn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    sent: bool,
) -> None:
    monkeypatch.setattr("ops.dead_letters.HIDDEN_SECONDS", 0)  # as if that time had passed
    killed, number = True, 0
    while killed:
        number += 1
        remember(mem0, CALLER, "Grows tomatoes.")
        bury(aws, record(conversation_id=f"conv_{number}"))
        note(aws, CALLER)
        killed = kill_at(number, monkeypatch, sent=sent, command=lambda: amem("forget", CALLER, "--yes"))
        if killed:
            assert amem("forget", CALLER, "--yes") == 0, number
        assert "not proven: nothing" in capsys.readouterr().out, number
        assert listed(mem0, CALLER) == [], number
        assert not aws.ledger_item("conv_1"), number
        assert letters(aws) == [], number
    assert number > 5


def test_export_is_everything_verbatim(
    aws: Aws, mem0: Mem0StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    everything(aws, mem0)
    assert amem("export", SPELLED) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["caller"] == CALLER
    assert sorted(row["memory"] for row in document["memories"]) == [
        "Grows tomatoes.",
        "Has a dog.",
        "Was on holiday.",
    ]
    assert all(row["history"][0]["new_memory"] == row["memory"] for row in document["memories"])
    assert document["entity"]["name"] == CALLER
    (letter,) = document["dead_letters"]
    assert letter["record"]["turns"][1] == ["user", "My tomatoes have brown spots."]
    assert [row["conversation_id"] for row in document["ledger"]] == ["conv_0"]


def test_export_of_somebody_unknown_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    assert amem("export", "+447700900123") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["memories"], document["ledger"], document["entity"]) == ([], [], None)
