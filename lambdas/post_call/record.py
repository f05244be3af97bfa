"""The record of a call, which is all of ElevenLabs' payload that is queued and remembered."""

import dataclasses
import datetime as dt
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Self

from shared.names import person_name

_OWNER = "(?:the)?(?:callers?|customers?|clients?|users?|contacts?|kunden?|anrufer)?"
_NAME = re.compile(f"{_OWNER}(?:full|whole)?name")
_FIRST = re.compile(f"{_OWNER}(?:(?:first|given|fore)name|first|vorname|prenom|nombre)")
_LAST = re.compile(
    f"{_OWNER}(?:(?:last|family|sur)name|last|nachname|familienname|apellidos?|nom|nomdefamille)"
)


@dataclasses.dataclass(frozen=True)
class Turn:
    """What one side said: `role` is `user` (the caller) or `agent`, `text` what was heard, on one line."""

    role: str
    text: str


_TYPES: dict[str, type] = {
    **dict.fromkeys(("conversation_id", "agent_id", "user_id", "summary"), str),
    **dict.fromkeys(("call_start", "part", "parts"), int),
    "collected": dict,
}


@dataclasses.dataclass(frozen=True)
class CallRecord:
    """One call of one caller.

    Attributes:
        conversation_id: ElevenLabs' id of the conversation.
        agent_id: which agent was called.
        user_id: the caller, as `CallerIds` gives it.
        call_start: when the call began, in unix seconds.
        turns: what was said, in order, without empty turns.
        summary: ElevenLabs' summary of the call, or an empty string.
        collected: what ElevenLabs' data collection extracted, by name.
        part: which part of a long call this is, from 1.
        parts: how many parts there are.
    """

    conversation_id: str
    agent_id: str
    user_id: str
    call_start: int
    turns: tuple[Turn, ...]
    summary: str = ""
    collected: dict[str, str] = dataclasses.field(default_factory=dict)
    part: int = 1
    parts: int = 1

    @property
    def date(self) -> str:
        """The day of the call, `2026-03-03`, in UTC."""
        return dt.datetime.fromtimestamp(self.call_start, dt.UTC).date().isoformat()

    @property
    def caller_name(self) -> str:
        """The caller's name, if one was collected in this call; never guessed from what was said."""
        by_key = {
            "".join(filter(str.isalnum, unicodedata.normalize("NFKD", name))).lower(): value
            for name, value in self.collected.items()
        }

        def collected(key: re.Pattern[str]) -> str:
            found = sorted((name for name in by_key if key.fullmatch(name)), key=len, reverse=True)
            return next((name for field in found if (name := person_name(by_key[field]))), "")

        first = collected(_NAME) or collected(_FIRST)
        last = collected(_LAST)
        in_full = person_name(f"{first} {last}") if first and last and " " not in first else ""
        return in_full or first or last

    def to_json(self) -> dict[str, Any]:
        """The record as a JSON object, which `from_json` reads."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return values | {"turns": [[turn.role, turn.text] for turn in self.turns]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The record that `to_json` of this or another release wrote: what is missing has its default.

        Raises:
            KeyError, TypeError, ValueError: if it was not written by `to_json`.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        turns = tuple(Turn(str(role), str(text)) for role, text in values["turns"])
        record = cls(**{name: value for name, value in values.items() if name in known} | {"turns": turns})
        for name, kind in _TYPES.items():
            if type(getattr(record, name)) is not kind:
                raise TypeError(f"{name} must be {kind.__name__}")
        return record
