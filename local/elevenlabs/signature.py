"""Signs a webhook as ElevenLabs does; code shared with `lambdas/` would share its mistakes."""

import hashlib
import hmac

HEADER = "ElevenLabs-Signature"


def sign(body: bytes, key: str, at: int) -> str:
    """Return the value of the `ElevenLabs-Signature` header.

    Args:
        body: the raw body, byte for byte as it will be sent.
        key: the webhook's secret.
        at: the time of signing in unix seconds.

    Returns:
        `t=<at>,v0=<hex>`, where the digest is HMAC-SHA256 over `"<at>."` and the body (`elevenlabs` 2.78.0,
        `webhooks_custom.py`).
    """
    digest = hmac.new(key.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v0={digest.hexdigest()}"
