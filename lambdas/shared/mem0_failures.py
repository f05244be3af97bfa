"""What can go wrong with Mem0, in words that a person can act on.

Mem0's own words are never passed on: they may hold what was sent.
"""

import httpx

from shared.mem0_client import errors

FAILURES = (
    errors.MemoryError,
    httpx.HTTPError,
    ValueError,  # the constructor's way to report a status; also any answer that is not JSON
    AttributeError,  # the constructor's way to report a ping that is JSON, but no object
)
"""What the library raises when Mem0 cannot be reached, refuses, or answers nonsense."""


class Mem0Error(Exception):
    """Mem0 did not do what was asked; the message says what failed and what to do.

    Attributes:
        retryable: whether the same request may succeed later without anybody doing anything.
        retry_after: seconds that Mem0 asked us to wait, or None.
    """

    def __init__(self, message: str, *, retryable: bool = True, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after = retry_after


class RefusedKeyError(Mem0Error):
    """Mem0 does not accept the API key."""


class OddAnswerError(ValueError):
    """An answer of Mem0 does not have the shape that its API promises."""


def explain(error: Exception, host: str, timeout: float) -> Mem0Error:
    """`error` of the library in words; its own words stay here."""
    cause = error.__context__ if isinstance(error, ValueError) else None
    if isinstance(cause, httpx.HTTPStatusError):  # the constructor's ping raises ValueError for any status
        return _for_status(cause.response.status_code, cause.response.headers.get("retry-after"))
    if isinstance(error, httpx.TimeoutException) or getattr(error, "error_code", "") == "NET_TIMEOUT":
        return Mem0Error(f"Mem0 did not answer within {timeout:g} seconds")
    if isinstance(error, httpx.HTTPError | errors.NetworkError):
        status = _status(error)
        return _for_status(status, None) if status else Mem0Error(f"Mem0 could not be reached at {host}")
    if isinstance(error, errors.MemoryError):
        return _for_status(_status(error), error.debug_info.get("retry_after"))
    return Mem0Error("Mem0 answered with something other than what its API promises")


def _status(error: Exception) -> int:
    status = getattr(error, "debug_info", {}).get("status_code", 0)
    return status if isinstance(status, int) else 0


def _for_status(status: int, retry_after: object) -> Mem0Error:
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
    return Mem0Error(f"Mem0 failed (HTTP {status}): try again later" if status else "Mem0 failed")
