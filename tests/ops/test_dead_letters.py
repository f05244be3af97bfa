"""Dead letters are listed, moved back in order and discarded, and never lost or left hidden on the way."""

import json
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops import redrive
from ops.cli import main
from ops.dead_letters import Reader
from post_call import messages
from post_call.record import CallRecord, Turn
from tests.ops.conftest import STAGE
from tests.unit.conftest import Aws

CALLER = "+16125550142"
STAGE_OPTION = ["--stage", STAGE]


def give_up(
    aws: Aws, conversation: str, *, caller: str = CALLER, reason: str | None = "Mem0 refused the API key"
) -> None:
    """Put a call into the dead-letter queue, as the worker does; without a reason, as SQS does."""
    record = CallRecord(
        conversation_id=conversation,
        agent_id="agent_01",
        user_id=caller,
        call_start=1_772_532_000,
        turns=(Turn("user", "My dog Juniper is allergic to chicken."),),
    )
    (message,) = messages.of_call(record)
    noted = {"reason": reason, "group": message.group_id} if reason else {}
    aws.sqs.send_message(
        QueueUrl=aws.dead_letters_url,
        MessageBody=message.body,
        MessageGroupId=message.deduplication_id if reason else message.group_id,
        MessageDeduplicationId=message.deduplication_id,
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value} for name, value in noted.items()
        },
    )


def conversations(received: list[dict[str, Any]]) -> list[str]:
    return [record_of(message["Body"]).conversation_id for message in received]


def record_of(body: str) -> CallRecord:
    content = messages.read(body)
    assert isinstance(content, messages.QueuedCall)
    return content.record


def drain(aws: Aws, url: str) -> list[dict[str, Any]]:
    """All messages of a queue, in order; they are deleted."""
    everything: list[dict[str, Any]] = []
    while batch := aws.received(url):
        everything += batch
        for message in batch:
            aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return everything


def ids(aws: Aws, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """The dead letters' ids by conversation, as `--json` shows them."""
    capsys.readouterr()
    assert main(["dead-letters", *STAGE_OPTION, "--json"]) == 0
    assert aws
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {letter["call"].partition(" ")[0]: letter["id"] for letter in listed}


def test_dead_letters_are_listed_with_reason_and_shortened_caller(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    give_up(aws, "conv_01")
    give_up(aws, "conv_02", caller="+447700900123", reason=None)
    assert main(["dead-letters", *STAGE_OPTION]) == 0
    shown = capsys.readouterr()
    assert "conv_01 of +1612•••0142 on 2026-03-03" in shown.out
    assert "reason: Mem0 refused the API key" in shown.out
    assert "conv_02 of +4477•••0123" in shown.out
    assert "reason: none given" in shown.out
    assert "2 dead letters" in shown.err
    assert "Juniper" not in shown.out + shown.err
    assert CALLER not in shown.out + shown.err


def test_hundreds_are_listed_once_each_also_of_one_caller(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"conv_{number:03}" for number in range(120)]
    for name in names:
        give_up(aws, name)
    assert main(["dead-letters", *STAGE_OPTION, "--json"]) == 0
    listed = [json.loads(line)["call"].partition(" ")[0] for line in capsys.readouterr().out.splitlines()]
    assert sorted(listed) == names


def test_listing_takes_nothing_away_and_hides_nothing(aws: Aws) -> None:
    give_up(aws, "conv_01")
    assert main(["dead-letters", *STAGE_OPTION]) == 0
    assert main(["redrive", *STAGE_OPTION, "--dry-run"]) == 0
    assert conversations(aws.received(aws.dead_letters_url)) == ["conv_01"]
    assert aws.received(aws.queue_url) == []


def test_redrive_keeps_order_and_group_and_takes_a_fresh_deduplication_id(aws: Aws) -> None:
    names = [f"conv_{number:02}" for number in range(25)]
    for name in names:
        give_up(aws, name)
    assert main(["redrive", *STAGE_OPTION]) == 0
    moved = drain(aws, aws.queue_url)
    assert conversations(moved) == names
    assert aws.received(aws.dead_letters_url) == []
    for message in moved:
        (first,) = messages.of_call(record_of(message["Body"]))
        assert message["Attributes"]["MessageGroupId"] == first.group_id
        assert message["Attributes"]["MessageDeduplicationId"] != first.deduplication_id
        assert "MessageAttributes" not in message, "a reason belongs to the failure that it was given for"


def test_limit_moves_the_oldest_only(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("conv_01", "conv_02", "conv_03"):
        give_up(aws, name)
    assert main(["redrive", *STAGE_OPTION, "--limit", "2"]) == 0
    assert "moved 2 back to the queue" in capsys.readouterr().err
    assert conversations(aws.received(aws.queue_url)) == ["conv_01", "conv_02"]
    assert conversations(aws.received(aws.dead_letters_url)) == ["conv_03"]


def test_nothing_to_move_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["redrive", *STAGE_OPTION]) == 0
    assert main(["dead-letters", *STAGE_OPTION]) == 0
    assert capsys.readouterr().err == "nothing was moved\nno dead letters\n"


def test_what_could_not_be_moved_is_still_a_dead_letter_at_once(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("conv_01", "conv_02"):
        give_up(aws, name)
    assert main(["redrive", *STAGE_OPTION, "--queue-url", f"{aws.queue_url}-gone"]) == 1
    shown = capsys.readouterr().err
    assert "nothing was moved" in shown
    assert "error: " in shown
    assert "Traceback" not in shown
    assert conversations(aws.received(aws.dead_letters_url)) == ["conv_01", "conv_02"]


def test_crash_between_send_and_delete_does_not_queue_the_call_twice(aws: Aws) -> None:
    give_up(aws, "conv_01")

    class Dying:
        """boto3's client, but dead before the message is deleted."""

        def __getattr__(self, name: str) -> Any:
            return getattr(aws.sqs, name)

        def delete_message(self, **_: Any) -> None:
            raise ClientError({"Error": {"Code": "Gone", "Message": "gone"}}, "DeleteMessage")

    given = {"dead_letter_url": aws.dead_letters_url, "queue_url": aws.queue_url, "limit": 1}
    with pytest.raises(ClientError):
        redrive.redrive(Dying(), **given)
    redrive.redrive(aws.sqs, **given)
    assert conversations(aws.received(aws.queue_url)) == ["conv_01"]
    assert aws.received(aws.dead_letters_url) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", ["dead-letters", "redrive"])
def test_signal_in_between_loses_and_hides_nothing(aws: Aws, name: str, number: int) -> None:
    """In a process of its own, stopped while it holds what it has listed, or has moved some of it."""
    for place in range(30):
        give_up(aws, f"conv_{place:02}")
    code = "import sys; from ops.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, name, *STAGE_OPTION]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(number)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    left, moved = (conversations(drain(aws, url)) for url in (aws.dead_letters_url, aws.queue_url))
    assert sorted(left + moved) == [f"conv_{place:02}" for place in range(30)]
    assert bool(moved) == (name == "redrive")


def test_message_that_cannot_be_read_is_shown_and_moved_too(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.sqs.send_message(
        QueueUrl=aws.dead_letters_url, MessageBody="{}", MessageGroupId="g", MessageDeduplicationId="d"
    )
    assert main(["redrive", *STAGE_OPTION]) == 0
    assert "unreadable (the message is no call record" in capsys.readouterr().out
    assert [message["Body"] for message in aws.received(aws.queue_url)] == ["{}"]


def test_letters_are_discarded_by_their_id_and_only_with_consent(
    aws: Aws, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("conv_01", "conv_02", "conv_03"):
        give_up(aws, name)
    doomed = ids(aws, capsys)["conv_02"]
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert main(["discard", *STAGE_OPTION, doomed]) == 2
    assert main(["discard", *STAGE_OPTION, "--yes", "nonsense"]) == 1
    assert main(["discard", *STAGE_OPTION, "--dry-run", doomed]) == 0
    assert len(ids(aws, capsys)) == 3
    assert main(["discard", *STAGE_OPTION, "--yes", doomed]) == 0
    assert set(ids(aws, capsys)) == {"conv_01", "conv_03"}


def test_letters_that_are_held_for_long_stay_hidden(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a listing that takes longer than that would begin again, without end."""
    monkeypatch.setattr("ops.dead_letters.HIDDEN_SECONDS", 2)
    for place in range(25):
        give_up(aws, f"conv_{place:02}")
    seen = []
    with Reader(aws.sqs, aws.dead_letters_url) as reader:
        for letter in reader.read():
            seen.append(letter.id)
            threading.Event().wait(0.15)
    assert len(seen) == len(set(seen)) == 25


def test_stack_that_is_not_there_is_told_with_the_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["redrive", "--stage", "nowhere"]) == 2
    shown = capsys.readouterr().err
    assert "there is no stack AgenticMemory-nowhere" in shown
    assert "npx cdk deploy" in shown


def test_missing_credentials_are_told_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert main(["dead-letters"]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("error: Unable to locate credentials")
    assert "AWS_PROFILE" in shown


def test_missing_region_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("AWS_REGION")
    assert main(["dead-letters"]) == 2
    assert "You must specify a region." in capsys.readouterr().err


@pytest.mark.parametrize("limit", ["0", "-1", "all"])
def test_wrong_limit_is_told(limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["redrive", "--limit", limit]) == 2
    assert "--limit" in capsys.readouterr().err
