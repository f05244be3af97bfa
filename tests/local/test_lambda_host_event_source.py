"""The event source: batches from a real queue (moto), partial failures, order, redelivery, dead letters."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.aws.services import AwsServices
from local.lambda_host.event_source import failures, to_record
from tests.local.support import WORKER, Line, MakeHost, logged, until

MakeLine = Callable[..., Line]


@pytest.fixture
def make_line(aws: AwsServices, make_host: MakeHost) -> Iterator[MakeLine]:
    lines: list[Line] = []

    def make(visibility: int = 60, spec: dict[str, Any] | None = None, **options: Any) -> Line:
        lines.append(Line(aws, make_host(WORKER, **(spec or {})), visibility, **options))
        return lines[-1]

    yield make
    for line in lines:
        line.source.cease()
        line.host.stop()
        line.source.stop()


def test_message_is_worked_off_and_deleted(make_line: MakeLine) -> None:
    line = make_line()
    line.send("one")
    until(lambda: line.seen() == ["one"] and line.left() == 0, "the message is done and gone")


def test_event_has_the_shape_of_sqs_events(make_line: MakeLine) -> None:
    line = make_line()
    line.send("one", group="+16125550142")
    until(lambda: line.left() == 0 and line.seen(), "the message is done")
    (record,) = json.loads((line.folder / "last.json").read_text())["Records"]
    attributes = record.pop("attributes")
    assert attributes["ApproximateReceiveCount"] == "1"
    assert attributes["MessageGroupId"] == "+16125550142"
    assert attributes.keys() >= {"SentTimestamp", "SequenceNumber", "MessageDeduplicationId"}
    assert (record.pop("body"), record.pop("messageAttributes")) == ("one", {})
    assert record.keys() - {"messageId", "receiptHandle", "md5OfBody"} == {
        "eventSource",
        "eventSourceARN",
        "awsRegion",
    }
    assert (record["eventSource"], record["eventSourceARN"]) == ("aws:sqs", line.arn)


def test_messages_of_a_group_come_in_order_and_in_batches(make_line: MakeLine) -> None:
    line = make_line(batch_size=3)
    line.source.pause()
    for number in range(7):
        line.send(str(number))
    line.source.resume()
    until(lambda: line.left() == 0, "all are done")
    assert line.seen() == [str(number) for number in range(7)]
    assert max(len(batch) for batch in line.batches()) == 3


def test_failed_message_reappears_after_the_visibility_timeout_only(make_line: MakeLine) -> None:
    line = make_line()
    line.fail("bad")
    line.source.pause()
    line.send("bad", group="a")
    line.send("good", group="b")
    line.source.resume()
    until(lambda: line.left() == 1, "the good one is gone, the bad one left")
    assert line.seen().count("bad") == 1
    line.fail()
    line.aws.advance_clock(61)
    until(lambda: line.left() == 0, "the bad one is done")
    assert line.seen().count("bad") == 2
    assert line.seen().count("good") == 1


def test_group_waits_for_its_message_in_flight_while_others_go_on(make_line: MakeLine) -> None:
    line = make_line(batch_size=1)
    line.fail("poison")
    line.send("poison", group="a")
    until(lambda: line.noted("left in the queue"), "the poison message failed")
    line.send("next", group="a")
    line.send("other", group="b")
    until(lambda: "other" in line.seen() and line.left() == 2, "another caller's message is done")
    assert "next" not in line.seen()
    line.fail()
    line.aws.advance_clock(61)
    until(lambda: line.left() == 0, "all are done")
    assert line.seen()[-2:] == ["poison", "next"]


def test_message_moves_to_the_dead_letters_after_its_last_receive(make_line: MakeLine) -> None:
    line = make_line()
    line.fail("poison")
    line.send("poison")
    for tries in (1, 2):
        until(lambda tries=tries: line.seen().count("poison") == tries, f"try {tries}")  # type: ignore[misc]
        until(lambda tries=tries: sum("left in" in row for row in line.host.logs.lines()) == tries, "failed")  # type: ignore[misc]
        line.aws.advance_clock(61)
    until(lambda: line.left(line.dead) == 1, "it is in the dead-letter queue")
    assert line.left() == 0
    assert line.seen().count("poison") == 2


@pytest.mark.parametrize("how", ["raise", "kill"])
def test_whole_batch_stays_when_the_function_fails(make_line: MakeLine, how: str) -> None:
    line = make_line(batch_size=5)
    line.fail(how)
    line.source.pause()
    line.send("good")
    line.send(how)
    line.source.resume()
    until(lambda: line.noted("left in the queue"), "the batch failed")
    assert line.left() == 2
    line.fail()
    line.aws.advance_clock(61)
    until(lambda: line.left() == 0, "the batch is done")
    assert line.seen() == ["good", how, "good", how]


def test_timeout_of_the_function_leaves_the_batch(make_line: MakeLine) -> None:
    line = make_line(spec={"timeout_seconds": 0.3})
    (line.folder / "gate").touch()
    line.send("slow")
    until(lambda: line.noted("left in the queue"), "the batch timed out")
    assert line.left() == 1


def test_without_partial_failures_the_answer_is_ignored(make_line: MakeLine) -> None:
    line = make_line(partial_failures=False)
    line.fail("bad")
    line.send("bad")
    until(lambda: line.seen() == ["bad"] and line.left() == 0, "it is deleted all the same")


def test_no_more_batches_at_once_than_the_maximum(make_line: MakeLine) -> None:
    line = make_line(spec={"reserved_concurrency": 5}, maximum_concurrency=2, batch_size=1)
    (line.folder / "gate").touch()
    for group in "abcd":
        line.send(group, group=group)
    until(lambda: len(line.batches()) == 2, "two are under way")
    assert len(line.host.instances("app")) == 2
    (line.folder / "gate").unlink()
    until(lambda: line.left() == 0, "all are done")
    assert len(line.host.instances("app")) == 2


def test_throttled_batch_is_tried_again_and_counts_as_one_receive(make_line: MakeLine) -> None:
    line = make_line(spec={"reserved_concurrency": 1}, maximum_concurrency=2, batch_size=1)
    (line.folder / "gate").touch()
    line.send("a", group="a")
    until(lambda: line.seen() == ["a"], "the only instance is busy")
    line.send("b", group="b")
    until(lambda: line.host.throttles("app") > 0, "the second batch is throttled")
    (line.folder / "gate").unlink()
    until(lambda: line.left() == 0, "both are done")
    (record,) = json.loads((line.folder / "last.json").read_text())["Records"]
    assert (record["body"], record["attributes"]["ApproximateReceiveCount"]) == ("b", "1")


def test_crash_before_the_deletion_brings_the_message_again(make_line: MakeLine) -> None:
    line = make_line()

    def crash(_messages: object) -> None:
        line.source.before_delete = None
        raise ConnectionError("crashed here")

    line.source.before_delete = crash
    line.send("one")
    until(lambda: line.noted("crashed here"), "the deletion failed")
    line.aws.advance_clock(61)
    until(lambda: line.left() == 0, "it is done at last")
    assert line.seen() == ["one", "one"]


def test_paused_source_takes_nothing(make_line: MakeLine) -> None:
    line = make_line()
    line.source.pause()
    line.send("first", group="a")
    line.host.invoke("app", {"Records": []})
    logged(line.host, "batch []")
    assert line.batches() == [[]]
    assert line.left() == 1


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        ("null", ""),
        ("{}", ""),
        ('""', ""),
        ('{"batchItemFailures": []}', ""),
        ('{"batchItemFailures": null}', ""),
        ('{"batchItemFailures": [{"itemIdentifier": "a"}]}', "a"),
        ("[]", "ab"),
        ("7", "ab"),
        ('{"batchItemFailures": "a"}', "ab"),
        ('{"batchItemFailures": ["a"]}', "ab"),
        ('{"batchItemFailures": [{"itemIdentifier": ""}]}', "ab"),
        ('{"batchItemFailures": [{"itemIdentifier": null}]}', "ab"),
        ('{"batchItemFailures": [{"identifier": "a"}]}', "ab"),
        ('{"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "unknown"}]}', "ab"),
    ],
)
def test_answer_of_the_function_names_the_messages_that_failed(answer: str, failed: str) -> None:
    assert failures(answer.encode(), {"a", "b"}) == set(failed)


def test_message_attributes_are_spelled_as_in_events() -> None:
    message = {
        "MessageId": "1",
        "ReceiptHandle": "r",
        "Body": "",
        "MD5OfBody": "m",
        "MessageAttributes": {"kind": {"DataType": "String", "StringValue": "x"}},
    }
    attribute = to_record(message, "arn")["messageAttributes"]["kind"]
    assert attribute.items() >= {"dataType": "String", "stringValue": "x"}.items()
