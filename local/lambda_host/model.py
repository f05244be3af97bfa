"""What the parts of the Lambda host share: a function, an invocation and its result."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ACCOUNT = "123456789012"
REGION = "us-east-1"
# Lambda's payload limit for synchronous invocations, request and response each (AWS Lambda quotas; the exact
# number is the one in its error "Exceeded maximum allowed payload size (6291556 bytes)").
MAXIMUM_PAYLOAD_BYTES = 6_291_556


class ThrottledError(RuntimeError):
    """All instances that the reservation allows are busy: Lambda's TooManyRequestsException."""


class PayloadTooLargeError(ValueError):
    """The event exceeds what Lambda accepts in one invocation."""


@dataclass(frozen=True, kw_only=True)
class FunctionSpec:
    """What the host must know of one function."""

    name: str
    handler: str
    code: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float = 30.0
    memory_mb: int = 512
    reserved_concurrency: int | None = None
    snap_start: bool = False
    log_group: str = ""


@dataclass(frozen=True, kw_only=True)
class InvocationResult:
    """How one invocation ended. `error` is None or Lambda's error type, e.g. "Sandbox.Timedout"."""

    request_id: str
    payload: bytes
    error: str | None
    duration_ms: float
    init_ms: float | None
    pid: int | None

    def json(self) -> Any:
        """The payload as JSON."""
        return json.loads(self.payload)


class Invocation:
    """One event on its way through an instance."""

    def __init__(self, request_id: str, event: bytes) -> None:
        self.request_id = request_id
        self.event = event
        self.delivered: float | None = None
        self.result: InvocationResult | None = None
        self.done = threading.Event()

    def milliseconds(self) -> float:
        """Return the time since the instance got the event; 0 before that."""
        return 0.0 if self.delivered is None else (time.monotonic() - self.delivered) * 1000
