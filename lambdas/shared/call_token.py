"""The call token: proof that a request to Retrieve belongs to a call that ClientData has answered.

It is stateless: the caller and the time, signed with a key derived from the workspace key.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence

LIFETIME_SECONDS = 2 * 3600
"""Longer than any call; a token that leaks is soon worth nothing."""

_SKEW_SECONDS = 60  # between the clocks of two functions
_SHAPE = re.compile(r"v1\.([0-9]{1,12})\.([A-Za-z0-9_=-]{0,512})\.([0-9a-f]{64})")


class BadTokenError(Exception):
    """The token proves nothing. The message says why, for the log only."""


class UnknownKeyError(BadTokenError):
    """The token is well-formed, but none of our keys made it."""


def issue(user_id: str, keys: Sequence[str], now: float) -> str:
    """A token for `user_id` (an empty string for an anonymous caller), issued at the unix time `now`.

    Args:
        user_id: the caller, as `CallerIds` gives it.
        keys: the workspace keys; the first signs.
        now: the current time in unix seconds.
    """
    claim = f"v1.{int(now)}.{base64.urlsafe_b64encode(user_id.encode()).decode()}"
    return f"{claim}.{_signature(claim, keys[0])}"


def verify(token: str, keys: Sequence[str], now: float) -> str:
    """The caller that `token` was issued for; an empty string for an anonymous one.

    Raises:
        UnknownKeyError: if it was made with another key, or for somebody else.
        BadTokenError: if it is malformed, expired, or from the future.
    """
    shape = _SHAPE.fullmatch(token)
    if not shape:
        raise BadTokenError("it is malformed")
    issued, encoded, signature = shape.groups()
    claim = token[: -len(signature) - 1]
    # Every key is tried, without a short cut, so that the time tells nothing about which one was close.
    if not any([hmac.compare_digest(signature, _signature(claim, key)) for key in keys]):  # noqa: C419
        raise UnknownKeyError("it was not signed with a key that we hold")
    age = now - int(issued)
    if not -_SKEW_SECONDS <= age <= LIFETIME_SECONDS:
        raise BadTokenError("it has expired" if age > 0 else "it is from the future")
    try:
        return base64.urlsafe_b64decode(encoded).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise BadTokenError("its caller cannot be read") from None


def _signature(claim: str, key: str) -> str:
    """Made with a derived key, so that a token never doubles as anything else the workspace key signs."""
    own_key = hmac.new(key.encode(), b"agentic-memory call token", hashlib.sha256).digest()
    return hmac.new(own_key, claim.encode(), hashlib.sha256).hexdigest()
