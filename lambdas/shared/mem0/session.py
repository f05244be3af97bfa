"""Calls to mem0's client: with the right key, within a deadline, and with errors in our own words."""

import http.client
import time
from collections.abc import Callable
from typing import TypeVar

import httpx

from shared import logs
from shared.credentials import Credentials, CredentialsError
from shared.http_client import deadline
from shared.mem0.connection import Mem0Connection, PingError
from shared.mem0.failures import (
    FAILURES,
    Mem0Error,
    OddAnswerError,
    RefusedKeyError,
    for_status,
    timed_out,
    to_mem0_error,
    unreachable,
)
from shared.mem0.library import MemoryClient
from shared.mem0.transport import Transport

T = TypeVar("T")


class Session:
    """mem0's client for the API key of now."""

    def __init__(self, connection: Mem0Connection, credentials: Credentials) -> None:
        self._connection = connection
        self._credentials = credentials
        self._client: MemoryClient | None = None

    def read(self, operation: str, action: Callable[[MemoryClient], T]) -> T:
        """What `action` reads, while the API key is checked: nothing leaves before that is passed.

        Raises:
            Mem0Error: if it cannot be read in time.
        """

        def read(client: MemoryClient) -> T:
            found = action(client)
            self._check_project(client.api_key)
            return found

        return self._timed(operation, read)

    def write(self, operation: str, action: Callable[[MemoryClient], T]) -> T:
        """What `action` returns, which writes: after the API key was checked, and not beside it.

        Raises:
            Mem0Error: if it fails, or does not end in time.
        """

        def write(client: MemoryClient) -> T:
            self._check_project(client.api_key)
            return action(client)

        return self._timed(operation, write)

    def _timed(self, operation: str, action: Callable[[MemoryClient], T]) -> T:
        """Do `action` within the deadline, with a new API key if Mem0 refuses ours."""
        started = time.monotonic()
        try:
            with deadline(self._connection.timeout):
                done = self._credentials.retry_with_new(
                    lambda: self._with_own_errors(action), RefusedKeyError, at_once=True
                )
        except Mem0Error as error:
            latency = {"Mem0Latency": logs.milliseconds_since(started), "Mem0Errors": 1}
            logs.warning("Mem0 failed", operation=operation, reason=str(error), metrics=latency)
            raise
        logs.defer_metrics(Mem0Latency=logs.milliseconds_since(started))
        return done

    def _with_own_errors(self, action: Callable[[MemoryClient], T]) -> T:
        try:
            return action(self._connected())
        except CredentialsError as error:
            raise Mem0Error(str(error)) from None
        except Mem0Error:
            raise
        except FAILURES as error:
            raise to_mem0_error(error, self._connection.host, self._connection.timeout) from None

    def _connected(self) -> MemoryClient:
        key = self._connection.api_key()
        if self._client is None or self._client.api_key != key:
            # No timeout of its own: every call has a deadline.
            client = httpx.Client(transport=Transport(self._connection.client), timeout=None, trust_env=False)  # noqa: S113
            self._client = MemoryClient(api_key=key, host=self._connection.host, client=client)
        return self._client

    def _check_project(self, key: str) -> None:
        """Refuse a key of another project: memories in the wrong project are worse than none."""
        try:
            owner = self._connection.owner(key)
        except PingError as error:
            if error.response.status == http.client.OK:
                raise OddAnswerError from None
            retry_after = dict(error.response.headers).get("retry-after")
            raise for_status(error.response.status, retry_after) from None
        except TimeoutError:
            raise timed_out(self._connection.timeout) from None
        except (OSError, http.client.HTTPException):
            raise unreachable(self._connection.host) from None
        for name, actual in (
            ("MEM0_ORG_ID", owner.get("org_id")),
            ("MEM0_PROJECT_ID", owner.get("project_id")),
        ):
            expected = self._credentials.optional_text(name)
            if expected and expected != actual:
                raise Mem0Error(
                    f"{name} is {expected!r}, but the Mem0 API key belongs to {actual!r}: nothing was read or"
                    f" written. Correct {name} or MEM0_API_KEY in the secret."
                )
