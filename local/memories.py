"""Reads what Mem0 (the stand-in or the real one) holds, without asking our functions."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import httpx

from local.endpoints import Endpoints

PAGE_SIZE = 200  # the most that Mem0 gives in one page
POLL_SECONDS = 0.2


class ReadError(Exception):
    """Mem0 could not be read; the message says what it answered."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """One memory as Mem0 holds it; `kind` is `metadata.type`, `created` an ISO time."""

    text: str
    user_id: str
    kind: str
    conversation_id: str
    created: str


class Memories:
    """Mem0's memories. `close` it, or use it as a context manager."""

    def __init__(self, endpoints: Endpoints, sleep: Callable[[float], None] = time.sleep) -> None:
        self._url = f"{endpoints.mem0_url.rstrip('/')}/v3/memories/"
        headers = {"Authorization": f"Token {endpoints.mem0_api_key}"}
        self._client = httpx.Client(headers=headers, trust_env=False, timeout=10)
        self._sleep = sleep

    def of_conversation(self, conversation_id: str) -> list[Memory]:
        """All memories of a conversation, newest first, whichever user they were stored for."""
        filters = {"AND": [{"user_id": "*"}, {"metadata": {"conversation_id": conversation_id}}]}
        rows: list[dict[str, Any]] = []
        page: dict[str, Any] = {"next": True}
        number = 0
        while page.get("next"):
            number += 1
            page = self._page({"filters": filters}, number)
            rows += page["results"]
        return sorted((_memory(row) for row in rows), key=lambda memory: memory.created, reverse=True)

    def wait_for(self, conversation_id: str, kinds: frozenset[str], patience: float) -> list[Memory]:
        """The memories of a conversation once all kinds (`metadata.type`) are there and no more arrive.

        After `patience` seconds, what is there is returned as it is.
        """
        deadline = time.monotonic() + patience
        before = -1
        while True:
            found = self.of_conversation(conversation_id)
            complete = kinds <= {memory.kind for memory in found} and len(found) == before
            if complete or time.monotonic() >= deadline:
                return found
            before = len(found)
            self._sleep(POLL_SECONDS)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all connections."""
        self.close()

    def _page(self, body: dict[str, Any], number: int) -> dict[str, Any]:
        try:
            answer = self._client.post(self._url, params={"page": number, "page_size": PAGE_SIZE}, json=body)
        except httpx.TransportError as error:
            raise ReadError(f"Mem0 at {self._url} cannot be reached: {error}") from error
        if answer.status_code != httpx.codes.OK:
            raise ReadError(f"Mem0 at {self._url} answered {answer.status_code}: {answer.text[:200]}")
        page: dict[str, Any] = answer.json()
        return page


def _memory(row: dict[str, Any]) -> Memory:
    metadata = row.get("metadata") or {}
    return Memory(
        text=str(row.get("memory") or ""),
        user_id=str(row.get("user_id") or ""),
        kind=str(metadata.get("type") or ""),
        conversation_id=str(metadata.get("conversation_id") or ""),
        created=str(row.get("created_at") or ""),
    )
