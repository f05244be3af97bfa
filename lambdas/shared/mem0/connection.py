"""The container's connection to Mem0: opened, and its API key checked, while mem0 is still being imported."""

import contextlib
import http.client
import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from shared.credentials import Credentials
from shared.environment import Environment
from shared.errors import UnavailableError
from shared.http_client import HttpClient, Response, deadline, seconds_left

PING = "/v1/ping/"
"""Tells which organization and project an API key belongs to. Source: Mem0's OpenAPI file."""

_EARLY_SHARE = (
    0.6  # of the time that is left, for a check that began before: its container may have been frozen
)


class Mem0Connection:
    """Where Mem0 is, and whose API key ours is.

    Attributes:
        host: the base URL.
        timeout: deadline of a whole call, in seconds.
        client: sends requests to it.
    """

    def __init__(self, environment: Environment, credentials: Credentials) -> None:
        self.host = environment.mem0_host
        self.timeout = environment.mem0_timeout
        self.client = HttpClient(self.host, self.timeout)
        self._credentials = credentials
        self._check: _KeyCheck | None = None

    def warm_up(self) -> None:
        """Begin to connect and to check the key, each in a thread. What fails is tried again when needed."""
        self._check = _KeyCheck(self, self.api_key)
        threading.Thread(target=self._open, name="mem0-connect", daemon=True).start()

    def api_key(self) -> str:
        """The API key.

        Raises:
            CredentialsError: if it is missing or cannot be read.
        """
        return self._credentials.text("MEM0_API_KEY")

    def owner(self, key: str) -> dict[str, Any]:
        """Whose `key` this is: `{"org_id": …, "project_id": …}`. Asked once, and again if that failed.

        Raises:
            PingError: if Mem0 answers with an error, or with nonsense.
            OSError, http.client.HTTPException, UnavailableError: if there is no answer in time.
        """
        if self._check:
            with (
                contextlib.suppress(OSError, http.client.HTTPException, UnavailableError, PingError),
                deadline(seconds_left(self.timeout) * _EARLY_SHARE),
            ):
                asked, owner = self._check.answer()
                if asked == key:
                    return owner
        self._check = _KeyCheck(self, lambda: key)
        return self._check.answer()[1]

    def _open(self) -> None:
        with contextlib.suppress(OSError), deadline(self.timeout):
            self.client.open_connection()


class PingError(Exception):
    """Mem0 answered with an error status, or with 200 and no JSON object."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"HTTP {response.status}")
        self.response = response


def _owner(response: Response) -> dict[str, Any]:
    try:
        owner = json.loads(response.body)
    except ValueError:
        owner = None
    if response.status != http.client.OK or not isinstance(owner, dict):
        raise PingError(response)
    return owner


class _KeyCheck:
    """A ping that is under way from the moment that this is made."""

    def __init__(self, connection: Mem0Connection, find_key: Callable[[], str]) -> None:
        self._answer: tuple[str, dict[str, Any]] | Exception = TimeoutError("deadline exceeded")
        self._thread = threading.Thread(
            target=self._ask, args=(connection, find_key), name="mem0-key-check", daemon=True
        )
        self._thread.start()

    def answer(self) -> tuple[str, dict[str, Any]]:
        """The key, and whose it is."""
        self._thread.join(seconds_left(threading.TIMEOUT_MAX))
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    def _ask(self, connection: Mem0Connection, find_key: Callable[[], str]) -> None:
        url = urlsplit(connection.host)
        try:
            with deadline(connection.timeout):
                key = find_key()
                headers = {"host": url.netloc, "authorization": f"Token {key}", "accept": "application/json"}
                response = connection.client.request("GET", url.path + PING, headers, repeatable=True)
                self._answer = key, _owner(response)
        except Exception as error:  # noqa: BLE001 - raised where the answer is waited for
            self._answer = error
