"""Errors of Mem0, as `Mem0Error` with a message that says what to do.

Mem0's own messages are not passed on: they may hold what was sent.
"""

import httpx

from shared.errors import UnavailableError
from shared.mem0.library import errors

FAILURES = (
    errors.MemoryError,
    httpx.HTTPError,
    ValueError,  # any answer that is not JSON, or not of the shape that the API promises
    AttributeError,  # mem0's way to report an answer that is JSON, but no object
)
"""What the library raises when Mem0 cannot be reached, refuses, or answers nonsense."""


class Mem0Error(UnavailableError):
    """Mem0 did not do what was asked."""


class RefusedKeyError(Mem0Error):
    """Mem0 does not accept the API key."""


class OddAnswerError(ValueError):
    """An answer of Mem0 does not have the shape that its API promises."""


def to_mem0_error(error: Exception, host: str, timeout: float) -> Mem0Error:
    """`error` of the library as a `Mem0Error`."""
    if isinstance(error, httpx.TimeoutException) or getattr(error, "error_code", "") == "NET_TIMEOUT":
        return timed_out(timeout)
    if isinstance(error, httpx.HTTPStatusError):
        return for_status(error.response.status_code, error.response.headers.get("retry-after"))
    if isinstance(error, errors.MemoryError) and (status := error.debug_info.get("status_code")):
        return for_status(int(status), error.debug_info.get("retry_after"))
    if isinstance(error, httpx.HTTPError | errors.NetworkError):
        return unreachable(host)
    if isinstance(error, errors.MemoryError):
        return Mem0Error("Mem0 failed")
    return odd_answer()


def for_status(status: int, retry_after: object = None) -> Mem0Error:
    """What the HTTP status means, with the header `Retry-After` in seconds."""
    if status in {401, 403}:
        return RefusedKeyError(f"Mem0 refused the API key (HTTP {status}): check MEM0_API_KEY in the secret")
    if status == 429:  # noqa: PLR2004
        wait = str(retry_after or "")
        return Mem0Error(
            "Mem0 refused the request because there are too many (HTTP 429): try later, or raise its limit",
            retry_after=float(wait) if wait.isdecimal() else None,
        )
    if status in {402, 413}:
        return Mem0Error(f"Mem0's quota is used up (HTTP {status}): raise the plan's limit")
    if 400 <= status < 500 and status != 408:  # noqa: PLR2004
        return Mem0Error(f"Mem0 rejected the request (HTTP {status})", retryable=False)
    return Mem0Error(f"Mem0 failed (HTTP {status}): try again later")


def timed_out(timeout: float) -> Mem0Error:
    """Mem0 was silent for too long."""
    return Mem0Error(f"Mem0 did not answer within {timeout:g} seconds")


def unreachable(host: str) -> Mem0Error:
    """There is no connection to Mem0."""
    return Mem0Error(f"Mem0 could not be reached at {host}")


def odd_answer() -> Mem0Error:
    """Mem0 answered with something that its API does not know."""
    return Mem0Error("Mem0 answered with something other than what its API promises")
