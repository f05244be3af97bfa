"""The queue of calls and its dead-letter queue, as PostCall uses them."""

from collections.abc import Iterable, Mapping
from typing import Any

from post_call.messages import Message
from shared.aws import SQS, AwsClient
from shared.environment import Environment

_LONGEST_DELAY = 43_200  # seconds; SQS's own limit


class CallQueue:
    """Sends calls to the queue, and deals with the messages that came out of it."""

    def __init__(self, environment: Environment, aws: AwsClient) -> None:
        self._url = environment.call_queue_url
        self._dead_letter_url = environment.dead_letter_queue_url
        self._aws = aws

    def send(self, messages: Iterable[Message]) -> None:
        """Queue `messages`, in order. SQS drops what it was sent within the last five minutes.

        Raises:
            AwsError: if one could not be queued.
        """
        for message in messages:
            self._send(self._url, message)

    def deliver_again(self, message: Mapping[str, Any], seconds: float) -> None:
        """Let the SQS record `message` be delivered again in so many seconds.

        Raises:
            AwsError: if that fails; then its visibility timeout does it.
        """
        parameters = {
            "QueueUrl": self._url,
            "ReceiptHandle": message.get("receiptHandle"),
            "VisibilityTimeout": min(int(seconds), _LONGEST_DELAY),
        }
        self._aws.call(SQS, "ChangeMessageVisibility", parameters)

    def move_to_dead_letters(self, message: Mapping[str, Any], reason: str) -> None:
        """Put a copy of the SQS record `message` into the dead-letter queue, with the reason.

        Raises:
            AwsError: if that fails.
        """
        group = str(attributes(message).get("MessageGroupId", "unknown"))
        self.keep(Message(str(message.get("body")), group, str(message.get("messageId"))), reason)

    def keep(self, message: Message, reason: str) -> None:
        """Put `message` into the dead-letter queue, with the reason.

        There each message is a group of its own, with the real one beside it: a person could not look at a
        caller's second message while the first is held.

        Raises:
            AwsError: if that fails.
        """
        alone = message._replace(group_id=message.deduplication_id)
        self._send(self._dead_letter_url, alone, reason=reason, group=message.group_id)

    def _send(self, url: str, message: Message, **told: str) -> None:
        parameters: dict[str, Any] = {
            "QueueUrl": url,
            "MessageBody": message.body,
            "MessageGroupId": message.group_id,
            "MessageDeduplicationId": message.deduplication_id,
        }
        if told:
            parameters["MessageAttributes"] = {
                name: {"DataType": "String", "StringValue": value} for name, value in told.items()
            }
        self._aws.call(SQS, "SendMessage", parameters)


def attributes(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The system attributes of an SQS record: its group, and how often it was received."""
    found = message.get("attributes")
    return found if isinstance(found, Mapping) else {}
