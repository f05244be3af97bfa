"""What PostCall's worker finds in its queue: calls of every release, kept events, and nonsense."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local.mem0.server import Mem0StandIn
from post_call import messages
from tests.unit.conftest import SECRET_NAME, Aws, Build, Variables
from tests.unit.post_call_support import (
    CALLER,
    START,
    adds,
    call,
    reasons,
    types_added,
    work,
    work_until_mem0_is_done,
)

RELEASED = [
    json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "messages").glob("*.json"))
]


@pytest.mark.parametrize(
    "left", [{}, {"begun": {"SS": ["factual", "semantic"]}}, {"done": {"SS": ["factual"]}}]
)
@pytest.mark.parametrize("released", [example for example in RELEASED if "record" in example])
def test_call_that_an_earlier_release_queued_is_remembered(
    build: Build, mem0: Mem0StandIn, aws: Aws, released: dict[str, Any], left: dict[str, Any]
) -> None:
    """Whatever that release noted of it: its digest may have been made of another form."""
    if left:
        entry = {"conversation_id": {"S": released["key"]}, "digest": {"S": "of another form"}}
        aws.dynamodb.put_item(TableName="ledger", Item=entry | left | {"claimed_until": {"N": "1.5"}})
    assert work_until_mem0_is_done(build("post_call"), mem0, released["body"]) == []
    assert types_added(mem0) == (["semantic"] if "done" in left else ["factual", "semantic"])
    assert "closed_at" in aws.ledger_item(released["key"])
    assert work(build("post_call"), released["body"]) == []
    assert aws.received(aws.dead_letters_url) == []
    assert len(adds(mem0)) == (1 if "done" in left else 2)


@pytest.mark.parametrize("released", [example for example in RELEASED if "event" in example])
def test_event_that_an_earlier_release_kept_is_kept_again(
    build: Build, aws: Aws, released: dict[str, Any]
) -> None:
    assert work(build("post_call"), released["body"]) == []
    (letter,) = aws.received(aws.dead_letters_url)
    assert letter["Body"] == released["body"]


@pytest.mark.parametrize("body", ["no json", "{}", '{"z": "%"}', "[]", "null", '{"version": 2}'])
def test_message_that_is_no_call_goes_to_the_dead_letters_with_its_reason(
    build: Build, aws: Aws, body: str
) -> None:
    assert work(build("post_call"), body) == []
    (letter,) = aws.received(aws.dead_letters_url)
    assert letter["Body"] == body
    assert "no call record" in letter["MessageAttributes"]["reason"]["StringValue"]


@pytest.mark.parametrize(
    "wrong", [{"user_id": True}, {"call_start": "now"}, {"part": 1.5}, {"collected": []}, {"summary": None}]
)
def test_message_that_no_release_wrote_is_a_dead_letter(
    build: Build, aws: Aws, wrong: dict[str, Any]
) -> None:
    message = json.loads(messages.of_call(call())[0].body)
    message["record"] |= wrong
    assert work(build("post_call"), json.dumps(message)) == []
    assert "no call record" in reasons(aws)[0]


def test_call_stays_in_the_queue_if_even_the_dead_letters_cannot_be_reached(
    build: Build, variables: Variables
) -> None:
    handler = build("post_call")
    variables["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
    assert work(handler, "no json") == ["m0"]


def test_event_that_is_understood_by_now_is_remembered_when_it_is_moved_back(
    build: Build, mem0: Mem0StandIn, aws: Aws
) -> None:
    transcript = [{"role": "user", "message": "My tomatoes have brown spots on them."}]
    data = {
        "conversation_id": "conv_1",
        "agent_id": "agent_1",
        "transcript": transcript,
        "metadata": {"start_time_unix_secs": START, "phone_call": {"external_number": CALLER}},
    }
    event = {"type": "post_call_transcription", "event_timestamp": START, "data": data}
    handler = build("post_call")
    assert work(handler, messages.of_event(event).body) == []
    (queued,) = aws.received(aws.queue_url)
    assert work_until_mem0_is_done(handler, mem0, queued["Body"]) == []
    assert len(adds(mem0)) == 2


def test_event_that_is_still_not_understood_is_a_dead_letter_again(build: Build, aws: Aws) -> None:
    assert work(build("post_call"), messages.of_event({"type": "renamed"}).body) == []
    assert re.search("type", reasons(aws)[0])


def test_worker_needs_the_secret_only_once_with_the_webhook(
    build: Build, mem0: Mem0StandIn, aws: Aws, aws_calls: list[tuple[str, Mapping[str, Any]]]
) -> None:
    handler = build("post_call")
    work(handler, call("c1"))
    aws.secrets.delete_secret(SecretId=SECRET_NAME, ForceDeleteWithoutRecovery=True)
    work(handler, call("c2"))
    assert [action for action, _ in aws_calls].count("GetSecretValue") == 1
    assert len(adds(mem0)) == 4
