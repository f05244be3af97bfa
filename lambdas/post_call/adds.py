"""The two adds of a call, `factual` and `semantic`: side by side, once each, until Mem0 is done."""

import contextvars
import datetime as dt
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from post_call import facts, passages
from post_call.ledger import Entry
from post_call.record import CallRecord
from shared import logs
from shared.environment import Environment
from shared.http_client import deadline
from shared.mem0.failures import Mem0Error
from shared.mem0.store import Added, MemoryStore
from shared.memory import FACTUAL


class PendingError(Exception):
    """Mem0 has accepted the call and is not done with it. `seconds` is for how long."""

    def __init__(self, seconds: float) -> None:
        super().__init__("Mem0 has not finished the extraction")
        self.seconds = seconds


class Adds:
    """Adds the memories of calls to Mem0."""

    def __init__(self, environment: Environment, store: MemoryStore) -> None:
        self._environment = environment
        self._store = store
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="add")

    def remember(self, record: CallRecord, entry: Entry) -> None:
        """Do what is not yet done of the two adds, side by side, and close the entry.

        Raises:
            PendingError: if Mem0 has accepted both and is not done.
            Exception: what went wrong with one of them; of two failures the one that may pass.
        """
        left = [step for step in self._environment.store_types if step not in entry.done]
        finished: list[str] = []

        def do(step: str) -> Added:
            added = self._step(record, entry, step)
            finished.append(step)  # which of two threads comes last is seen by both: append is atomic
            # The last one is noted below, in one request with the claim.
            if finished.index(step) < len(left) - 1 and _is_news(entry, step, added):
                entry.note(step, added.event_id)
            return added

        doing = {step: self._threads.submit(contextvars.copy_context().run, do, step) for step in left}
        failures = [failure for future in doing.values() if (failure := future.exception())]
        if failures:
            entry.release(tries=entry.tries + 1)
            raise max(failures, key=lambda failure: getattr(failure, "retryable", True))
        added = {step: future.result() for step, future in doing.items()}
        if all(result.done for result in added.values()):
            entry.close(left)
            return
        last = finished[-1]
        news = {"step": last, "event_id": added[last].event_id} if _is_news(entry, last, added[last]) else {}
        entry.release(tries=entry.tries, **news)
        raise PendingError(time.time() - entry.accepted_at if entry.accepted_at else 0)

    def _step(self, record: CallRecord, entry: Entry, step: str) -> Added:
        """Do one add, or look what became of it if it was accepted before."""
        if event_id := entry.events.get(step):
            status = self._store.event_status(event_id)
            if status in {"FAILED", ""}:
                entry.note_failed(step)  # the next try looks for what was stored before it adds again
                failed = "failed at it (FAILED)" if status else "does not know its event any more (HTTP 404)"
                raise Mem0Error(f"Mem0 accepted the call and then {failed}")
            return Added(done=True) if status == "SUCCEEDED" else Added(done=False, event_id=event_id)
        identity = {"conversation_id": record.conversation_id, "type": step, "part": record.part}
        if step in entry.begun and (found := self._find(record.user_id, identity)):
            return found
        return self._add_one(record, identity, not_after=entry.valid_until)

    def _find(self, user_id: str, identity: Mapping[str, Any]) -> Added | None:
        """What became of an add that a worker before us may have sent, and died."""
        with deadline(self._environment.mem0_timeout):  # for both, as the function's timeout expects
            if self._store.has(user_id, identity):
                return Added(done=True)
            event_id = self._store.find_event(user_id, identity)
        return Added(done=False, event_id=event_id) if event_id else None

    def _add_one(self, record: CallRecord, identity: Mapping[str, Any], *, not_after: float) -> Added:
        type_ = identity["type"]
        said = facts.conversation(record) if type_ == FACTUAL else passages.passages(record)
        if not said:
            return Added(done=True)
        metadata = {**identity, "agent_id": record.agent_id, "call_start": record.call_start}
        if record.caller_name:
            metadata["caller_name"] = record.caller_name
        options = expiry(record.call_start, self._environment.retention_days.get(type_))
        if type_ == FACTUAL:
            options |= {"infer": True, "custom_instructions": facts.instructions(record)}
        else:
            options |= {"infer": False}
        added = self._store.add(
            record.user_id,
            said,
            metadata=metadata,
            timestamp=record.call_start,
            not_after=not_after,
            **options,
        )
        logs.info("Mem0 accepted an add", operation=type_)
        return added


def _is_news(entry: Entry, step: str, added: Added) -> bool:
    """Whether the ledger does not know yet what became of `step`."""
    return added.done or step not in entry.events


def expiry(call_start: int, days: int | None) -> dict[str, Any]:
    """The option of Mem0's `add` that lets a memory expire: `{"expiration_date": "2026-04-02"}`, or none.

    The days count from the call, so that a call that waited in the queue is not kept longer. After its last
    day Mem0 hides a memory. Source: `expiration_date` in Mem0's OpenAPI file.
    """
    if days is None:
        return {}
    day = dt.datetime.fromtimestamp(call_start, dt.UTC).date() + dt.timedelta(days=days)
    return {"expiration_date": day.isoformat()}
