"""One JSON line per thing worth knowing.

The functions use Lambda's own JSON log format: the runtime turns the `extra` fields of a stdlib record into
keys of the line. So there is no formatter here, only the rules of what may be in a line: phone numbers are
shortened below ERROR, and no memory text, transcript or key is ever passed to these functions.

Metrics ride on the same lines, in CloudWatch's embedded metric format: CloudWatch reads them out of the log,
so that no request waits for a second service. Source: CloudWatch User Guide, "Embedded metric format".
"""

import logging
import os
import re
import threading
import time
from collections.abc import Mapping
from typing import Any

NAMESPACE = "AgenticMemory"

_log = logging.getLogger("agentic_memory")
_log.setLevel(logging.INFO)

# Both would write a line of their own for what we report ourselves, without the user_id, and httpx with the
# full URL.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("mem0").setLevel(logging.CRITICAL)

Metrics = Mapping[str, float]
"""Values by the metric's name; a name that ends in `Latency` is in milliseconds, the others are counts."""

_pending = threading.local()

_PHONE = re.compile(r"\+?[0-9]{7,15}")


def shorten(user_id: str) -> str:
    """A phone number that tells callers apart in a log without being one: `+1612•••2029`.

    Ids that are no phone numbers are returned as they are.
    """
    return f"{user_id[:5]}•••{user_id[-4:]}" if _PHONE.fullmatch(user_id) else user_id


def milliseconds_since(started: float) -> float:
    """How long ago `started` was, by `time.monotonic()`."""
    return round((time.monotonic() - started) * 1000, 1)


def carry(metrics: Metrics) -> None:
    """Let the next line of this thread carry `metrics`: a line of their own takes as long as all the rest."""
    _pending.__dict__.setdefault("metrics", {}).update(metrics)


def info(message: str, *, user_id: str | None = None, metrics: Metrics | None = None, **fields: Any) -> None:
    """Log what happened. `user_id` is shortened; durations are in milliseconds and end in `_ms`."""
    _log.info(message, extra=_extra(user_id and shorten(user_id), metrics, fields))


def warning(
    message: str, *, user_id: str | None = None, metrics: Metrics | None = None, **fields: Any
) -> None:
    """Log what is odd but was dealt with. `user_id` is shortened."""
    _log.warning(message, extra=_extra(user_id and shorten(user_id), metrics, fields))


def error(
    message: str,
    *,
    user_id: str | None,
    exc_info: bool = False,
    metrics: Metrics | None = None,
    **fields: Any,
) -> None:
    """Log what needs a person. The full `user_id` is always there, `null` where the caller is not known.

    Args:
        message: what failed.
        user_id: whom it concerns.
        exc_info: whether to add the stack trace of the exception being handled. Only for defects of ours:
            the text of an exception from outside may hold what must not be logged.
        metrics: what CloudWatch is to count or average, by name.
        **fields: more keys of the line.
    """
    _log.error(message, extra=_extra(user_id, metrics, fields), exc_info=exc_info)


def _extra(user_id: str | None, metrics: Metrics | None, fields: dict[str, Any]) -> dict[str, Any]:
    extra = {"user_id": user_id, **{key: value for key, value in fields.items() if value is not None}}
    if carried := _pending.__dict__.pop("metrics", None):
        metrics = {**carried, **(metrics or {})}
    return extra | _embedded(metrics) if metrics else extra


def _embedded(metrics: Metrics) -> dict[str, Any]:
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
