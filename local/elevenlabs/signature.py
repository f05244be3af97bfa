"""Signs a webhook as ElevenLabs signs it.

Why it exists: the receiving side has its own code for this in ``lambdas/``. A signature made by the code
under test would agree with it in error too; so this is a second implementation, held against the official
SDK in the tests.

It refuses to verify: that is the receiver's work.
"""

import hashlib
import hmac
from typing import Final

HEADER: Final = "ElevenLabs-Signature"


def sign(body: bytes, key: str, at: int) -> str:
    """The value of the ``ElevenLabs-Signature`` header.

    Args:
        body: the raw body, byte for byte as it will be sent.
        key: the webhook's secret.
        at: the time of signing in unix seconds.

    Returns:
        ``t=<at>,v0=<hex>``, where the digest is HMAC-SHA256 over ``"<at>."`` and the body
        (``elevenlabs`` 2.78.0, ``webhooks_custom.py``).
    """
    digest = hmac.new(key.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v0={digest.hexdigest()}"
