"""Secrets that no memory may hold, replaced by what they were: `[card number]`, `[security code]`, `[password]`.

It runs before a record leaves the webhook, so a secret reaches neither the queue nor Mem0. A card number, an IBAN
and a few identity numbers are known by their form and check digits; every other secret by its name beside it,
or in a question before: "what's the security code?" - "it's 123". Names, dates, phone and order numbers stay.
"""

import dataclasses
import re
from collections.abc import Collection

from post_call.record import CallRecord
from post_call.redaction import conversation
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

    def alone(value: str, name: str = "") -> str:
        text = Text(value)
        conversation.find_in(text, known, asked=Text(_WORDS_OF_NAME.sub(" ", name)).mentions[-1:])
        return text.redacted(keep)

    return dataclasses.replace(
        record,
        turns=tuple(
            dataclasses.replace(turn, text=text.redacted(keep))
            for turn, text in zip(record.turns, turns, strict=True)
        ),
        collected={name: alone(value, name) for name, value in record.collected.items()},
        summary=alone(record.summary),
    )


def redact_text(text: str) -> str:
    """A text of which nothing is known, without the secrets in it."""
    found = Text(text)
    conversation.find([found])
    return found.redacted(())
