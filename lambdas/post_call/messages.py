"""The messages of the queue: a call record, or an event that was not understood.

A message carries its form's version and a digest, so that later releases can read it. A call that is too long
for SQS is compressed, then split into parts; nothing is cut off.
"""

import base64
import dataclasses
import hashlib
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from post_call.record import CallRecord, Turn

VERSION = 2
MOST_BYTES = 1_000_000
"""Of a message's body. SQS's limit is 1 MiB (1,048,576 bytes) with its attributes.
Source: SQS Developer Guide, "Message quotas"."""

_PLAIN_BYTES = 200_000  # below it compressing saves no money, and plain JSON can be read
_MOST_INFLATED = 64 * 1024 * 1024
_BEGINNING = 200_000  # characters of an event that does not even fit when it is compressed
_UNSENDABLE = re.compile("[\ud800-\udfff\ufffe\uffff]")
"""What SQS does not take in a message. Source: SQS API Reference, `SendMessage`."""
_OVERHEAD = 300  # of the version, the digest and the part numbers


class Message(NamedTuple):
    """A message to send: its body, its FIFO group (one for each caller), and its identity."""

    body: str
    group_id: str
    deduplication_id: str


class QueuedCall(NamedTuple):
    """A call record from a message.

    Attributes:
        record: the call, or a part of it.
        digest: of what was said: the same for every delivery of the same call.
        key: of its entry in the ledger.
    """

    record: CallRecord
    digest: str
    key: str


class KeptEvent(NamedTuple):
    """A signed event that was not understood when it came, without what looked like a secret."""

    event: Any


class UnreadableError(ValueError):
    """A message that no release wrote."""


def of_call(record: CallRecord, *, most_bytes: int = MOST_BYTES) -> list[Message]:
    """The messages that carry `record`: one, or for a very long call several, in order."""
    parts = list(_fitting(record, most_bytes))
    numbered = [
        dataclasses.replace(part, part=number, parts=len(parts)) for number, part in enumerate(parts, 1)
    ]
    return [_of_part(part) for part in numbered]


def of_event(event: object) -> Message:
    """The message that carries an event that was not understood; of one that is too long, its beginning."""
    text = _json(event)
    body = _pack("event", event)
    if len(body.encode()) > MOST_BYTES:
        body = _pack("event", text[:_BEGINNING])
    identity = _sha256(text)
    return Message(body, identity, identity)


def read(body: str) -> QueuedCall | KeptEvent:
    """What stands in a message's body, of this or an earlier release.

    Raises:
        UnreadableError: if none wrote it.
    """
    try:
        message: Any = json.loads(body)
        if "version" not in message:
            return _read_version_1(message)
        if "event" in message or "event_z" in message:
            return KeptEvent(_unpack(message, "event"))
        record = CallRecord.from_json(_unpack(message, "record"))
        return QueuedCall(record, str(message["digest"]), _key(record, "\n"))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError, zlib.error) as error:
        raise UnreadableError(f"the message is no call record: {type(error).__name__}") from None


def _read_version_1(message: Mapping[str, Any]) -> QueuedCall:
    """The record alone, or `{"z": …}`; the digest was made of the record's JSON."""
    values = _inflate(message["z"]) if "z" in message else message
    record = CallRecord.from_json(values)
    return QueuedCall(record, _sha256(json.dumps(values, sort_keys=True)), _key(record, "#"))


def _key(record: CallRecord, separator: str) -> str:
    """The conversation's id; for a later part, with its number behind what no id holds."""
    return record.conversation_id if record.part == 1 else f"{record.conversation_id}{separator}{record.part}"


def _fitting(record: CallRecord, most_bytes: int) -> Iterator[CallRecord]:
    """`record`, halved until each part fits."""
    if len(_pack("record", record.to_json()).encode()) <= most_bytes - _OVERHEAD:
        yield record
    else:
        for half in _halves(record):
            yield from _fitting(half, most_bytes)


def _halves(record: CallRecord) -> tuple[CallRecord, CallRecord]:
    """Two records that say together what `record` says, cut in the longest of what it holds."""
    rest = dataclasses.replace(record, turns=(), summary="", collected={})
    lengths = {name: len(_json(record.to_json()[name])) for name in ("turns", "summary", "collected")}
    match max(lengths, key=lambda name: lengths[name]):
        case "turns":
            turns = record.turns if len(record.turns) > 1 else _halved_turn(record.turns[0])
            middle = len(turns) // 2
            # The summary and the collected data belong to the call, so the first part carries them.
            return dataclasses.replace(record, turns=turns[:middle]), dataclasses.replace(
                rest, turns=turns[middle:]
            )
        case "summary":
            middle = len(record.summary) // 2
            return (
                dataclasses.replace(record, summary=record.summary[:middle]),
                dataclasses.replace(rest, summary=record.summary[middle:]),
            )
        case _:
            first, second = _halved_items(record.collected)
            return dataclasses.replace(record, collected=first), dataclasses.replace(rest, collected=second)


def _halved_turn(turn: Turn) -> tuple[Turn, Turn]:
    middle = len(turn.text) // 2
    return Turn(turn.role, turn.text[:middle]), Turn(turn.role, turn.text[middle:])


def _halved_items(collected: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    items = list(collected.items())
    if len(items) == 1:
        ((name, value),) = items
        middle = len(value) // 2
        return {name: value[:middle]}, {name: value[middle:]}
    return dict(items[: len(items) // 2]), dict(items[len(items) // 2 :])


def _of_part(part: CallRecord) -> Message:
    digest = _sha256(json.dumps(part.to_json(), sort_keys=True))
    identity = f"{part.conversation_id}\n{part.part}\n{digest}"
    return Message(
        body=_pack("record", part.to_json(), digest=digest),
        group_id=_sha256(part.user_id),
        deduplication_id=_sha256(identity),
    )


def _pack(name: str, value: object, **rest: str) -> str:
    plain = _json({"version": VERSION, **rest, name: value})
    if len(plain.encode()) <= _PLAIN_BYTES:
        return plain
    packed = base64.b64encode(zlib.compress(_json(value).encode(), 6)).decode()
    return _json({"version": VERSION, **rest, f"{name}_z": packed})


def _unpack(message: Mapping[str, Any], name: str) -> Any:
    return message[name] if name in message else _inflate(message[f"{name}_z"])


def _inflate(packed: str) -> Any:
    inflater = zlib.decompressobj()
    return json.loads(inflater.decompress(base64.b64decode(packed), _MOST_INFLATED))


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _UNSENDABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
