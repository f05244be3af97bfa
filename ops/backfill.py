"""Past conversations, remembered as if their webhooks came now: by PostCall's own code, through its queue.

Oldest first, so that later calls replace what earlier ones said. The ledger makes sure that each is
remembered once, whatever was remembered already; where this stands is recorded, so that it can be stopped.
"""

import functools
import heapq
import itertools
import json
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ops.deployment import Deployment
from ops.records import Records
from ops.workspace import Workspace, WorkspaceError
from post_call import intake, messages
from post_call.payload import TRANSCRIPTION, NotUnderstoodError
from post_call.record import CallRecord

MOST_WAITING = 20
"""Messages in the queue, whoever's they are, beyond which nothing is added: live calls are not held up."""

_RECORD = "backfill"
_READERS = 4  # requests to ElevenLabs at a time
_AHEAD = 24  # conversations that are read before they are needed
_PAGE = 100  # also DynamoDB's most for one BatchGetItem
_MOST_ERRORS = 1000  # that are kept
_POLL_SECONDS = 1.0
Row = Mapping[str, Any]


def _ignore(_done: int) -> None:
    """Tell nobody."""


@dataclass
class Progress:
    """How far a backfill has come.

    Attributes:
        until: the start of the newest conversation that was dealt with, in unix seconds.
        counts: of conversations: `queued`, `remembered before`, `left out`, `failed`.
        reasons: of what was left out, with counts.
        failed: what could not be read, by conversation id, with why: the next run tries it again.
        operations: adds that Mem0 will do for what was queued.
    """

    until: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)
    operations: int = 0


@dataclass(frozen=True)
class Selection:
    """Which conversations: those of `agents` (none: of all) that began from `since` to `until`.

    Both are unix seconds; without an `until`, now.
    """

    agents: Sequence[str]
    since: int = 0
    until: int | None = None

    def key(self) -> str:
        """The name of its record."""
        return f"{_RECORD} {json.dumps([sorted(self.agents), self.since, self.until])}"


class Backfill:
    """One backfill.

    Args:
        deployment: where the calls are remembered.
        workspace: where they took place.
        selection: which.
        dry_run: only count.
    """

    def __init__(
        self,
        deployment: Deployment,
        workspace: Workspace,
        selection: Selection,
        *,
        dry_run: bool = False,
    ) -> None:
        self._deployment = deployment
        self._workspace = workspace
        self._selection = selection
        self._until = int(time.time()) if selection.until is None else selection.until
        self._dry_run = dry_run
        self._records = Records(deployment)
        self._sqs = deployment.client("sqs")
        self._dynamodb = deployment.client("dynamodb")
        self._advance: Callable[[int], object] = _ignore
        self._room = 0  # messages that may be sent before the queue is looked at again
        self.progress = self._read_progress()

    def count(self, advance: Callable[[int], object] = _ignore) -> int:
        """How many conversations are left; `advance` is told of each page."""
        total = 0
        for page in self._pages():
            total += len(page)
            advance(len(page))
        return total

    def run(self, advance: Callable[[int], object] = _ignore) -> None:
        """Queue what is to be remembered. What was done is recorded, also if it is interrupted.

        Raises:
            WorkspaceError: if ElevenLabs cannot be reached, or refuses the key.
        """
        self._advance = advance
        try:
            with ThreadPoolExecutor(_READERS) as readers:
                try:
                    self._retry_failed()
                    for page in self._pages():
                        self._deal_with(page, readers)
                        self._write_progress()
                except BaseException:
                    readers.shutdown(wait=False, cancel_futures=True)
                    raise
        finally:
            self._write_progress()
        if not self._dry_run and not self.progress.failed:
            self._records.delete(self._selection.key())

    def _retry_failed(self) -> None:
        for conversation_id in list(self.progress.failed):
            del self.progress.failed[conversation_id]
            self.progress.counts["failed"] -= 1
            self._take(conversation_id, functools.partial(self._read, conversation_id), self.progress.until)

    def _deal_with(self, page: Sequence[Row], readers: ThreadPoolExecutor) -> None:
        ids = [str(row["conversation_id"]) for row in page]
        remembered = self._remembered(ids)
        reading = _Ahead(readers, self._read, [id_ for id_ in ids if id_ not in remembered])
        for row, conversation_id in zip(page, ids, strict=True):
            if conversation_id in remembered:
                self._note("remembered before", _start(row))
            else:
                self._take(conversation_id, reading.next(), _start(row))

    def _take(self, conversation_id: str, read: Callable[[], CallRecord | str], start: int) -> None:
        """Queue one conversation, or note why not."""
        try:
            found = read()
            if isinstance(found, CallRecord):
                self._queue(found)
                self._note("queued", start)
            else:
                self.progress.reasons[found] += 1
                self._note("left out", start)
        except (WorkspaceError, NotUnderstoodError) as error:
            if isinstance(error, WorkspaceError) and error.status in (0, 401, 403):
                raise  # that is no matter of this conversation
            if len(self.progress.failed) < _MOST_ERRORS:
                self.progress.failed[conversation_id] = str(error)
            self._note("failed", start)

    def _note(self, what: str, start: int) -> None:
        self.progress.counts[what] += 1
        self.progress.until = max(self.progress.until, start)
        self._advance(1)

    def _read(self, conversation_id: str) -> CallRecord | str:
        """The call to remember, or why there is none."""
        data = self._workspace.conversation(conversation_id)
        metadata = data.get("metadata") or {}
        if (metadata.get("deletion_settings") or {}).get("deleted_transcript_at_time_unix_secs"):
            return "its transcript was deleted at ElevenLabs"
        if data.get("status") not in (None, "done"):
            return f"its status is {data['status']}"
        ended = int(metadata.get("start_time_unix_secs") or 0) + int(metadata.get("call_duration_secs") or 0)
        event = {"type": TRANSCRIPTION, "event_timestamp": ended, "data": data}
        read = intake.read(event, self._deployment.environment)
        return read.record or read.reason

    def _queue(self, record: CallRecord) -> None:
        self.progress.operations += len(self._deployment.environment.store_types)
        if self._dry_run:
            return
        self._wait_for_room()
        for message in messages.of_call(record):
            self._sqs.send_message(
                QueueUrl=self._deployment.output("CallQueueUrl"),
                MessageBody=message.body,
                MessageGroupId=message.group_id,
                MessageDeduplicationId=message.deduplication_id,
            )
        self._room -= 1

    def _wait_for_room(self) -> None:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        while self._room <= 0:
            attributes = self._sqs.get_queue_attributes(
                QueueUrl=self._deployment.output("CallQueueUrl"), AttributeNames=names
            )["Attributes"]
            self._room = MOST_WAITING - sum(int(attributes[name]) for name in names)
            if self._room <= 0:
                time.sleep(_POLL_SECONDS)

    def _remembered(self, conversation_ids: Sequence[str]) -> set[str]:
        """Those that the ledger has as remembered."""
        table = self._deployment.output("LedgerTable")
        keys = [{"conversation_id": {"S": conversation_id}} for conversation_id in conversation_ids]
        found = set[str]()
        while keys:
            answer = self._dynamodb.batch_get_item(
                RequestItems={table: {"Keys": keys, "ProjectionExpression": "conversation_id, closed_at"}}
            )
            found |= {
                item["conversation_id"]["S"] for item in answer["Responses"][table] if "closed_at" in item
            }
            keys = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
        return found

    def _pages(self) -> Iterator[list[Row]]:
        """The conversations that are left, oldest first, a page at a time."""
        agents = self._selection.agents
        streams = [self._rows(agent) for agent in agents] if agents else [self._rows(None)]
        rows = heapq.merge(*streams, key=_start)
        while page := list(itertools.islice(rows, _PAGE)):
            yield page

    def _rows(self, agent: str | None) -> Iterator[Row]:
        """The conversations of one agent that are left, oldest first, each once.

        How long a cursor lives is not documented, and a page may take minutes: so each request begins at the
        time at which the one before it ended, unless all of that began in the same second.
        """
        after, cursor, seen = max(self._selection.since, self.progress.until), "", set[str]()
        while True:
            answer = self._workspace.get(
                "/v1/convai/conversations",
                {
                    "page_size": _PAGE,
                    "sort_direction": "asc",
                    "call_start_after_unix": after - 1,  # whether the limit itself is included is not known
                    "call_start_before_unix": self._until + 1,
                    **({"agent_id": agent} if agent else {}),
                    **({"cursor": cursor} if cursor else {}),
                },
            )
            rows = answer.get("conversations") or []
            for row in rows:
                if row["conversation_id"] not in seen and after <= _start(row) <= self._until:
                    yield row
            if not rows or not answer.get("has_more"):
                return
            seen = {*(seen if cursor else ()), *(str(row["conversation_id"]) for row in rows)}
            last = _start(rows[-1])
            after, cursor = (last, "") if last > after else (after, str(answer.get("next_cursor") or ""))

    def _read_progress(self) -> Progress:
        found = {} if self._dry_run else self._records.read(self._selection.key())
        return Progress(
            until=found.get("until", 0),
            counts=Counter(found.get("counts", {})),
            reasons=Counter(found.get("reasons", {})),
            failed=dict(found.get("failed", {})),
            operations=found.get("operations", 0),
        )

    def _write_progress(self) -> None:
        if not self._dry_run:
            self._records.write(self._selection.key(), vars(self.progress))


class _Ahead:
    """Reads conversations in their order, some of them before they are needed."""

    def __init__(
        self, readers: ThreadPoolExecutor, read: Callable[[str], CallRecord | str], ids: Sequence[str]
    ) -> None:
        futures = (readers.submit(read, conversation_id) for conversation_id in ids)
        self._futures = futures
        self._reading: deque[Future[CallRecord | str]] = deque(itertools.islice(futures, _AHEAD))

    def next(self) -> Callable[[], CallRecord | str]:
        """What reads the next conversation, and returns it when it is there."""
        self._reading.extend(itertools.islice(self._futures, 1))
        return self._reading.popleft().result


def _start(row: Row) -> int:
    return int(row.get("start_time_unix_secs") or 0)
