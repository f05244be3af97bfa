"""`python -m ops`: dead letters are listed and moved back in order, and never lost on the way."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops import __main__ as ops
from ops import dead_letters, redrive
from post_call import messages as queue_messages
from post_call.record import CallRecord, Turn
from tests.unit.conftest import REGION, Aws

CALLER = "+16125550142"


@pytest.fixture(autouse=True)
def no_waiting(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Receive without the long poll, which moto really waits for."""
    for name, value in {
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    real = ops._client

    def client(service: str) -> Any:
        made = real(service)
        if service == "sqs":
            receive = made.receive_message
            made.receive_message = lambda **options: receive(**{**options, "WaitTimeSeconds": 0})
        return made

    monkeypatch.setattr(ops, "_client", client)


def bury(
    aws: Aws, conversation: str, *, caller: str = CALLER, reason: str | None = "Mem0 refused the API key"
) -> None:
    record = CallRecord(
        conversation_id=conversation,
        agent_id="agent_01",
        user_id=caller,
        call_start=1_772_532_000,
        turns=(Turn("user", "My dog Juniper is allergic to chicken."),),
        summary="",
        collected={},
    )
    (message,) = queue_messages.of_call(record)
    attributes = {"reason": {"DataType": "String", "StringValue": reason}} if reason else {}
    aws.sqs.send_message(
        QueueUrl=aws.dead_letters_url,
        MessageBody=message.body,
        MessageGroupId=message.group_id,
        MessageDeduplicationId=message.deduplication_id,
        MessageAttributes=attributes,
    )


def urls(aws: Aws) -> list[str]:
    return ["--dead-letter-url", aws.dead_letters_url, "--queue-url", aws.queue_url]


def conversations(messages: list[dict[str, Any]]) -> list[str]:
    return [record_of(message["Body"]).conversation_id for message in messages]


def record_of(body: str) -> CallRecord:
    content = queue_messages.read(body)
    assert isinstance(content, queue_messages.QueuedCall)
    return content.record


def test_dead_letters_are_listed_with_reason_and_shortened_caller(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    bury(aws, "conv_01")
    bury(aws, "conv_02", caller="+447700900123", reason=None)
    assert ops.main(["dead-letters", "--dead-letter-url", aws.dead_letters_url]) == 0
    told = capsys.readouterr()
    assert "conv_01 of +1612•••0142 on 2026-03-03" in told.out
    assert "reason: Mem0 refused the API key" in told.out
    assert "conv_02 of +4477•••0123" in told.out
    assert f"reason: {dead_letters.NO_REASON}" in told.out
    assert "2 dead letters" in told.err
    assert "Juniper" not in told.out + told.err
    assert CALLER not in told.out + told.err


def test_listing_takes_nothing_away(aws: Aws) -> None:
    bury(aws, "conv_01")
    assert ops.main(["dead-letters", "--dead-letter-url", aws.dead_letters_url]) == 0
    assert ops.main(["redrive", *urls(aws), "--dry-run"]) == 0
    assert conversations(aws.received(aws.dead_letters_url)) == ["conv_01"]
    assert aws.received(aws.queue_url) == []


def test_redrive_keeps_order_and_group_and_takes_a_fresh_deduplication_id(aws: Aws) -> None:
    names = [f"conv_{number:02}" for number in range(25)]
    for name in names:
        bury(aws, name)
    assert ops.main(["redrive", *urls(aws)]) == 0
    messages: list[dict[str, Any]] = []
    while batch := aws.received(aws.queue_url):
        messages += batch
        for each in batch:
            aws.sqs.delete_message(QueueUrl=aws.queue_url, ReceiptHandle=each["ReceiptHandle"])
    assert conversations(messages) == names
    assert aws.received(aws.dead_letters_url) == []
    for each in messages:
        (first,) = queue_messages.of_call(record_of(each["Body"]))
        assert each["Attributes"]["MessageGroupId"] == first.group_id
        assert each["Attributes"]["MessageDeduplicationId"] != first.deduplication_id
        assert "MessageAttributes" not in each, "a reason belongs to the failure that it was given for"


def test_limit_moves_the_oldest_only(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("conv_01", "conv_02", "conv_03"):
        bury(aws, name)
    assert ops.main(["redrive", *urls(aws), "--limit", "2"]) == 0
    assert "moved 2 back to the queue\nabout 1 are still there" in capsys.readouterr().err
    assert conversations(aws.received(aws.queue_url)) == ["conv_01", "conv_02"]


def test_nothing_to_move_is_no_failure(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    assert ops.main(["redrive", *urls(aws)]) == 0
    assert ops.main(["dead-letters", "--dead-letter-url", aws.dead_letters_url]) == 0
    assert capsys.readouterr().err == "nothing was moved\nno dead letters\n"


def test_what_could_not_be_moved_is_still_a_dead_letter_at_once(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("conv_01", "conv_02"):
        bury(aws, name)
    wrong = ["--dead-letter-url", aws.dead_letters_url, "--queue-url", f"{aws.queue_url}-gone"]
    assert ops.main(["redrive", *wrong]) == 1
    told = capsys.readouterr().err
    assert "nothing was moved" in told
    assert "error: " in told
    assert "Traceback" not in told
    assert conversations(aws.received(aws.dead_letters_url)) == ["conv_01", "conv_02"]


def test_a_crash_between_send_and_delete_does_not_queue_the_call_twice(aws: Aws) -> None:
    bury(aws, "conv_01")

    class Dying:
        """boto3's client, but dead before the message is deleted."""

        def __getattr__(self, name: str) -> Any:
            return getattr(aws.sqs, name)

        def delete_message(self, **_: Any) -> None:
            raise ClientError({"Error": {"Code": "Gone", "Message": "gone"}}, "DeleteMessage")

    given = {"dead_letter_url": aws.dead_letters_url, "queue_url": aws.queue_url, "limit": 1}
    with pytest.raises(ClientError):
        redrive.redrive(Dying(), **given, tell=print)
    assert redrive.redrive(aws.sqs, **given, tell=print) == 1
    assert conversations(aws.received(aws.queue_url)) == ["conv_01"]
    assert aws.received(aws.dead_letters_url) == []


def test_a_message_that_nobody_can_read_is_told_and_moved_too(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.sqs.send_message(
        QueueUrl=aws.dead_letters_url, MessageBody="{}", MessageGroupId="g", MessageDeduplicationId="d"
    )
    assert ops.main(["redrive", *urls(aws)]) == 0
    assert "unreadable (the message is no call record" in capsys.readouterr().out
    assert [each["Body"] for each in aws.received(aws.queue_url)] == ["{}"]


def test_queues_are_found_by_the_outputs_of_the_stack(aws: Aws) -> None:
    bury(aws, "conv_01")
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {}}},
        "Outputs": {
            "CallQueueUrl": {"Value": aws.queue_url},
            "DeadLetterQueueUrl": {"Value": aws.dead_letters_url},
        },
    }
    cloudformation = ops._client("cloudformation")
    cloudformation.create_stack(StackName="AgenticMemory-dev", TemplateBody=json.dumps(template))
    assert ops.main(["redrive", "--stage", "dev"]) == 0
    assert conversations(aws.received(aws.queue_url)) == ["conv_01"]


def test_a_stack_that_is_not_there_is_told_with_the_remedy(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    assert aws
    assert ops.main(["redrive", "--stage", "nowhere"]) == 2
    told = capsys.readouterr().err
    assert "there is no stack AgenticMemory-nowhere" in told
    assert "--queue-url" in told


def test_missing_credentials_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ops.main(["dead-letters"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: Unable to locate credentials")
    assert "Set AWS_PROFILE" in told


def test_missing_region_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ops.main(["dead-letters"]) == 2
    assert "You must specify a region." in capsys.readouterr().err


@pytest.mark.parametrize("limit", ["0", "-1", "all"])
def test_a_wrong_limit_is_told(limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        ops.main(["redrive", "--limit", limit])
    assert ended.value.code == 2
    assert "--limit" in capsys.readouterr().err
