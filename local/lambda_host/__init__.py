"""A Lambda host on one machine: real runtime client, real cold starts, real freezes, Lambda's limits.

`LambdaHost` runs functions, `Gateway` puts API Gateway's HTTP API in front of one, `EventSource` feeds one
from an SQS queue. None of them knows AgenticMemory; local.system puts them together.
"""

from local.lambda_host.event_source import EventSource
from local.lambda_host.gateway import Gateway, PortTakenError, Throttle
from local.lambda_host.host import LambdaHost, payload_json
from local.lambda_host.instance import Instance
from local.lambda_host.model import (
    FunctionSpec,
    Outcome,
    PayloadTooLargeError,
    Step,
    ThrottledError,
)

__all__ = [
    "EventSource",
    "FunctionSpec",
    "Gateway",
    "Instance",
    "LambdaHost",
    "Outcome",
    "PayloadTooLargeError",
    "PortTakenError",
    "Step",
    "Throttle",
    "ThrottledError",
    "payload_json",
]
