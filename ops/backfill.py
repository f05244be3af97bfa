"""Past conversations, remembered as if their webhooks came now: by PostCall's own code, through its queue.

Oldest first, so that later calls replace what earlier ones said. What the ledger or Mem0 knows already is
passed over; where this stands is recorded, so that it can be stopped.
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
from typing import Any, Self

from ops.deployment import Deployment
from ops.errors import OperatorError
from ops.mem0 import Mem0
from ops.records import Records
from ops.terminal import plain
from ops.workspace import Workspace, WorkspaceError
from post_call import intake, messages
from post_call.payload import TRANSCRIPTION, NotUnderstoodError
from post_call.record import CallRecord

MOST_WAITING = 20
"""Messages in the queue, whoever's they are, beyond which nothing is added: live calls are not held up."""

MOST_FAILED = 300
"""Conversations that may fail before it stops: what failed is kept, and an item of DynamoDB holds 400 KB."""

POLL_SECONDS = 0.25
PAGE = 100  # also DynamoDB's most for one BatchGetItem
_RECORD = "backfill"
_BEFORE = "remembered before"
_INTERRUPTED = "it was interrupted while it was queued"
_READERS = 4  # requests to ElevenLabs at a time
_AHEAD = 24  # conversations that are read before they are needed
_LONGEST_REASON = 500
_OF_ONE = (400, 409, 422, 500)  # statuses that are a matter of one conversation
_GONE = 404
Row = Mapping[str, Any]


def _ignore(_done: int) -> None:
    """Tell nobody."""


@dataclass
class Progress:
    """How far a backfill has come.

    Attributes:
        until: the start of the newest conversation that was dealt with, in unix seconds.
        newest: the conversations that began in that second and were dealt with.
        counts: of conversations: `queued`, `remembered before`, `left out`.
        reasons: of what was left out, with counts.
        failed: what could not be read, by conversation id, with why: the next run tries it again.
        operations: adds that Mem0 will do for what was queued.
    """

    until: int = 0
    newest: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)
    operations: int = 0

    def pass_by(self, conversation_id: str, start: int) -> None:
        """Note that a conversation was dealt with."""
        if start > self.until:
            self.until, self.newest = start, []
        if start == self.until:
            self.newest.append(conversation_id)


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
    """One backfill; a context manager.

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
        self._mem0 = Mem0.of(deployment)
        self._advance: Callable[[int], object] = _ignore
        self._retried = set[str]()
        self._room = 0  # messages that may be sent before the queue is looked at again
        self.progress = self._read_progress()

    def __enter__(self) -> Self:
        """Connections are opened when they are needed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection to Mem0."""
        self._mem0.__exit__()

    def count(self, advance: Callable[[int], object] = _ignore) -> int:
        """How many conversations are left; `advance` is told of each page."""
        total = len(self.progress.failed)
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
        for conversation_id, reason in list(self.progress.failed.items()):
            # Of a call in several messages Mem0 may know the first, though the others were not sent.
            read = functools.partial(self._read, conversation_id, again=reason == _INTERRUPTED)
            self._take(conversation_id, read)
            self._retried.add(conversation_id)

    def _deal_with(self, page: Sequence[Row], readers: ThreadPoolExecutor) -> None:
        ids = [str(row["conversation_id"]) for row in page]
        remembered = self._remembered(ids)
        reading = _Ahead(readers, self._read, [id_ for id_ in ids if id_ not in remembered | self._retried])
        for row, conversation_id in zip(page, ids, strict=True):
            if conversation_id in remembered - self._retried:
                self._note(_BEFORE)
            elif conversation_id not in self._retried:
                self._take(conversation_id, reading.next())
            self.progress.pass_by(conversation_id, _start(row))

    def _take(self, conversation_id: str, read: Callable[[], CallRecord | str]) -> None:
        """Queue one conversation, or note why not.

        Raises:
            WorkspaceError: for what is no matter of this conversation.
            OperatorError: if too many have failed.
        """
        failed = self.progress.failed
        try:
            found = read()
        except (WorkspaceError, NotUnderstoodError) as error:
            if isinstance(error, WorkspaceError) and error.status not in _OF_ONE:
                raise
            if len(failed) >= MOST_FAILED and conversation_id not in failed:
                raise OperatorError(
                    f"{len(failed)} conversations could not be read; the next one: {error}",
                    remedy="fix what they have in common, and run this again: it tries them anew",
                ) from None
            failed[conversation_id] = str(error)[:_LONGEST_REASON]
            self._advance(1)
            return
        if isinstance(found, CallRecord):
            self._queue(found)
            self._note("queued")
        elif found == _BEFORE:
            self._note(_BEFORE)
        else:
            self.progress.reasons[found] += 1
            self._note("left out")
        failed.pop(conversation_id, None)

    def _note(self, what: str) -> None:
        self.progress.counts[what] += 1
        self._advance(1)

    def _read(self, conversation_id: str, *, again: bool = False) -> CallRecord | str:
        """The call to remember, or why there is none; `again`, also if Mem0 holds something of it."""
        try:
            data = self._workspace.conversation(conversation_id)
        except WorkspaceError as error:
            if error.status == _GONE:
                return "it was deleted at ElevenLabs"
            raise
        metadata = _mapping(data.get("metadata"))
        if _mapping(metadata.get("deletion_settings")).get("deleted_transcript_at_time_unix_secs"):
            return "its transcript was deleted at ElevenLabs"
        if data.get("status") not in (None, "done"):
            return f"its status is {plain(data['status'])[:50]}"
        ended = _seconds(metadata.get("start_time_unix_secs")) + _seconds(metadata.get("call_duration_secs"))
        event = {"type": TRANSCRIPTION, "event_timestamp": ended, "data": data}
        read = intake.read(event, self._deployment.environment)
        if read.record and not again and self._is_in_mem0(read.record):
            return _BEFORE
        return read.record or read.reason

    def _is_in_mem0(self, record: CallRecord) -> bool:
        """Whether Mem0 holds the call, though the ledger does not know it any more: a row lasts 180 days."""
        known = self._mem0.memories(record.user_id, conversation_id=record.conversation_id)
        return next(known, None) is not None

    def _queue(self, record: CallRecord) -> None:
        self.progress.operations += len(self._deployment.environment.store_types)
        if self._dry_run:
            return
        self._wait_for_room()
        parts = messages.of_call(record)
        if len(parts) > 1:  # the ledger tells of the first alone whether it is remembered
            self.progress.failed[record.conversation_id] = _INTERRUPTED
            self._write_progress()
        for message in parts:
            self._sqs.send_message(
                QueueUrl=self._deployment.output("CallQueueUrl"),
                MessageBody=message.body,
                MessageGroupId=message.group_id,
                MessageDeduplicationId=message.deduplication_id,
            )
        self._room -= len(parts)

    def _wait_for_room(self) -> None:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        while self._room <= 0:
            attributes = self._sqs.get_queue_attributes(
                QueueUrl=self._deployment.output("CallQueueUrl"), AttributeNames=names
            )["Attributes"]
            self._room = MOST_WAITING - sum(int(attributes[name]) for name in names)
            if self._room <= 0:
                time.sleep(POLL_SECONDS)

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
        while page := list(itertools.islice(rows, PAGE)):
            yield page

    def _rows(self, agent: str | None) -> Iterator[Row]:
        """The conversations of one agent that are left, oldest first, each once.

        How long a cursor lives is not documented, and a page may take minutes: so each request begins at the
        time at which the one before it ended, unless all of that began in the same second.
        """
        after, cursor = max(self._selection.since, self.progress.until), ""
        seen = dict.fromkeys(self.progress.newest, self.progress.until)  # a page may hold them again
        while True:
            answer = self._workspace.get(
                "/v1/convai/conversations",
                {
                    "page_size": PAGE,
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
            seen |= {str(row["conversation_id"]): _start(row) for row in rows}
            last = _start(rows[-1])
            after, cursor = (last, "") if last > after else (after, str(answer.get("next_cursor") or ""))
            seen = {id_: start for id_, start in seen.items() if start >= after - 1}

    def _read_progress(self) -> Progress:
        found = {} if self._dry_run else self._records.read(self._selection.key())
        return Progress(
            until=found.get("until", 0),
            newest=list(found.get("newest", [])),
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
    return _seconds(row.get("start_time_unix_secs"))


def _seconds(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
