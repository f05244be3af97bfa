"""Verifies the `ElevenLabs-Signature` header: `t=<unix seconds>,v0=<HMAC-SHA256 of "<t>.<raw body>">`.

Stricter than the `elevenlabs` SDK 2.78.0: constant time, no timestamp from the future, and every `v0` is
tried. Source: ElevenLabs docs, "Webhooks", and the SDK's `construct_event`.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence

TOLERANCE_SECONDS = 30 * 60
"""How far `t` may lie from now, in both directions. Source: the official SDK."""

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_DIGEST = re.compile(r"v0=[0-9a-f]{64}")
_MOST_PARTS = 16


class BadSignatureError(Exception):
    """The header does not prove where the body comes from. The message says why, for the log only."""


class UnknownKeyError(BadSignatureError):
    """The header is well-formed and recent, but none of our keys made it."""


def check_header(signature: str, now: float) -> None:
    """Check what can be checked without the body, so that a flood of unsigned bodies costs little.

    Raises:
        BadSignatureError: if the header is missing, malformed, too old or from the future.
    """
    timestamp, _ = _parse(signature)
    if abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        raise BadSignatureError("its timestamp is more than 30 minutes away from now")


def verify(signature: str, body: bytes, keys: Sequence[str], now: float) -> None:
    """Check that `body` was signed with one of `keys`, and lately.

    Args:
        signature: the header's value; several headers may have been joined by commas.
        body: the raw bytes of the request.
        keys: the secrets that are accepted: one, or two while they are rotated.
        now: the current time in unix seconds.

    Raises:
        UnknownKeyError: if it was made with another key, or for another body.
        BadSignatureError: if it is missing, malformed, too old or from the future.
    """
    check_header(signature, now)
    timestamp, digests = _parse(signature)
    signed = timestamp.encode() + b"." + body
    expected = [hmac.new(key.encode(), signed, hashlib.sha256).hexdigest().encode() for key in keys if key]
    # Every pair is compared, without a short cut, so that the time tells nothing about which one was close.
    matches = [hmac.compare_digest(digest, right) for digest in digests for right in expected]
    if not any(matches):
        raise UnknownKeyError("no v0 matches the body under a key that we hold")


def _parse(signature: str) -> tuple[str, list[bytes]]:
    if not signature:
        raise BadSignatureError("the header is missing")
    parts = [part.strip() for part in signature.split(",")]
    if len(parts) > _MOST_PARTS:
        raise BadSignatureError("it has too many parts")
    timestamps = {part[2:] for part in parts if part.startswith("t=")}
    digests = [part[3:].encode() for part in parts if _DIGEST.fullmatch(part)]
    if len(timestamps) != 1:
        raise BadSignatureError("it has no t=" if not timestamps else "it has several different t=")
    if not digests:
        raise BadSignatureError("it has no v0= with 64 hexadecimal digits")
    timestamp = timestamps.pop()
    if not _TIMESTAMP.fullmatch(timestamp):
        raise BadSignatureError("its t= is no unix time")
    return timestamp, digests
