"""Replaces secrets, which no memory may hold, by what they were: `[card number]`, `[pin]`, `[password]`.

A card number, an IBAN and some identity numbers are known by their form and check digits; every other secret
by its name beside it, or in a question before: "what's the security code?" - "it's 123".
"""

import dataclasses
import re
from collections.abc import Collection

from post_call.record import CallRecord
from post_call.redaction import conversation
from post_call.redaction.conversation import KnownSecrets
from post_call.redaction.text import Text
from post_call.redaction.vocabulary import CLASSES

__all__ = ["CLASSES", "redact", "redact_text"]

_WORDS_OF_NAME = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\W]+")


def redact(record: CallRecord, *, keep: Collection[str] = ()) -> CallRecord:
    """`record` with a placeholder for each secret in its turns, its summary and its collected data.

    Args:
        record: the call as it came.
        keep: names of `CLASSES` that are left as they are. Unknown names change nothing.

    Returns:
        The same record without secrets. Redacting it again changes nothing.
    """
    turns = [Text(turn.text, turn.role) for turn in record.turns]
    known = conversation.find(turns)
    return dataclasses.replace(
        record,
        turns=tuple(
            dataclasses.replace(turn, text=text.redacted(keep))
            for turn, text in zip(record.turns, turns, strict=True)
        ),
        summary=_redacted(record.summary, "", known, keep),
        collected={name: _redacted(value, name, known, keep) for name, value in record.collected.items()},
    )


def redact_text(text: str, name: str = "", *, keep: Collection[str] = ()) -> str:
    """`text` with a placeholder for each secret. `name` is what its field is called, such as `ssn`."""
    return _redacted(text, name, conversation.NOTHING_KNOWN, keep)


def _redacted(value: str, name: str, known: KnownSecrets, keep: Collection[str]) -> str:
    text = Text(value)
    conversation.find_in(text, known, asked=Text(_WORDS_OF_NAME.sub(" ", name)).mentions[-1:])
    return text.redacted(keep)
