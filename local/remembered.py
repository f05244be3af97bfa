"""Looks into Mem0 to see what is remembered, without asking our own functions.

Why it exists: the story must not take a function's word for what was stored. This reads Mem0's HTTP
interface, so it works with the stand-in and with the real one.

It refuses to write or delete.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

import httpx

from local.endpoints import Endpoints

_PAGE: Final = 200
"""The most that Mem0 gives in one page."""

_POLL_SECONDS: Final = 0.2


class Mem0Error(Exception):
    """Mem0 could not be read; the message says what it answered and what to do."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """One memory as Mem0 holds it; ``kind`` is ``metadata.type``, ``created`` an ISO time."""

    text: str
    user_id: str
    kind: str
    conversation_id: str
    created: str


class Remembered:
    """Reads memories. ``close`` it, or use it as a context manager.

    Args:
        endpoints: names Mem0 and its key.
        sleep: waits between polls.
    """

    def __init__(self, endpoints: Endpoints, sleep: Callable[[float], None] = time.sleep) -> None:
        self._url = f"{endpoints.mem0_url.rstrip('/')}/v3/memories/"
        self._client = httpx.Client(
            headers={"Authorization": f"Token {endpoints.mem0_api_key}"}, trust_env=False, timeout=10
        )
        self._sleep = sleep

    def of_user(self, user_id: str) -> list[Memory]:
        """All memories of a user, newest first."""
        return self._read({"user_id": user_id})

    def of_conversation(self, conversation_id: str) -> list[Memory]:
        """All memories of a conversation, whoever they were filed under, newest first.

        The wildcard is right here and nowhere else: the question is who a call was remembered for.
        """
        return self._read({"AND": [{"user_id": "*"}, {"metadata": {"conversation_id": conversation_id}}]})

    def wait_for(self, conversation_id: str, kinds: frozenset[str], patience: float) -> list[Memory]:
        """The memories of a conversation once all kinds are there and no more arrive.

        Args:
            conversation_id: the conversation.
            kinds: the ``metadata.type`` values that must occur.
            patience: seconds until what is there is given back as it is.
        """
        deadline = time.monotonic() + patience
        before = -1
        while True:
            found = self.of_conversation(conversation_id)
            complete = kinds <= {memory.kind for memory in found} and len(found) == before
            if complete or time.monotonic() >= deadline:
                return found
            before = len(found)
            self._sleep(_POLL_SECONDS)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all connections."""
        self.close()

    def _read(self, filters: dict[str, Any]) -> list[Memory]:
        rows: list[dict[str, Any]] = []
        page = 0
        more = True
        while more:
            page += 1
            found = self._page(filters, page)
            rows += found["results"]
            more = bool(found.get("next"))
        return sorted((_memory(row) for row in rows), key=lambda memory: memory.created, reverse=True)

    def _page(self, filters: dict[str, Any], page: int) -> dict[str, Any]:
        try:
            answer = self._client.post(
                self._url, params={"page": page, "page_size": _PAGE}, json={"filters": filters}
            )
        except httpx.TransportError as error:
            raise Mem0Error(f"Mem0 at {self._url} cannot be reached: {error}. Is it running?") from error
        if answer.status_code != httpx.codes.OK:
            raise Mem0Error(f"Mem0 at {self._url} answered {answer.status_code}: {answer.text[:200]}")
        found: dict[str, Any] = answer.json()
        return found


def _memory(row: dict[str, Any]) -> Memory:
    metadata = row.get("metadata") or {}
    return Memory(
        text=str(row.get("memory") or ""),
        user_id=str(row.get("user_id") or ""),
        kind=str(metadata.get("type") or ""),
        conversation_id=str(metadata.get("conversation_id") or ""),
        created=str(row.get("created_at") or ""),
    )
