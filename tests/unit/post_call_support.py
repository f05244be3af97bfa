"""Calls for PostCall's worker, how they are delivered to it, and what became of them."""

from collections.abc import Mapping
from typing import Any

from local.mem0.server import Mem0StandIn
from post_call import messages
from post_call.record import CallRecord, Turn
from shared.http import Handler
from tests.unit.conftest import Aws

CALLER = "+16125550142"
START = 1_772_532_000


def call(conversation_id: str = "conv_1", user_id: str = CALLER, **changes: Any) -> CallRecord:
    values: dict[str, Any] = {
        "turns": (Turn("agent", "How can I help?"), Turn("user", "My tomatoes have brown spots on them.")),
        "summary": "The caller asked about tomatoes.",
        "collected": {"caller_name": "Maria"},
        **changes,
    }
    return CallRecord(
        conversation_id=conversation_id, agent_id="agent_1", user_id=user_id, call_start=START, **values
    )


def sqs_event(*calls: CallRecord | str, received: int = 1, receipt: str = "none") -> dict[str, Any]:
    records = []
    for number, content in enumerate(calls):
        message = messages.of_call(content)[0] if isinstance(content, CallRecord) else None
        records.append(
            {
                "messageId": f"m{number}",
                "body": message.body if message else content,
                "attributes": {
                    "MessageGroupId": message.group_id if message else "g",
                    "ApproximateReceiveCount": str(received),
                },
                "receiptHandle": receipt,
                "eventSource": "aws:sqs",
            }
        )
    return {"Records": records}


def failed(response: Mapping[str, Any]) -> list[str]:
    return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]


def work(handler: Handler, *calls: CallRecord | str) -> list[str]:
    """Deliver a batch; the messages that stay in the queue."""
    return failed(handler(sqs_event(*calls), None))


def work_until_mem0_is_done(handler: Handler, mem0: Mem0StandIn, *calls: CallRecord | str) -> list[str]:
    """Deliver a batch, and again when Mem0 has finished what it accepted; the messages that stay."""
    work(handler, *calls)
    assert mem0.settle()
    return work(handler, *calls)


def adds(mem0: Mem0StandIn) -> list[dict[str, Any]]:
    return [request["body"] for request in mem0.requests() if request["operation"] == "add"]


def types_added(mem0: Mem0StandIn) -> list[str]:
    return sorted(add["metadata"]["type"] for add in adds(mem0))


def reasons(aws: Aws) -> list[str]:
    """Why the messages in the dead-letter queue are there."""
    return [
        letter["MessageAttributes"]["reason"]["StringValue"] for letter in aws.received(aws.dead_letters_url)
    ]


def delays(aws_calls: list[tuple[str, Mapping[str, Any]]]) -> list[int]:
    return [asked["VisibilityTimeout"] for action, asked in aws_calls if action == "ChangeMessageVisibility"]
