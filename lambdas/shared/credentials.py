"""The five credentials: from the environment, else from the secret, which is read at run time and cached.

They are never logged, and never part of an error: an error names the missing key and where it belongs.
"""

import json
import os
import time
from collections.abc import Callable
from typing import Any

from shared import aws, environment, logs

CACHE_SECONDS = environment.number("CREDENTIALS_CACHE_SECONDS", 300, least=1, most=3600)
"""How long a rotated secret may still be in use here."""
_REFRESHES = 5  # in a row, and then ...
_REFRESH_SECONDS = 2.0  # ... one more every so often
_RETRY_SECONDS = 10.0  # after a failed refresh, while the old values are still served
_REFRESH_TIMEOUT = 1.0  # of a refresh: who has the old values lets no caller wait for new ones

KEYS = (
    "MEM0_API_KEY",
    "MEM0_ORG_ID",
    "MEM0_PROJECT_ID",
    "ELEVENLABS_WORKSPACE_KEY",
    "ELEVENLABS_HMAC_KEY",
)


class CredentialsError(Exception):
    """A credential is missing or cannot be read. The message names it and the remedy, never a value."""


class Credentials:
    """Reads and caches the credentials of one container. An environment variable of the same name wins.

    Attributes:
        stale: whether the secret could not be read anew when it should have been.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._secret: dict[str, Any] | None = None
        self._expires = 0.0
        self._refreshes_left = float(_REFRESHES)
        self._asked_at = clock()
        self.stale = False

    def text(self, name: str) -> str:
        """The credential `name`, which must be there.

        Raises:
            CredentialsError: if it is missing, not a string, or the secret cannot be read.
        """
        value = self.optional_text(name)
        if not value:
            raise self._missing(name)
        return value

    def optional_text(self, name: str) -> str:
        """The credential `name`, or an empty string."""
        value = self._value(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise CredentialsError(f"{name} in the secret {_secret_name()!r} must be a string")
        return value

    def keys(self, name: str) -> list[str]:
        """The credential `name`, which may be one key or, while it is rotated, several.

        Raises:
            CredentialsError: if there is none, or the secret cannot be read.
        """
        value = self._value(name)
        if isinstance(value, str) and value.lstrip().startswith("["):
            try:
                value = json.loads(value)
            except ValueError:
                raise CredentialsError(f"{name} starts like a JSON list and is none") from None
        listed = value if isinstance(value, list) else [value]
        keys = [key for key in listed if isinstance(key, str) and key]
        if not keys or len(keys) != len(listed):
            raise self._missing(name)
        return keys

    def refresh(self, *, at_once: bool = False) -> bool:
        """Read the secret anew at the next question, because what it says did not fit.

        A key that was rotated a moment ago is known so before the cache runs out. A few times in a row, then
        once every two seconds, so that a flood of wrong keys is no flood of requests to Secrets Manager.

        Args:
            at_once: however lately it was read: when Mem0 refuses our key, which no stranger can bring about.

        Returns:
            Whether the next question may get another answer.
        """
        now = self._clock()
        earned = (now - self._asked_at) / _REFRESH_SECONDS
        self._refreshes_left = min(_REFRESHES, self._refreshes_left + earned)
        self._asked_at = now
        if self._secret is None or (self._refreshes_left < 1 and not at_once):
            return False
        self._refreshes_left -= 1
        self._expires = 0.0
        return True

    def _value(self, name: str) -> Any:
        return os.environ[name] if name in os.environ else self._read().get(name)

    def _missing(self, name: str) -> CredentialsError:
        self._expires = 0.0  # whoever mends the secret need not wait for the cache
        return CredentialsError(f"{name} is missing or empty in the secret {_secret_name()!r}: set it there")

    def _read(self) -> dict[str, Any]:
        now = self._clock()
        if self._secret is not None and now < self._expires:
            return self._secret
        try:
            self._secret = _fetch(once_within=None if self._secret is None else _REFRESH_TIMEOUT)
            self._expires = now + CACHE_SECONDS
            self.stale = False
        except CredentialsError as failure:
            if self._secret is None:
                raise
            # Calls go on with what was right a moment ago, rather than stop with Secrets Manager.
            self.stale = True
            self._expires = self._clock() + _RETRY_SECONDS
            logs.error("secret could not be refreshed", user_id=None, reason=str(failure))
        return self._secret


def _secret_name() -> str:
    return os.environ.get("CREDENTIALS_SECRET", "")


def _fetch(*, once_within: float | None) -> dict[str, Any]:
    name = _secret_name()
    if not name:
        # Everything may be in the environment; then nobody asks for more than what is optional.
        return {}
    try:
        answer = aws.call(aws.SECRETS_MANAGER, "GetSecretValue", {"SecretId": name}, once_within=once_within)
    except aws.AwsError as error:
        raise CredentialsError(f"the secret {name!r} cannot be read: {error}") from None
    try:
        secret = json.loads(answer.get("SecretString") or "")
    except ValueError:
        secret = None
    if not isinstance(secret, dict):
        raise CredentialsError(f"the secret {name!r} must be a JSON object with the keys {', '.join(KEYS)}")
    return secret
