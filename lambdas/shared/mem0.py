"""The container's one connection to Mem0 Cloud: made at start, kept, checked, bounded in time.

It turns everything that can go wrong with Mem0 into a `Mem0Error` in words that a person can act on. It never
passes Mem0's own words on: they may hold what was sent.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from shared import environment, logs, transport
from shared import mem0_listing as listing
from shared.credentials import Credentials, CredentialsError
from shared.mem0_client import MemoryClient
from shared.mem0_failures import FAILURES, Mem0Error, RefusedKeyError, explain
from shared.mem0_listing import PAGE_SIZE
from shared.memories import FACTUAL, ForeignRowError, Memory, from_row

_MOST_PAGES = 100
_SAME_CALL_SECONDS = 0.5  # between the end of a start and the call that it was for
_LEAST_SECONDS = 0.1  # what is left to a call whose start has used up everything: enough to fail in

T = TypeVar("T")


class Mem0:
    """Mem0 Cloud as this container sees it. Every call, with connecting, ends within `MEM0_TIMEOUT`."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._host = os.environ.get("MEM0_HOST") or "https://api.mem0.ai"
        self.timeout = environment.number("MEM0_TIMEOUT", 5, least=0.1, most=60)
        self._client: MemoryClient | None = None
        self._lock = threading.Lock()
        self._started: tuple[float, float] | None = None

    def prepare(self) -> None:
        """Connect while the function initialises. A failure is logged; the next request tries again.

        With SnapStart, what is done now is frozen into a snapshot and comes back in many containers, maybe
        days later. So the secret is read and the socket opened after the restore instead.
        """
        if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
            from snapshot_restore_py import register_after_restore  # noqa: PLC0415 - only there with SnapStart

            register_after_restore(self._prepare_now)
        else:
            self._prepare_now()

    def _prepare_now(self) -> None:
        began = time.monotonic()
        try:
            with transport.deadline(self.timeout):
                self._connected()
        except Mem0Error as error:
            logs.error("no connection to Mem0 at start", user_id=None, reason=str(error))
        self._started = began, time.monotonic()

    def _seconds(self) -> float:
        """What a call may take: the one for which the container was started has waited since its start."""
        started, self._started = self._started, None
        if started is None or time.monotonic() - started[1] > _SAME_CALL_SECONDS:
            return self.timeout
        return max(self.timeout - (started[1] - started[0]), _LEAST_SECONDS)

    def all_memories(self, user_id: str, *, enough: int | None = None) -> tuple[list[Memory], int]:
        """What is known of `user_id`, newest first, and how many memories there are.

        Up to 200 memories, that is all of them, in one request. Of more, the newest are read with one request
        more, whatever order Mem0 lists them in; only a list in no order at all is read to its end.

        Args:
            user_id: whose memories.
            enough: characters that the reader has room for. Of more than a page, only the newest memories are
                returned whose facts fill it; nothing older could be told.

        Raises:
            Mem0Error: if they cannot be read in time.
        """

        def read(client: MemoryClient) -> tuple[list[object], int]:
            filters: dict[str, Any] = {"user_id": user_id}
            answer = client.get_all(filters=filters, page=1, page_size=PAGE_SIZE)
            rows, count = listing.results(answer), answer.get("count")
            if not answer.get("next") or not isinstance(count, int):
                return rows, len(rows)
            order = listing.order(rows)
            if order < 0:  # newest first, as Mem0 does today: these are the last calls, now the last facts
                if enough is not None and (newest := listing.enough_of(rows, enough)):
                    return newest, count
                filters = {"AND": [filters, {"metadata": {"type": FACTUAL}}]}
                rows += listing.results(client.get_all(filters=filters, page=1, page_size=PAGE_SIZE))
            elif order > 0:
                page, size = listing.last_page(count)
                rows += listing.results(client.get_all(filters=filters, page=page, page_size=size))
            else:
                for page in range(2, min(-(-count // PAGE_SIZE), _MOST_PAGES) + 1):
                    rows += listing.results(client.get_all(filters=filters, page=page, page_size=PAGE_SIZE))
            return rows, count

        rows, count = self._call("get_all", user_id, read, carried=True)
        by_id = {listing.identity(row) or at: row for at, row in enumerate(rows)}
        memories = _own(by_id.values(), user_id)
        memories.sort(key=lambda memory: memory.created, reverse=True)
        return memories, count if count > PAGE_SIZE else len(memories)

    def search(self, user_id: str, query: str, limit: int) -> list[Memory]:
        """The `limit` memories of `user_id` that fit `query` best, best first.

        Raises:
            Mem0Error: if they cannot be found in time.
        """

        def find(client: MemoryClient) -> list[object]:
            return listing.results(client.search(query, filters={"user_id": user_id}, top_k=limit))

        return _own(self._call("search", user_id, find, carried=True), user_id)[:limit]

    def has(self, user_id: str, metadata: Mapping[str, Any]) -> bool:
        """Whether a memory of `user_id` with this metadata is there already.

        Raises:
            Mem0Error: if that cannot be read in time.
        """
        filters = {"AND": [{"user_id": user_id}, *({"metadata": {key: metadata[key]}} for key in metadata)]}

        def look(client: MemoryClient) -> list[object]:
            return listing.results(client.get_all(filters=filters, page=1, page_size=1))

        return bool(_own(self._call("get_all", user_id, look), user_id))

    def add(
        self,
        user_id: str,
        messages: Sequence[Mapping[str, str]],
        *,
        not_after: float | None = None,
        **options: Any,
    ) -> None:
        """Store `messages` for `user_id`. After a timeout it may or may not have happened.

        Args:
            user_id: whose memories they become.
            messages: `{"role": "user" | "assistant", "content": …}`.
            not_after: the unix time after which nothing may be sent any more.
            **options: `metadata`, `infer`, `timestamp` (unix seconds), `custom_instructions`.

        Raises:
            Mem0Error: if Mem0 refused them or did not answer in time.
        """
        # Never with agent_id: facts that the agent stated would leave the caller's memories.
        said = [dict(each) for each in messages]

        def store(client: MemoryClient) -> None:
            left = self.timeout if not_after is None else not_after - time.time()
            with transport.deadline(left):
                client.add(said, user_id=user_id, **options)

        self._call("add", user_id, store)

    def _call(
        self, operation: str, user_id: str, action: Callable[[MemoryClient], T], *, carried: bool = False
    ) -> T:
        """Do `action` within the deadline, and log how long Mem0 took over the `operation`.

        With `carried` the handler's own line tells it, because somebody waits.
        """
        started = time.monotonic()
        try:
            answer = self._with_new_key_if_refused(action)
        except Mem0Error as error:
            logs.warning(
                "Mem0 failed",
                user_id=user_id,
                operation=operation,
                reason=str(error),
                metrics={"Mem0Latency": logs.milliseconds_since(started), "Mem0Errors": 1},
            )
            raise
        metrics = {"Mem0Latency": logs.milliseconds_since(started)}
        if carried:
            logs.carry(metrics)
        else:
            logs.info("Mem0 answered", user_id=user_id, operation=operation, metrics=metrics)
        return answer

    def _with_new_key_if_refused(self, action: Callable[[MemoryClient], T]) -> T:
        with transport.deadline(self._seconds()):
            try:
                return self._explained(lambda: action(self._connected()))
            except RefusedKeyError:
                # The key may have been rotated since the secret was read. Once, because it may also be wrong.
                if not self._credentials.refresh(at_once=True):
                    raise
                return self._explained(lambda: action(self._connected()))

    def _key(self) -> str:
        return self._credentials.text("MEM0_API_KEY")

    def _connected(self) -> MemoryClient:
        with self._lock:
            key = self._explained(self._key)
            if self._client is None or self._client.api_key != key:
                self._client = None
                client = self._explained(
                    lambda: MemoryClient(api_key=key, host=self._host, client=transport.Client(self.timeout))
                )
                self._check_project(client)
                self._client = client
            return self._client

    def _check_project(self, client: MemoryClient) -> None:
        """Refuse a key of another project: memories in the wrong project are worse than none."""
        for name, actual in (("MEM0_ORG_ID", client.org_id), ("MEM0_PROJECT_ID", client.project_id)):
            expected = self._credentials.optional_text(name)
            if expected and expected != actual:
                raise Mem0Error(
                    f"{name} is {expected!r}, but the Mem0 API key belongs to {actual!r}: nothing was read or"
                    f" written. Correct {name} or MEM0_API_KEY in the secret."
                )

    def _explained(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except Mem0Error:
            raise
        except CredentialsError as error:
            raise Mem0Error(str(error)) from None
        except FAILURES as error:
            raise explain(error, self._host, self.timeout) from None


def _own(rows: Iterable[object], user_id: str) -> list[Memory]:
    """The memories in `rows` that belong to `user_id`. A row of anybody else never leaves this function."""
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
        logs.error(
            "Mem0 returned rows of another user; they were dropped",
            user_id=user_id,
            metrics={"ForeignRows": foreign},
        )
    return memories
