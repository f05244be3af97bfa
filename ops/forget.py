"""Forgets a caller: memories, messages, ledger rows and, if asked for, conversations at ElevenLabs.

First it is noted that the caller is forgotten, so that no worker adds anything of an earlier call any more;
then what is under way is waited for; then everything is deleted and counted again. Each step may be repeated:
a run that was killed is finished by the next.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from ops import dead_letters
from ops.callers import conversation_filters
from ops.deployment import Deployment
from ops.errors import OperatorError
from ops.ledger import NEVER, CallerLedger, is_claimed
from ops.mem0 import UNFINISHED, Mem0, checked
from ops.records import Records
from ops.workspace import Workspace, WorkspaceError
from post_call import messages, payload
from post_call.payload import NotUnderstoodError

WAIT_SECONDS = 600.0
"""How long is waited for claims, extractions and deletions, each."""

POLL_SECONDS = 0.5
_ROUNDS = 2  # of deleting: Mem0 deletes in the background, and may finish an extraction meanwhile
PAUSE_SECONDS = 1.0
_QUERY = "what is known of this caller"
Say = Callable[[str], None]


@dataclass
class Receipt:
    """What was deleted, without any content.

    Attributes:
        caller: a keyed digest of the caller; `Forget.signature` computes it again.
        at: when it was done, in unix seconds.
        before: memories, counted by listing and by searching.
        after: the same, at the end.
        events: Mem0's ids of the deletions.
        dead_letters: messages that were deleted.
        ledger_rows: rows that were deleted.
        conversations: that were deleted at ElevenLabs; None if that was not asked for.
        queued: messages in the queue, whoever's they are; the worker drops those of this caller.
        remembered_again: whether a later call begins anew.
        seconds: how long it took.
        unproven: what could not be proven, and needs another run.
    """

    caller: str
    at: int
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    dead_letters: int = 0
    ledger_rows: int = 0
    conversations: int | None = None
    queued: int = 0
    remembered_again: bool = True
    seconds: float = 0.0
    unproven: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The receipt as a JSON object."""
        return asdict(self)


class Forget:
    """Forgets one caller; a context manager.

    Args:
        deployment: where.
        user_id: whom.
        workspace: where conversations are deleted too; None leaves them.
        never_again: whether later calls leave nothing either.
        say: is told what is waited for.
    """

    def __init__(
        self,
        deployment: Deployment,
        user_id: str,
        *,
        workspace: Workspace | None = None,
        never_again: bool = False,
        say: Say = lambda _text: None,
    ) -> None:
        self._deployment = deployment
        self._user_id = checked(user_id)
        self._workspace = workspace
        self._never_again = never_again
        self._say = say
        self._ledger = CallerLedger(deployment, user_id)
        self._receipt = Receipt(self.signature(), int(time.time()))

    def __enter__(self) -> Self:
        """Open Mem0."""
        self._mem0 = Mem0.of(self._deployment)
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._mem0.__exit__()

    def counts(self) -> dict[str, int]:
        """What there is, for a dry run: memories, dead letters, ledger rows, conversations."""
        with dead_letters.Reader(*self._dead_letter_queue) as reader:
            letters = sum(self._is_theirs(letter.body) for letter in reader.read())
        found = {
            "memories": self._listed(),
            "dead letters": letters,
            "ledger rows": sum(1 for _ in self._ledger.rows()),
        }
        return found | ({"conversations": sum(1 for _ in self._conversations())} if self._workspace else {})

    def run(self) -> Receipt:
        """Do it, or finish it.

        Raises:
            OperatorError: if something cannot be reached; the next run goes on.
        """
        started = time.monotonic()
        receipt = self._receipt
        self._ledger.forget_until(NEVER if self._never_again else time.time())
        receipt.remembered_again = self._ledger.forgotten_until() < NEVER
        self._wait_for_workers()
        receipt.before = self._counted()
        for _ in range(_ROUNDS):
            self._delete_memories()
        receipt.dead_letters = self._delete_dead_letters()
        receipt.ledger_rows = self._delete_rows()
        if self._workspace:
            receipt.conversations = self._delete_conversations(self._workspace)
        receipt.after = self._counted()
        if any(receipt.after.values()):
            receipt.unproven.append("memories are left: run this again")
        if self._mem0.entity(self._user_id) or self._mem0.profile(self._user_id):
            receipt.unproven.append("Mem0 still lists the caller as a user: run this again in a minute")
        _, held = dead_letters.count(*self._dead_letter_queue)
        if held:
            receipt.unproven.append(
                f"{held} dead letters are held by another command: run this again in 15 minutes"
            )
        sqs, queue_url = self._deployment.client("sqs"), self._deployment.output("CallQueueUrl")
        receipt.queued = sum(dead_letters.count(sqs, queue_url))
        receipt.seconds = round(time.monotonic() - started, 1)
        return receipt

    def signature(self) -> str:
        """The keyed digest of the caller that receipts of this stage bear."""
        records = Records(self._deployment)
        key = records.read("receipts").get("key")
        if not key:
            key = secrets.token_hex(32)
            records.write("receipts", {"key": key})
        return hmac.new(bytes.fromhex(key), self._user_id.encode(), hashlib.sha256).hexdigest()

    def _wait_for_workers(self) -> None:
        """Wait until no worker holds a call of the caller, and Mem0 extracts nothing of them any more."""
        self._until(
            lambda: not any(map(is_claimed, self._ledger.rows())), "workers to finish calls of the caller"
        )
        noted = {
            str(value)
            for row in self._ledger.rows()
            for name, value in row.items()
            if name.startswith("event_")
        }
        self._until(
            lambda: (
                not self._mem0.unfinished(self._user_id)
                and not any(self._mem0.event_status(event_id) in UNFINISHED for event_id in noted)
            ),
            "Mem0 to finish extractions of the caller",
        )

    def _delete_memories(self) -> None:
        self._finish(self._mem0.delete_all(self._user_id))
        for row in list(self._mem0.memories(self._user_id)):
            self._mem0.delete(str(row["id"]))
        self._finish(self._mem0.delete_entity(self._user_id))
        time.sleep(PAUSE_SECONDS)

    def _finish(self, event_id: str) -> None:
        """Wait for a deletion."""
        if event_id:
            self._receipt.events.append(event_id)
            self._until(lambda: self._mem0.event_status(event_id) not in UNFINISHED, "Mem0 to delete")

    def _delete_dead_letters(self) -> int:
        deleted = 0
        with dead_letters.Reader(*self._dead_letter_queue) as reader:
            for letter in reader.read():
                if self._is_theirs(letter.body):
                    reader.delete(letter)
                    deleted += 1
        return deleted

    def _delete_rows(self) -> int:
        rows = list(self._ledger.rows())
        for row in rows:
            self._ledger.delete(row)
        return len(rows)

    def _delete_conversations(self, workspace: Workspace) -> int:
        found = list(self._conversations())
        for conversation_id in found:
            workspace.delete_conversation(conversation_id)
        return len(found)

    def _conversations(self) -> Iterator[str]:
        """The conversations at ElevenLabs that are the caller's, as PostCall sees them."""
        workspace = self._workspace
        seen = set[str]()
        for one in conversation_filters(self._user_id) if workspace else ():
            assert workspace  # noqa: S101 - for the type checker
            for row in list(workspace.conversations(**one)):
                conversation_id = str(row["conversation_id"])
                if conversation_id not in seen and self._is_their_conversation(workspace, conversation_id):
                    yield conversation_id
                seen.add(conversation_id)

    def _is_their_conversation(self, workspace: Workspace, conversation_id: str) -> bool:
        try:
            data = workspace.conversation(conversation_id)
            return payload.caller(data, self._deployment.environment.callers) == self._user_id
        except (WorkspaceError, NotUnderstoodError):
            return False

    def _is_theirs(self, body: str) -> bool:
        """Whether a dead letter is of this caller; one that was not understood, if it holds the number."""
        try:
            content = messages.read(body)
        except messages.UnreadableError:
            return self._user_id in body
        if isinstance(content, messages.KeptEvent):
            return self._user_id in str(content.event)
        return content.record.user_id == self._user_id

    def _counted(self) -> dict[str, int]:
        return {"listed": self._listed(), "found": len(self._mem0.search(self._user_id, _QUERY))}

    def _listed(self) -> int:
        return sum(1 for _ in self._mem0.memories(self._user_id))

    @property
    def _dead_letter_queue(self) -> tuple[Any, str]:
        return self._deployment.client("sqs"), self._deployment.output("DeadLetterQueueUrl")

    def _until(self, done: Callable[[], bool], what: str) -> None:
        """Wait until `done`.

        Raises:
            OperatorError: if that takes too long.
        """
        end = time.monotonic() + WAIT_SECONDS
        told = False
        while not done():
            if not told:
                self._say(f"waiting for {what} ...")
                told = True
            if time.monotonic() > end:
                raise OperatorError(f"waited {WAIT_SECONDS:.0f} s for {what}", remedy="run this again")
            time.sleep(POLL_SECONDS)
