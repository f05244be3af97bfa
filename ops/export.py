"""Everything that is kept of a caller, as one JSON document that is written piece by piece."""

import json
import time
from collections.abc import Iterable, Iterator
from typing import Any

from ops import dead_letters
from ops.deployment import Deployment
from ops.ledger import CallerLedger
from ops.mem0 import Mem0, checked
from post_call import messages


def export(deployment: Deployment, user_id: str) -> Iterator[str]:
    """The pieces of a JSON document: memories with their histories, what Mem0 derived, messages, ledger rows.

    A call that waits in the queue cannot be read there without holding it up; its row in the ledger has no
    `closed_at`, if a worker has seen it.
    """
    with Mem0.of(deployment) as mem0:
        yield "{"
        yield from _member("caller", checked(user_id))
        yield from _member("exported_at", int(time.time()))
        yield from _member("entity", mem0.entity(user_id))
        yield from _member("profile", mem0.profile(user_id))
        memories = (row | {"history": mem0.history(str(row["id"]))} for row in mem0.memories(user_id))
        yield from _list("memories", memories)
        yield from _list("dead_letters", _dead_letters(deployment, user_id))
        yield from _list("ledger", CallerLedger(deployment, user_id).rows(), last=True)
        yield "}\n"


def _dead_letters(deployment: Deployment, user_id: str) -> Iterator[dict[str, Any]]:
    with dead_letters.Reader(deployment.client("sqs"), deployment.output("DeadLetterQueueUrl")) as reader:
        for letter in reader.read():
            try:
                content = messages.read(letter.body)
            except messages.UnreadableError:
                continue
            if isinstance(content, messages.QueuedCall) and content.record.user_id == user_id:
                yield {
                    "record": content.record.to_json(),
                    "reason": letter.reason,
                    "since": letter.since.isoformat(),
                }


def _member(name: str, value: object) -> Iterator[str]:
    yield f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)},\n"


def _list(name: str, items: Iterable[object], *, last: bool = False) -> Iterator[str]:
    yield f"{json.dumps(name)}: ["
    for number, item in enumerate(items):
        yield (",\n " if number else "\n ") + json.dumps(item, ensure_ascii=False)
    yield "]" + ("" if last else ",\n")
