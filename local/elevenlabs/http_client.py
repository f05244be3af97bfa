"""Sends what the simulated ElevenLabs sends. No connection is kept: ElevenLabs sends from many machines."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import httpx

TIMEOUT = "timeout"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What one request came to.

    `status` is None when no answer came; then `problem` is `timeout` or the words of the failure.
    """

    status: int | None
    text: str = ""
    problem: str = ""
    milliseconds: float = 0.0

    def __str__(self) -> str:
        """Status or problem, for people."""
        return str(self.status) if self.status is not None else self.problem


class HttpClient:
    """Sends requests. Safe to be used by several threads; `close` it, or use it as a context manager."""

    def __init__(self) -> None:
        # A client for each thread: with hundreds on one, now and then a socket was closed under another.
        self._of_thread = threading.local()
        self._clients: list[httpx.Client] = []
        self._tls = httpx.create_ssl_context()

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Reply:
        """POST a raw JSON body, see `send`."""
        return self.send("POST", url, body, headers, timeout=timeout)

    def send(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], *, timeout: float
    ) -> Reply:
        """Send a raw JSON body; `timeout` is seconds for connecting, and for each read.

        What the other side does is never an exception.
        """
        began = time.perf_counter()
        status, text, problem = None, "", ""
        try:
            answer = self._client().request(
                method,
                url,
                content=body,
                headers={"Content-Type": "application/json", **headers},
                timeout=timeout,
            )
            status, text = answer.status_code, answer.text
        except httpx.TimeoutException:
            problem = TIMEOUT
        except httpx.TransportError as error:
            problem = str(error) or type(error).__name__
        milliseconds = (time.perf_counter() - began) * 1000
        return Reply(status=status, text=text, problem=problem, milliseconds=milliseconds)

    def close(self) -> None:
        """Close all connections."""
        while self._clients:
            self._clients.pop().close()

    def _client(self) -> httpx.Client:
        found: httpx.Client | None = getattr(self._of_thread, "client", None)
        if found is None:
            # No proxy and no .netrc from the environment: what is called is on this machine, or is ours.
            limits = httpx.Limits(max_keepalive_connections=0)
            found = httpx.Client(trust_env=False, verify=self._tls, limits=limits)
            self._of_thread.client = found
            self._clients.append(found)
        return found

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all connections."""
        self.close()
