"""PostCall: takes finished calls in from ElevenLabs, and remembers them from its own queue.

One function with two doors, so that there is one thing to deploy and to watch: the webhook (POST /post-call),
which must answer at once, and the event source of the queue, which may take its time.
"""

from collections.abc import Mapping
from typing import Any

from post_call import webhook


def lambda_handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Answer a webhook (API Gateway payload 2.0), or process a batch of the queue (SQS event)."""
    records = event.get("Records")
    if isinstance(records, list) and "requestContext" not in event:
        # Only the worker needs Mem0's client: imported here, a webhook never waits for it.
        from post_call import worker  # noqa: PLC0415

        return worker.remember(records)
    return webhook.accept(event)
