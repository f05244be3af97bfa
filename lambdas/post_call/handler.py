"""PostCall: accepts finished calls from ElevenLabs, and remembers them from its own queue.

One function with two triggers: the webhook (POST /post-call) and the event source of the queue.
"""

import functools
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from post_call.call_queue import CallQueue
from post_call.webhook import Webhook
from shared.aws import AwsClient
from shared.credentials import Credentials
from shared.environment import Environment
from shared.http import Handler, endpoint

if TYPE_CHECKING:
    from post_call.worker import Worker


def build(variables: Mapping[str, str]) -> Handler:
    """PostCall's handler for a function with this environment: for API Gateway's events and for SQS's."""
    environment = Environment.parse(variables)
    aws = AwsClient(variables)
    credentials = Credentials(environment, aws)
    queue = CallQueue(environment, aws)
    answer = endpoint(Webhook(environment, credentials, queue).answer)

    @functools.cache
    def worker() -> "Worker":
        from post_call.worker import Worker  # noqa: PLC0415 - only the worker needs mem0: a webhook never waits for it

        return Worker(environment, credentials, aws, queue)

    def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
        records = event.get("Records")
        if isinstance(records, list) and "requestContext" not in event:
            return worker().process(records)
        return answer(event, context)

    return handler


lambda_handler = build(os.environ)
