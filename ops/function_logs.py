"""What the functions of a stage logged, read from CloudWatch Logs."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from ops.deployment import Deployment


class LogLine(NamedTuple):
    """One line: when it was written, in unix seconds, and its fields."""

    at: float
    fields: dict[str, Any]


def read(
    deployment: Deployment, function: str, *, since: float, until: float | None = None, term: str = ""
) -> Iterator[LogLine]:
    """The lines of a function, oldest first; what is no JSON object is left out.

    Args:
        deployment: whose functions.
        function: `client-data`, `retrieve` or `post-call`.
        since: from when on, in unix seconds; older lines than the retention are gone.
        until: until when; None means until now.
        term: only lines that hold it, such as a conversation's id.
    """
    options: dict[str, Any] = {
        "logGroupName": f"/aws/lambda/agentic-memory-{deployment.stage}-{function}",
        "startTime": int(since * 1000),
    }
    if until is not None:
        options["endTime"] = int(until * 1000)
    if term:
        options["filterPattern"] = json.dumps(term)
    pages = deployment.client("logs").get_paginator("filter_log_events").paginate(**options)
    try:
        for page in pages:
            for event in page["events"]:
                try:
                    fields = json.loads(event["message"])
                except ValueError:
                    continue
                if isinstance(fields, dict):
                    yield LogLine(event["timestamp"] / 1000, fields)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":  # it has not logged yet
            raise
