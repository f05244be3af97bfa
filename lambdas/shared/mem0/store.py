"""The memories of callers in Mem0 Cloud: read, searched, added. Every call ends by a deadline."""

import http.client
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import httpx

from shared import logs
from shared.credentials import Credentials
from shared.http_client import deadline
from shared.mem0 import listing
from shared.mem0.connection import Mem0Connection
from shared.mem0.failures import Mem0Error, OddAnswerError
from shared.mem0.library import MemoryClient
from shared.mem0.session import Session
from shared.memory import FACTUAL, ForeignRowError, Memory, from_row

_MOST_PAGES = 100
_EVENT_PAGES = 5  # of the newest events, in which that of an add is looked for whose answer was lost

_EVENT_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


class Added(NamedTuple):
    """What became of an add: done, or still under way as the event `event_id`."""

    done: bool
    event_id: str = ""


class MemoryStore:
    """Mem0 Cloud as this container sees it."""

    def __init__(self, connection: Mem0Connection, credentials: Credentials) -> None:
        self._session = Session(connection, credentials)

    def all_memories(self, user_id: str) -> tuple[list[Memory], int]:
        """What is known of `user_id`, newest first, and how many memories there are.

        Up to 200 memories, that is all of them, in one request. Of more, the newest are read with one request
        more, whatever order Mem0 lists them in; only a list in no order at all is read to its end.

        Raises:
            Mem0Error: if they cannot be read in time.
        """

        def read(client: MemoryClient) -> tuple[list[object], int]:
            filters: dict[str, Any] = {"user_id": user_id}

            def page(number: int, size: int = listing.PAGE_SIZE) -> Any:
                return client.get_all(filters=filters, page=number, page_size=size)

            answer = page(1)
            rows, count = listing.results(answer), answer.get("count")
            if not answer.get("next") or not isinstance(count, int):
                return rows, len(rows)
            order = listing.order(rows)
            if order < 0:  # newest first, as Mem0 does today: these are the last calls, now the last facts
                filters = {"AND": [filters, {"metadata": {"type": FACTUAL}}]}
                rows += listing.results(page(1))
            elif order > 0:
                rows += listing.results(page(*listing.last_page(count)))
            else:
                for number in range(2, min(-(-count // listing.PAGE_SIZE), _MOST_PAGES) + 1):
                    rows += listing.results(page(number))
            return rows, count

        rows, count = self._session.read("get_all", read)
        memories = _owned(listing.without_repeats(rows), user_id)
        memories.sort(key=lambda memory: memory.created, reverse=True)
        return memories, count if count > listing.PAGE_SIZE else len(memories)

    def search(self, user_id: str, query: str, limit: int) -> list[Memory]:
        """The `limit` memories of `user_id` that fit `query` best, best first.

        Raises:
            Mem0Error: if they cannot be found in time.
        """

        def find(client: MemoryClient) -> list[object]:
            # All that there is: which of them fit is decided by how they compare.
            return listing.results(
                client.search(query, filters={"user_id": user_id}, top_k=limit, threshold=0.0)
            )

        return _owned(self._session.read("search", find), user_id)[:limit]

    def has(self, user_id: str, metadata: Mapping[str, Any]) -> bool:
        """Whether a memory of `user_id` with this metadata is there already.

        Raises:
            Mem0Error: if that cannot be read in time.
        """
        filters = {"AND": [{"user_id": user_id}, *({"metadata": {key: metadata[key]}} for key in metadata)]}

        def look(client: MemoryClient) -> list[object]:
            return listing.results(client.get_all(filters=filters, page=1, page_size=1))

        return bool(_owned(self._session.read("get_all", look), user_id))

    def add(
        self, user_id: str, messages: Sequence[Mapping[str, str]], *, not_after: float, **options: Any
    ) -> Added:
        """Store `messages` for `user_id`. After a timeout it may or may not have happened.

        Args:
            user_id: whose memories they become.
            messages: `{"role": "user" | "assistant", "content": …}`.
            not_after: the unix time after which nothing may be sent any more.
            **options: `metadata`, `infer`, `timestamp` (unix seconds), `custom_instructions`,
                `expiration_date`.

        Returns:
            Whether it is done; Mem0 infers facts after it has answered.

        Raises:
            Mem0Error: if Mem0 refused them, could not store them, or did not answer in time.
        """
        # Never with agent_id: facts that the agent stated would leave the caller's memories.
        plain = [dict(message) for message in messages]

        def store(client: MemoryClient) -> Added:
            with deadline(not_after - time.time()):
                return _added(client.add(plain, user_id=user_id, **options))

        return self._session.write("add", store)

    def event_status(self, event_id: str) -> str:
        """What became of an add: `PENDING`, `RUNNING`, `SUCCEEDED` or `FAILED`; empty of an unknown event.

        Raises:
            Mem0Error: if that cannot be read in time.
        """

        def ask(client: MemoryClient) -> str:
            # mem0ai has no method for events; its client carries the key.
            response = client.client.get(f"/v1/event/{event_id}/")
            if response.status_code == http.client.NOT_FOUND:
                return ""
            event = _json(response)
            if not isinstance(event.get("status"), str):
                raise OddAnswerError
            return str(event["status"])

        return self._session.read("event", ask)

    def find_event(self, user_id: str, metadata: Mapping[str, Any]) -> str:
        """The id of the newest add for `user_id` with this metadata that has not failed, or an empty string.

        Only the newest events are looked through, as far as they tell what was added.

        Raises:
            Mem0Error: if they cannot be read in time.
        """

        def find(client: MemoryClient) -> str:
            for page in range(1, _EVENT_PAGES + 1):
                answer = _json(client.client.get("/v1/events/", params={"page": page}))
                for event in listing.results(answer):
                    if _is_event_of(event, user_id, metadata):
                        return str(event["id"])  # type: ignore[index]  # _is_event_of looked
                if not answer.get("next"):
                    break
            return ""

        return self._session.read("events", find)


def _owned(rows: Iterable[object], user_id: str) -> list[Memory]:
    """The memories in `rows` that belong to `user_id`. Rows of other users are dropped."""
    memories = []
    foreign = 0
    for row in rows:
        try:
            memory = from_row(row, user_id)
        except ForeignRowError:
            foreign += 1
        else:
            if memory:
                memories.append(memory)
    if foreign:
        logs.error("Mem0 returned rows of another user; they were dropped", metrics={"ForeignRows": foreign})
    return memories


def _added(answer: object) -> Added:
    """What an answer to an add says.

    Raises:
        Mem0Error: if it says that the add failed.
        OddAnswerError: if it says neither.
    """
    if isinstance(answer, Mapping):
        status, event_id = answer.get("status"), answer.get("event_id")
        stored = status is None and isinstance(answer.get("results"), list) and answer["results"]
        if status == "SUCCEEDED" or stored:
            return Added(done=True)
        if status in {"PENDING", "RUNNING"} and isinstance(event_id, str) and _EVENT_ID.fullmatch(event_id):
            return Added(done=False, event_id=event_id)
        if status == "FAILED":
            raise Mem0Error("Mem0 could not store the memories (FAILED)")
    raise OddAnswerError


def _json(response: httpx.Response) -> Mapping[str, Any]:
    response.raise_for_status()
    value = response.json()
    if not isinstance(value, Mapping):
        raise OddAnswerError
    return value


def _is_event_of(event: object, user_id: str, metadata: Mapping[str, Any]) -> bool:
    """Whether an event is such an add and has not failed, as far as it tells what was added."""
    if not isinstance(event, Mapping) or not _EVENT_ID.fullmatch(str(event.get("id"))):
        return False
    payload = event.get("payload")
    if (
        event.get("event_type") != "ADD"
        or event.get("status") == "FAILED"
        or not isinstance(payload, Mapping)
    ):
        return False
    given = payload.get("metadata")
    return (
        payload.get("user_id") == user_id
        and isinstance(given, Mapping)
        and all(given.get(key) == value for key, value in metadata.items())
    )
