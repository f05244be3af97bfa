"""A quick selection of the reliability matrix, and what its tables are made of."""

from pathlib import Path

import pytest

from bench.reliability import crash
from bench.reliability.report import Results, Section
from local.aws.services import AwsServices
from local.lambda_host.toolchain import quiet
from tests.local.support import make_queue

QUICK = [
    place
    for place in crash.PLACES
    if place.step.startswith(("post_call.webhook:_enqueue", "post_call.ledger:Entry.finish", "shared.mem0"))
]


def test_instances_killed_at_the_worst_places_lose_and_double_nothing() -> None:
    section = crash.run(quiet, calls=1, places=QUICK, ways=["kill"])
    assert section.failures == []
    assert len(section.rows) == len(QUICK) + 1


def test_section_becomes_a_table_and_names_what_is_wrong() -> None:
    section = Section(key="k", title="T", about="About.")
    section.add("first", {"calls": 2, "lost": 0}, passed=True)
    section.add("second | odd", {"calls": 2, "twice": 1}, passed=False, remark="why")
    text = section.markdown()
    assert "| case | calls | lost | twice | result | remark |" in text
    assert "| second \\| odd | 2 |  | 1 | **WRONG** | why |" in text
    assert [row.case for row in section.failures] == ["second | odd"]


def test_newest_result_of_each_section_is_kept(tmp_path: Path) -> None:
    for title in ("old", "new"):
        section = Section(key="crash", title=title, about="")
        section.add("case", {"calls": 1}, passed=True)
        Results(tmp_path / "results.json").keep(section)
    found = Results(tmp_path / "results.json").sections(["size", "crash"])
    assert [(each.title, each.rows[0].figures) for each in found] == [("new", {"calls": 1})]


@pytest.fixture
def queue(aws: AwsServices) -> str:
    url, _, _ = make_queue(aws)
    return url


def send(aws: AwsServices, url: str, body: str) -> None:
    options = {"MessageGroupId": "g", "MessageDeduplicationId": body}
    aws.client("sqs").send_message(QueueUrl=url, MessageBody=body, **options)


def received(aws: AwsServices, url: str) -> list[str]:
    answer = aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [message["Body"] for message in answer.get("Messages", [])]


def test_aws_refuses_what_a_rule_names_and_nothing_else(aws: AwsServices, queue: str) -> None:
    aws.set_faults({"target": "SQS.SendMessage", "contains": ["bad"], "status": 400, "code": "AccessDenied"})
    try:
        with pytest.raises(aws.client("sqs").exceptions.ClientError, match="AccessDenied"):
            send(aws, queue, "a bad one")
        send(aws, queue, "a good one")
        assert received(aws, queue) == ["a good one"]
        assert [rule["fired"] for rule in aws.faults()] == [1]
    finally:
        aws.set_faults()


def test_aws_can_do_the_work_and_never_answer(aws: AwsServices, queue: str) -> None:
    aws.set_faults({"target": "SendMessage", "refuse": True, "after_work": True, "count": 1})
    try:
        send(aws, queue, "kept")  # boto3 tries again
        assert received(aws, queue) == ["kept"]
    finally:
        aws.set_faults()


def test_unknown_field_of_a_rule_is_an_error(aws: AwsServices) -> None:
    with pytest.raises(ValueError, match="refused"):
        aws.set_faults({"tarmac": "SQS"})
