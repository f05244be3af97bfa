"""The container's one connection to Mem0 Cloud: made at start, kept, checked, bounded in time.

It turns everything that can go wrong with Mem0 into a `Mem0Error` in words that a person can act on. It never
passes Mem0's own words on: they may hold what was sent.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import httpx

from shared import environment, logs, transport
from shared.credentials import Credentials, CredentialsError
from shared.mem0_client import MemoryClient, errors
from shared.memories import ForeignRowError, Memory, from_row

PAGE_SIZE = 200
"""The most rows that Mem0 returns at once. Source: Mem0's OpenAPI file."""
_MOST_PAGES = 100

T = TypeVar("T")


class Mem0Error(Exception):
    """Mem0 did not do what was asked; the message says what failed and what to do.

    Attributes:
        retryable: whether the same request may succeed later without anybody doing anything.
        retry_after: seconds that Mem0 asked us to wait, or None.
    """

    def __init__(self, message: str, *, retryable: bool = True, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after = retry_after


class RefusedKeyError(Mem0Error):
    """Mem0 does not accept the API key."""


class _OddAnswerError(Exception):
    """An answer of Mem0 does not have the shape that its API promises."""


class Mem0:
    """Mem0 Cloud as this container sees it. Every call, with connecting, ends within `MEM0_TIMEOUT`."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._host = os.environ.get("MEM0_HOST") or "https://api.mem0.ai"
        self.timeout = environment.number("MEM0_TIMEOUT", 5, least=0.1, most=60)
        self._client: MemoryClient | None = None
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Connect while the function initialises. A failure is logged; the next request tries again."""
        try:
            with transport.deadline(self.timeout):
                self._connected()
        except Mem0Error as error:
            logs.error("no connection to Mem0 at start", user_id=None, reason=str(error))

    def all_memories(self, user_id: str) -> list[Memory]:
        """All memories of `user_id`, newest first.

        Raises:
            Mem0Error: if they cannot be read in time.
        """

        def read(client: MemoryClient) -> list[object]:
            rows: list[object] = []
            for page in range(1, _MOST_PAGES + 1):
                answer = client.get_all(filters={"user_id": user_id}, page=page, page_size=PAGE_SIZE)
                rows += _results(answer)
                if not answer.get("next"):
                    break
            return rows

        memories = _own(self._call("get_all", user_id, read), user_id)
        return sorted(memories, key=lambda memory: memory.created, reverse=True)

    def search(self, user_id: str, query: str, limit: int) -> list[Memory]:
        """The `limit` memories of `user_id` that fit `query` best, best first.

        Raises:
            Mem0Error: if they cannot be found in time.
        """

        def find(client: MemoryClient) -> list[object]:
            return _results(client.search(query, filters={"user_id": user_id}, top_k=limit))

        return _own(self._call("search", user_id, find), user_id)[:limit]

    def has(self, user_id: str, metadata: Mapping[str, Any]) -> bool:
        """Whether a memory of `user_id` with this metadata is there already.

        Raises:
            Mem0Error: if that cannot be read in time.
        """
        filters = {"AND": [{"user_id": user_id}, *({"metadata": {key: metadata[key]}} for key in metadata)]}

        def look(client: MemoryClient) -> list[object]:
            return _results(client.get_all(filters=filters, page=1, page_size=1))

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

    def _call(self, operation: str, user_id: str, action: Callable[[MemoryClient], T]) -> T:
        """Do `action` within the deadline, and log how long Mem0 took over the `operation`."""
        started = time.monotonic()
        try:
            answer = self._with_new_key_if_refused(action)
        except Mem0Error as error:
            logs.warning(
                "Mem0 failed",
                user_id=user_id,
                operation=operation,
                reason=str(error),
                metrics={"Mem0Latency": _milliseconds_since(started), "Mem0Errors": 1},
            )
            raise
        elapsed = _milliseconds_since(started)
        logs.info("Mem0 answered", user_id=user_id, operation=operation, metrics={"Mem0Latency": elapsed})
        return answer

    def _with_new_key_if_refused(self, action: Callable[[MemoryClient], T]) -> T:
        with transport.deadline(self.timeout):
            try:
                return self._explained(lambda: action(self._connected()))
            except RefusedKeyError:
                # The key may have been rotated since the secret was read. Once, because it may also be wrong.
                if not self._credentials.refresh():
                    raise
                self._client = None
                return self._explained(lambda: action(self._connected()))

    def _connected(self) -> MemoryClient:
        with self._lock:
            try:
                key = self._credentials.text("MEM0_API_KEY")
            except CredentialsError as error:
                raise Mem0Error(str(error)) from None
            if self._client is None or self._client.api_key != key:
                self._client = None
                client = self._explained(
                    lambda: MemoryClient(
                        api_key=key, host=self._host, client=transport.new_client(self.timeout)
                    )
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
                    f" written. Correct {name} or MEM0_API_KEY in the secret.",
                    retryable=False,
                )

    def _explained(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except Mem0Error:
            raise
        except CredentialsError as error:
            raise Mem0Error(str(error)) from None
        except (
            errors.MemoryError,
            httpx.HTTPError,
            _OddAnswerError,
            ValueError,  # the constructor's way to report a status; also any answer that is not JSON
            AttributeError,  # the constructor's way to report a ping that is JSON, but no object
        ) as error:
            raise _explain(error, self._host, self.timeout) from None


def _milliseconds_since(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)


def _results(answer: object) -> list[object]:
    """The rows of an answer.

    Raises:
        _OddAnswerError: if it has no list of results.
    """
    if isinstance(answer, Mapping) and isinstance(answer.get("results"), list):
        return list(answer["results"])
    raise _OddAnswerError


def _own(rows: Sequence[object], user_id: str) -> list[Memory]:
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


def _explain(error: Exception, host: str, timeout: float) -> Mem0Error:
    """`error` of the library in words; its own words stay here."""
    cause = error.__context__ if isinstance(error, ValueError) else None
    if isinstance(cause, httpx.HTTPStatusError):  # the constructor's ping raises ValueError for any status
        return _for_status(cause.response.status_code, cause.response.headers.get("retry-after"))
    if isinstance(error, httpx.TimeoutException) or getattr(error, "error_code", "") == "NET_TIMEOUT":
        return Mem0Error(f"Mem0 did not answer within {timeout:g} seconds")
    if isinstance(error, httpx.HTTPError | errors.NetworkError):
        status = _status(error)
        return _for_status(status, None) if status else Mem0Error(f"Mem0 could not be reached at {host}")
    if isinstance(error, errors.MemoryError):
        return _for_status(_status(error), error.debug_info.get("retry_after"))
    return Mem0Error("Mem0 answered with something other than what its API promises")


def _status(error: Exception) -> int:
    status = getattr(error, "debug_info", {}).get("status_code", 0)
    return status if isinstance(status, int) else 0


def _for_status(status: int, retry_after: object) -> Mem0Error:
    if status in {401, 403}:
        return RefusedKeyError(
            f"Mem0 refused the API key (HTTP {status}): check MEM0_API_KEY in the secret", retryable=False
        )
    if status == 429:  # noqa: PLR2004
        wait = str(retry_after or "")
        return Mem0Error(
            "Mem0 refused the request because there are too many (HTTP 429): try later, or raise its limit",
            retry_after=float(wait) if wait.isdecimal() else None,
        )
    if status in {402, 413}:
        return Mem0Error(f"Mem0's quota is used up (HTTP {status}): raise the plan's limit")
    if 400 <= status < 500 and status != 408:  # noqa: PLR2004
        return Mem0Error(f"Mem0 rejected the request (HTTP {status})", retryable=False)
    return Mem0Error(f"Mem0 failed (HTTP {status}): try again later" if status else "Mem0 failed")
