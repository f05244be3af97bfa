"""The five credentials: from the environment, else from the secret, which is read at run time and cached.

A value is never logged and never part of an error.
"""

import json
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from shared import logs
from shared.aws import SECRETS_MANAGER, AwsClient, AwsError
from shared.environment import Environment
from shared.errors import UnavailableError
from shared.http_client import deadline

_REFRESHES = 5  # in a row, and then ...
_REFRESH_SECONDS = 2.0  # ... one more every so often
_RETRY_SECONDS = 10.0  # after a failed refresh, while the old values are still used
_REFRESH_TIMEOUT = 1.0  # of a refresh: where old values are there, no caller waits long for new ones

KEYS = (
    "MEM0_API_KEY",
    "MEM0_ORG_ID",
    "MEM0_PROJECT_ID",
    "ELEVENLABS_WORKSPACE_KEY",
    "ELEVENLABS_HMAC_KEY",
)

T = TypeVar("T")


class CredentialsError(UnavailableError):
    """A credential is missing or cannot be read. The message names it and the remedy, never a value."""


class Credentials:
    """Reads and caches the credentials of one container. An environment variable of the same name wins.

    Attributes:
        stale: whether the secret could not be read again when it should have been.
    """

    def __init__(
        self, environment: Environment, aws: AwsClient, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._variables = environment.variables
        self._name = environment.credentials_secret
        self._cache_seconds = environment.credentials_cache
        self._aws = aws
        self._clock = clock
        self._secret: dict[str, Any] | None = None
        self._expires = 0.0
        self._refreshes_left = float(_REFRESHES)
        self._asked_at = clock()
        self._lock = threading.Lock()
        self.stale = False

    def text(self, name: str) -> str:
        """The credential `name`, which must be there, and is sent as a header.

        Raises:
            CredentialsError: if it is missing, no plain string, or the secret cannot be read.
        """
        value = self.optional_text(name)
        if not value:
            raise self._missing(name)
        if not value.isascii():
            raise CredentialsError(f"{name} in the secret {self._name!r} holds a character that no key has")
        return value

    def optional_text(self, name: str) -> str:
        """The credential `name`, or an empty string."""
        value = self._value(name)
        return "" if value is None else self._plain(name, value)

    def keys(self, name: str) -> list[str]:
        """The credential `name`, which may be one key or, while it is rotated, several.

        Empty entries of a list do not count.

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
        keys = [key for item in listed if item is not None and (key := self._plain(name, item))]
        if not keys:
            raise self._missing(name)
        return keys

    def retry_with_new(
        self, attempt: Callable[[], T], refused: type[Exception], *, at_once: bool = False
    ) -> T:
        """What `attempt` returns; if it raises `refused`, what it returns with credentials read again.

        A key that was rotated a moment ago works so before the cache runs out. The secret is read again a few
        times in a row, then once every two seconds, so that a flood of wrong keys is no flood of requests.

        Args:
            attempt: uses credentials.
            refused: what it raises if they do not fit.
            at_once: read again however lately that was done: when Mem0 refuses our key, which no stranger
                causes.
        """
        try:
            return attempt()
        except refused:
            if not self._refresh(at_once=at_once):
                raise
            return attempt()

    def _refresh(self, *, at_once: bool) -> bool:
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
        return self._variables[name] if name in self._variables else self._read().get(name)

    def _plain(self, name: str, value: object) -> str:
        """A key as it is meant: a line feed that `echo` or an editor left at its end is no part of it."""
        if not isinstance(value, str):
            raise CredentialsError(f"{name} in the secret {self._name!r} must be a string")
        if not value.strip().isprintable():
            raise CredentialsError(
                f"{name} in the secret {self._name!r} holds a line break or control character"
            )
        return value.strip()

    def _missing(self, name: str) -> CredentialsError:
        self._expires = 0.0  # so that a fixed secret is used at once
        return CredentialsError(f"{name} is missing or empty in the secret {self._name!r}: set it there")

    def _read(self) -> dict[str, Any]:
        with self._lock:  # one thread reads, the others wait for what it finds
            if self._secret is not None and self._clock() < self._expires:
                return self._secret
            try:
                self._secret = self._fetch(hurry=self._secret is not None)
                self._expires = self._clock() + self._cache_seconds
                self.stale = False
            except CredentialsError as failure:
                if self._secret is None:
                    raise
                # Calls go on with what was right a moment ago, rather than stop with Secrets Manager.
                self.stale = True
                self._expires = self._clock() + _RETRY_SECONDS
                logs.error("secret could not be refreshed", reason=str(failure))
            return self._secret

    def _fetch(self, *, hurry: bool) -> dict[str, Any]:
        if not self._name:
            # Everything may be in the environment.
            return {}
        try:
            with deadline(_REFRESH_TIMEOUT if hurry else float("inf")):
                answer = self._aws.call(SECRETS_MANAGER, "GetSecretValue", {"SecretId": self._name})
        except AwsError as error:
            raise CredentialsError(f"the secret {self._name!r} cannot be read: {error}") from None
        try:
            secret = json.loads(answer.get("SecretString") or "")
        except ValueError:
            secret = None
        if not isinstance(secret, dict):
            raise CredentialsError(
                f"the secret {self._name!r} must be a JSON object with the keys {', '.join(KEYS)}"
            )
        return secret
