"""Where calls and memories are read: ElevenLabs, the stage, and Mem0 as its functions see it."""

import datetime as dt
import functools
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from ops import function_logs
from ops.calls.lost import LostCalls
from ops.deployment import Deployment
from ops.errors import OperatorError
from ops.function_logs import LogLine
from ops.secret import Secret
from ops.workspace import Workspace
from shared.aws import AwsClient
from shared.caller import LONGEST_ID
from shared.credentials import Credentials
from shared.environment import Environment
from shared.errors import UnavailableError
from shared.mem0 import listing
from shared.mem0.connection import Mem0Connection
from shared.mem0.library import MemoryClient
from shared.mem0.session import Session
from shared.memory import ForeignRowError, Kind, Memory, from_row
from shared.text import plain_text

T = TypeVar("T")

PAGE_SIZE = 100
"""How many memories of a caller are shown at a time."""

_MOST_PAGES = 500


@dataclass(frozen=True, kw_only=True)
class StoredMemory:
    """One memory as it is in Mem0 now.

    Attributes:
        id: Mem0's.
        memory: as the functions read it.
        conversation_id: of the call that it comes from; empty if it does not say.
        agent_id: of that call; empty if it does not say.
        replaced_by: the id of the memory that replaced it; empty if it stands.
    """

    id: str
    memory: Memory
    conversation_id: str
    agent_id: str
    replaced_by: str = ""

    @property
    def text(self) -> str:
        """What is remembered, as plain text on one line."""
        return self.memory.text

    @property
    def kind(self) -> Kind:
        """`fact`, `passage` or `summary`."""
        return self.memory.kind

    @property
    def created(self) -> dt.datetime:
        """When the call was made in which it was said, in UTC."""
        return self.memory.created


class Sources:
    """A stage and a workspace, to be read by any number of threads; a context manager.

    Args:
        deployment: the stage.
        workspace: where its calls take place.
    """

    def __init__(self, deployment: Deployment, workspace: Workspace) -> None:
        self.deployment = deployment
        self.workspace = workspace
        # Made here: boto3's clients may be shared by threads, but not made by several at a time.
        self.dynamodb = deployment.client("dynamodb")
        self.sqs = deployment.client("sqs")
        self.lost_calls = LostCalls(deployment, self.sqs)
        credentials = Credentials(self.environment, AwsClient(self.variables))
        self._mem0 = Mem0Connection(self.environment, credentials)
        self._session = Session(self._mem0, credentials)
        self._log_lock = threading.Lock()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections to Mem0. Whoever opened the workspace closes it."""
        self.close()

    def close(self) -> None:
        """Close the connections to Mem0."""
        self._mem0.client.close()

    @functools.cached_property
    def variables(self) -> Mapping[str, str]:
        """The environment in which the functions' code runs here: theirs, with the secret's values in it.

        Raises:
            OperatorError: if there is no secret.
        """
        settings = self.deployment.environment
        values = Secret(self.deployment, settings.credentials_secret).read()
        if values is None:
            raise OperatorError(
                f"there is no secret {settings.credentials_secret}", remedy="run `amem secret`"
            )
        plain = {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()
        }
        return {**settings.variables, **plain}

    @functools.cached_property
    def environment(self) -> Environment:
        """The functions' settings."""
        return Environment.parse(self.variables)

    def memories(self, user_id: str, conversation_id: str = "") -> Iterator[StoredMemory]:
        """The memories of a caller in Mem0's order; only those of one call if it is named.

        Raises:
            OperatorError: if Mem0 cannot be read.
        """
        for page in range(1, _MOST_PAGES + 1):
            answer = self._list(user_id, conversation_id, page, listing.PAGE_SIZE)
            yield from stored(listing.results(answer), user_id)
            if not answer.get("next"):
                return

    def newest(self, user_id: str, number: int) -> tuple[list[StoredMemory], int]:
        """Page `number` (from 1) of a caller's memories, newest first, and how many memories there are.

        Mem0 does not say in which order it lists them; only a list in no order is read to its end.

        Raises:
            OperatorError: if Mem0 cannot be read.
        """
        answer = self._list(user_id, "", 1, PAGE_SIZE)
        rows, count = listing.results(answer), answer.get("count")
        order = listing.order(rows)
        last = -(-count // PAGE_SIZE) if isinstance(count, int) else 0
        if not answer.get("next") or not isinstance(count, int) or not order:
            found = list(stored(rows, user_id) if not answer.get("next") else self.memories(user_id))
            found.sort(key=lambda memory: memory.created, reverse=True)
            return found[(number - 1) * PAGE_SIZE : number * PAGE_SIZE], len(found)
        place = number if order < 0 else last - number + 1
        if not 1 <= place <= last:
            return [], count
        if place > 1:
            rows = listing.results(self._list(user_id, "", place, PAGE_SIZE))
        found = sorted(stored(rows, user_id), key=lambda memory: memory.created, reverse=True)
        return found, count

    def count(self, user_id: str, conversation_id: str) -> int:
        """How many memories of a caller come from one call.

        Raises:
            OperatorError: if Mem0 cannot be read.
        """
        count = self._list(user_id, conversation_id, 1, 1).get("count")
        return count if isinstance(count, int) else sum(1 for _ in self.memories(user_id, conversation_id))

    def search(self, user_id: str, query: str, limit: int) -> list[StoredMemory]:
        """What Mem0 offers for a query, best first.

        Raises:
            OperatorError: if Mem0 cannot be searched.
        """

        def find(client: MemoryClient) -> list[object]:
            return listing.results(
                client.search(query, filters={"user_id": user_id}, top_k=limit, threshold=0.0)
            )

        return list(stored(self._read("search", find), user_id))

    def log(self, function: str, term: str, *, since: dt.datetime) -> list[LogLine]:
        """The lines of a function that hold `term`, oldest first."""
        after = max(0.0, since.timestamp())  # of a call without a start, it is before 1970
        with self._log_lock:  # CloudWatch Logs allows few of these requests a second
            return list(function_logs.read(self.deployment, function, since=after, term=term))

    def _list(self, user_id: str, conversation_id: str, page: int, size: int) -> Mapping[str, Any]:
        filters: dict[str, Any] = {"user_id": user_id}
        if conversation_id:
            filters = {"AND": [filters, {"metadata": {"conversation_id": conversation_id}}]}

        def read(client: MemoryClient) -> Mapping[str, Any]:
            answer = client.get_all(filters=filters, page=page, page_size=size)
            listing.results(answer)
            return dict(answer)

        return self._read("get_all", read)

    def _read(self, operation: str, action: Callable[[MemoryClient], T]) -> T:
        try:
            return self._session.read(operation, action)
        except UnavailableError as error:
            raise OperatorError(str(error), remedy="try again in a minute, or run `amem doctor`") from None


def stored(rows: Iterable[object], user_id: str) -> Iterator[StoredMemory]:
    """The memories of `user_id` in rows of Mem0; rows of anybody else are dropped."""
    for row in rows:
        try:
            memory = from_row(row, user_id)
        except ForeignRowError:
            continue
        if memory and isinstance(row, dict):
            metadata = row.get("metadata")
            metadata = metadata if isinstance(metadata, dict) else {}
            yield StoredMemory(
                id=_text(row.get("id")),
                memory=memory,
                conversation_id=_text(metadata.get("conversation_id")),
                agent_id=_text(metadata.get("agent_id")),
                replaced_by=_text(row.get("replaced_by")),
            )


def _text(value: object) -> str:
    return plain_text(value, longest=LONGEST_ID) if isinstance(value, str) else ""
