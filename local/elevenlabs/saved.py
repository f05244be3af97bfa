"""Reads a post-call payload that a user has saved, so that it can be delivered again as it is.

Accepted are the whole webhook body, an array of one such body, and the bare conversation (the answer of
GET /v1/convai/conversations/{id}), which is put into the event that it lacks.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from local.elevenlabs.payload import encode
from local.elevenlabs.script import ScriptError, load_json
from local.validation import problem

TRANSCRIPT = "post_call_transcription"
# What Twilio sends for a withheld number.
TWILIO_WITHHELD = frozenset({"266696687", "7378742833", "8566696", "2562533", "86282452253"})
FEWEST_DIGITS = 7


class _Event(BaseModel):
    type: str
    data: dict[str, Any]


class _Conversation(BaseModel):
    conversation_id: str
    transcript: list[dict[str, Any]]


class _Timing(BaseModel):
    start_time_unix_secs: int
    call_duration_secs: int = 0


ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class Saved:
    """A saved payload, ready to be signed; `conversation_id` and `caller` are empty if it names none.

    `spoken` counts the turns in which the caller said something. `note` says what was done to the content.
    """

    body: bytes = field(repr=False)
    event_type: str
    conversation_id: str
    caller: str
    spoken: int
    note: str = ""

    @property
    def leaves_memories(self) -> bool:
        """Whether a memory is to be expected: a caller who is not anonymous said something."""
        return self.event_type == TRANSCRIPT and bool(self.caller) and self.spoken > 0


def is_script(raw: object) -> bool:
    """Whether decoded JSON is a call script of ours rather than a payload."""
    return isinstance(raw, dict) and "kind" in raw and "data" not in raw


def load_saved(path: Path) -> Saved:
    """Read a saved payload.

    Raises:
        ScriptError: the file cannot be read, or is no post-call payload; it names what is missing.
    """
    return parse_saved(load_json(path), path.read_bytes(), where=path.name)


def parse_saved(raw: object, body: bytes, *, where: str = "payload") -> Saved:
    """Check a payload that was decoded from `body`, and find out what it is. Errors begin with `where`.

    Raises:
        ScriptError: see `load_saved`.
    """
    note = ""
    if isinstance(raw, list):
        if len(raw) != 1:
            raise ScriptError(f"{where}: is a list of {len(raw)}. Save one payload per file.")
        raw = raw[0]
    if isinstance(raw, dict) and "data" not in raw and ("transcript" in raw or "conversation_id" in raw):
        note = "The file holds a bare conversation: put into a post-call event."
        timing = _check(_Timing, raw.get("metadata") or {}, f"{where}: metadata")
        ended = timing.start_time_unix_secs + timing.call_duration_secs
        raw = {"type": TRANSCRIPT, "event_timestamp": ended, "data": raw}
        body = encode(raw)
    event = _check(_Event, raw, where)
    turns = []
    if event.type == TRANSCRIPT:
        turns = _check(_Conversation, event.data, f"{where}: data").transcript
    return Saved(
        body=body,
        event_type=event.type,
        conversation_id=str(event.data.get("conversation_id") or ""),
        caller=_caller(event.data),
        spoken=sum(turn.get("role") == "user" and _is_spoken(turn) for turn in turns),
        note=note,
    )


def _check(model: type[ModelT], raw: object, where: str) -> ModelT:
    try:
        return model.model_validate(raw, strict=True)
    except ValidationError as error:
        raise ScriptError(f"{where}: {problem(error)}") from None


def _caller(data: dict[str, Any]) -> str:
    """The first of the places where a payload names its caller that does not name an anonymous one."""
    phone_call = (data.get("metadata") or {}).get("phone_call") or {}
    variables = (data.get("conversation_initiation_client_data") or {}).get("dynamic_variables") or {}
    for number in (phone_call.get("external_number"), variables.get("system__caller_id")):
        digits = re.sub(r"\D", "", number) if isinstance(number, str) else ""
        if len(digits) >= FEWEST_DIGITS and digits not in TWILIO_WITHHELD:
            return str(number)
    user_id = data.get("user_id")
    return user_id if isinstance(user_id, str) and not phone_call else ""


def _is_spoken(turn: dict[str, Any]) -> bool:
    message = turn.get("message")
    return isinstance(message, str) and any(character.isalnum() for character in message)
