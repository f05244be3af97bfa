"""A call record as messages of the queue: small enough for SQS, whatever was said.

SQS takes 1 MiB a message. A long record is compressed; one that is still too long is split by its turns into
parts that are each a record of their own, so that no part ever waits for another. Nothing is cut off.
"""

import base64
import dataclasses
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from post_call.record import CallRecord, Turn

MOST_BYTES = 1_000_000
"""Of a message's body. SQS's limit is 1 MiB (1,048,576 bytes) with its attributes.
Source: SQS Developer Guide, "Message quotas"."""

_PLAIN_BYTES = 200_000  # below it compressing gains nothing that anybody pays for, and plain JSON can be read
_MOST_INFLATED = 64 * 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Message:
    """One message of the queue: its body, its caller's group, and its identity."""

    body: str
    group_id: str
    deduplication_id: str


def messages(record: CallRecord, *, most_bytes: int = MOST_BYTES) -> list[Message]:
    """The messages that carry `record`: one, or for a very long call several, in order."""
    parts = list(_fitting(record, most_bytes))
    count = len(parts)
    numbered = [dataclasses.replace(part, part=number, parts=count) for number, part in enumerate(parts, 1)]
    return [_message(part) for part in numbered]


def digest(record: CallRecord) -> str:
    """A fingerprint of what was said: the same for every delivery of the same call."""
    return hashlib.sha256(json.dumps(record.to_json(), sort_keys=True).encode()).hexdigest()


def read(body: str) -> CallRecord:
    """The record in a message's body.

    Raises:
        ValueError: if it is none that `messages` wrote.
    """
    try:
        value: Any = json.loads(body)
        if isinstance(value, Mapping) and "z" in value:
            inflater = zlib.decompressobj()
            value = json.loads(inflater.decompress(base64.b64decode(value["z"]), _MOST_INFLATED))
        return CallRecord.from_json(value)
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise ValueError(f"the message is no call record: {type(error).__name__}") from None


def _fitting(record: CallRecord, most_bytes: int) -> Iterator[CallRecord]:
    """`record`, halved until each piece fits."""
    if len(_body(record)) <= most_bytes - 100:  # room for the part numbers
        yield record
    elif len(record.turns) > 1:
        middle = len(record.turns) // 2
        # The summary and the collected data belong to the call, so the first part carries them.
        yield from _fitting(dataclasses.replace(record, turns=record.turns[:middle]), most_bytes)
        rest = dataclasses.replace(record, turns=record.turns[middle:], summary="", collected={})
        yield from _fitting(rest, most_bytes)
    else:
        turn = record.turns[0] if record.turns else Turn("user", record.summary)
        middle = len(turn.text) // 2
        halves = (Turn(turn.role, turn.text[:middle]), Turn(turn.role, turn.text[middle:]))
        yield from _fitting(dataclasses.replace(record, turns=halves), most_bytes)


def _message(record: CallRecord) -> Message:
    identity = f"{record.conversation_id}\n{record.part}\n{digest(record)}"
    return Message(
        body=_body(record),
        group_id=hashlib.sha256(record.user_id.encode()).hexdigest(),
        deduplication_id=hashlib.sha256(identity.encode()).hexdigest(),
    )


def _body(record: CallRecord) -> str:
    plain = json.dumps(record.to_json(), ensure_ascii=False, separators=(",", ":"))
    raw = plain.encode()
    if len(raw) <= _PLAIN_BYTES:
        return plain
    return json.dumps({"z": base64.b64encode(zlib.compress(raw, 6)).decode()})
