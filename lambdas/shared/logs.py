"""Structured logging: one JSON line for each event, with what is known of the request, and metrics in it.

Phone numbers are shortened below ERROR; no memory, transcript or key may be passed to these functions.
Source of the metrics' form: CloudWatch User Guide, "Embedded metric format".
"""

import contextvars
import logging
import os
import re
import time
import traceback
from typing import Any

NAMESPACE = "AgenticMemory"

_log = logging.getLogger("agentic_memory")
_log.setLevel(logging.INFO)
# Both would write a line of their own for what is reported here, without the user_id, and httpx with the full
# URL.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("mem0").setLevel(logging.CRITICAL)

_PHONE = re.compile(r"\+?[0-9]{7,15}")
_fields: contextvars.ContextVar[dict[str, Any]] = contextvars.ContextVar("fields")
_metrics: contextvars.ContextVar[dict[str, float]] = contextvars.ContextVar("metrics")


def start(**fields: Any) -> None:
    """Begin a request or a message, and forget what was known of the one before."""
    _fields.set({"user_id": None, **fields})
    _metrics.set({})


def bind(**fields: Any) -> None:
    """Add `fields` to every line of this request. What is None is left out, but for `user_id`."""
    _fields.set({**_fields.get({}), **fields})


def defer_metrics(**metrics: float) -> None:
    """Let the next line of this request bear `metrics`: a line of their own takes as long as all the rest."""
    _metrics.set({**_metrics.get({}), **metrics})


def info(message: str, *, metrics: dict[str, float] | None = None, **fields: Any) -> None:
    """Log what happened. Durations are in milliseconds and end in `_ms`."""
    _write(logging.INFO, message, metrics, fields)


def warning(message: str, *, metrics: dict[str, float] | None = None, **fields: Any) -> None:
    """Log what is odd but was dealt with."""
    _write(logging.WARNING, message, metrics, fields)


def error(message: str, *, metrics: dict[str, float] | None = None, **fields: Any) -> None:
    """Log what needs a person. The `user_id` is there and whole, `null` where the caller is not known."""
    _write(logging.ERROR, message, metrics, fields)


def defect(message: str, error_: BaseException) -> None:
    """Log an unexpected exception: its type and its place. Its text may hold what a caller said."""
    frames = traceback.extract_tb(error_.__traceback__)
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    _write(logging.ERROR, message, None, {"error_type": type(error_).__name__, "where": where})


def shorten(user_id: str) -> str:
    """A phone number as it may be in a log: `+1612•••2029`. Other ids as they are."""
    return f"{user_id[:5]}•••{user_id[-4:]}" if _PHONE.fullmatch(user_id) else user_id


def milliseconds_since(started: float) -> float:
    """How long ago `started` was, by `time.monotonic()`."""
    return round((time.monotonic() - started) * 1000, 1)


def _write(level: int, message: str, metrics: dict[str, float] | None, fields: dict[str, Any]) -> None:
    known = {**_fields.get({"user_id": None}), **fields}
    if level < logging.ERROR and known["user_id"]:
        known["user_id"] = shorten(known["user_id"])
    line = {key: value for key, value in known.items() if value is not None or key == "user_id"}
    deferred = _metrics.get({})
    if deferred:
        _metrics.set({})
    if all_metrics := {**deferred, **(metrics or {})}:
        line |= _embedded(all_metrics)
    _log.log(level, message, extra=line)


def _embedded(metrics: dict[str, float]) -> dict[str, Any]:
    """The keys that turn a log line into metrics of this function."""
    units = [
        {"Name": name, "Unit": "Milliseconds" if name.endswith("Latency") else "Count"} for name in metrics
    ]
    directive = {"Namespace": NAMESPACE, "Dimensions": [["FunctionName"]], "Metrics": units}
    return {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]},
        "FunctionName": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "local"),
        **metrics,
    }
