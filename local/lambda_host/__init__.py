"""A Lambda host on this machine: Amazon's runtime client, real cold starts and freezes, Lambda's limits.

`LambdaHost` runs functions, `Gateway` puts API Gateway's HTTP API in front of one, `EventSource` feeds one
from an SQS queue.
"""

from local.lambda_host.event_source import EventSource
from local.lambda_host.gateway import Gateway, Throttle
from local.lambda_host.host import LambdaHost
from local.lambda_host.instance import Instance, Step
from local.lambda_host.model import FunctionSpec, InvocationResult, PayloadTooLargeError, ThrottledError

__all__ = [
    "EventSource",
    "FunctionSpec",
    "Gateway",
    "Instance",
    "InvocationResult",
    "LambdaHost",
    "PayloadTooLargeError",
    "Step",
    "Throttle",
    "ThrottledError",
]
