"""What the AWS process adds to moto: no races, SQS's own deduplication, order, a clock to move, faults."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local.aws.services import AwsServices
from tests.local.support import make_queue


class Fifo:
    """One FIFO queue."""

    def __init__(self, aws: AwsServices) -> None:
        self.sqs = aws.client("sqs")
        self.url, _, self.dead = make_queue(aws, receives=2)

    def send(self, body: str, group: str = "g", once: str | None = None) -> Any:
        return self.sqs.send_message(
            QueueUrl=self.url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=once or body
        )

    def receive(self, wait: int = 0, url: str | None = None) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(
            QueueUrl=url or self.url, MaxNumberOfMessages=10, WaitTimeSeconds=wait, AttributeNames=["All"]
        )
        return list(answer.get("Messages", []))

    def bodies(self) -> list[str]:
        return [message["Body"] for message in self.receive()]

    def delete(self, message: dict[str, Any]) -> None:
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])


@pytest.fixture
def fifo(aws: AwsServices) -> Fifo:
    return Fifo(aws)


def test_repeated_message_is_dropped_even_after_it_was_deleted(fifo: Fifo) -> None:
    first = fifo.send("a", once="call-1")
    fifo.delete(fifo.receive()[0])
    again = fifo.send("a", once="call-1")
    assert again["MessageId"] == first["MessageId"]
    assert fifo.receive() == []


def test_deduplication_is_per_group(fifo: Fifo) -> None:
    fifo.send("a", group="one", once="call-1")
    fifo.send("b", group="two", once="call-1")
    assert sorted(fifo.bodies()) == ["a", "b"]


def test_deduplication_ends_after_five_minutes(fifo: Fifo, aws: AwsServices) -> None:
    fifo.send("a", once="call-1")
    fifo.delete(fifo.receive()[0])
    aws.advance_clock(301)
    fifo.send("a", once="call-1")
    assert fifo.bodies() == ["a"]


def test_messages_that_reappear_keep_their_order(fifo: Fifo, aws: AwsServices) -> None:
    for body in "abc":
        fifo.send(body)
    assert fifo.bodies() == ["a", "b", "c"]
    aws.advance_clock(61)
    assert fifo.bodies() == ["a", "b", "c"]


def test_sequence_numbers_grow(fifo: Fifo) -> None:
    numbers = [int(fifo.send(body)["SequenceNumber"]) for body in "abc"]
    assert numbers == sorted(numbers)


def test_message_received_too_often_is_a_dead_letter_that_can_be_read_at_once(
    fifo: Fifo, aws: AwsServices
) -> None:
    fifo.send("poison")
    for _ in range(2):
        assert fifo.bodies() == ["poison"]
        aws.advance_clock(61)
    assert fifo.bodies() == []
    assert [message["Body"] for message in fifo.receive(url=fifo.dead)] == ["poison"]


def test_long_poll_gets_what_is_sent_meanwhile(fifo: Fifo) -> None:
    with ThreadPoolExecutor() as pool:
        poll = pool.submit(fifo.receive, 20)
        fifo.send("late")
        assert [message["Body"] for message in poll.result(10)] == ["late"]


def test_wake_ends_a_long_poll(fifo: Fifo, aws: AwsServices) -> None:
    with ThreadPoolExecutor() as pool:
        poll = pool.submit(fifo.receive, 20)
        while not poll.done():
            aws.wake()
        assert poll.result() == []


def test_message_sent_while_others_are_deleted_is_not_lost(fifo: Fifo) -> None:
    def through(number: int) -> None:
        fifo.send(str(number), group=str(number))
        for message in fifo.receive():
            fifo.delete(message)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(through, range(40)))
    while rest := fifo.receive():
        for message in rest:
            fifo.delete(message)
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    left = fifo.sqs.get_queue_attributes(QueueUrl=fifo.url, AttributeNames=names)["Attributes"]
    assert set(left.values()) == {"0"}


def test_of_many_conditional_writes_one_succeeds(aws: AwsServices) -> None:
    table = aws.client("dynamodb")
    name = uuid.uuid4().hex
    table.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )

    def claim(number: int) -> bool:
        try:
            item = {"id": {"S": "call"}, "by": {"N": str(number)}}
            table.put_item(TableName=name, Item=item, ConditionExpression="attribute_not_exists(id)")
        except table.exceptions.ConditionalCheckFailedException:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(claim, range(32))) == 1


@pytest.fixture
def faulty(aws: AwsServices) -> Iterator[AwsServices]:
    yield aws
    aws.set_faults()


def test_fault_acts_on_the_operation_that_its_rule_names(fifo: Fifo, faulty: AwsServices) -> None:
    denied = {"status": 400, "body": {"__type": "AccessDenied"}}
    faulty.set_faults({"operation": "sqs:SendMessage", "contains": "bad", **denied})
    with pytest.raises(fifo.sqs.exceptions.ClientError, match="AccessDenied"):
        fifo.send("a bad one")
    fifo.send("a good one")
    assert fifo.bodies() == ["a good one"]
    assert [rule["fired"] for rule in faulty.faults()] == [1]


def test_work_can_be_done_and_never_answered(fifo: Fifo, faulty: AwsServices) -> None:
    faulty.set_faults({"operation": "sqs:Send*", "refuse": True, "after_work": True, "count": 1})
    fifo.send("kept")  # boto3 tries again
    assert fifo.bodies() == ["kept"]


def test_unknown_field_of_a_rule_is_an_error(faulty: AwsServices) -> None:
    with pytest.raises(ValueError, match="tarmac"):
        faulty.set_faults({"tarmac": "SQS"})
