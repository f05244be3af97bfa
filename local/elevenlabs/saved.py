"""Reads a post-call payload that a user has saved, so that it can be delivered again.

Why it exists: what a user's own agent sends is the best test there is. Accepted are the whole webhook body,
an array of one such body, and the bare conversation (the answer of GET /v1/convai/conversations/{id}).

It refuses to repair: the body goes out as it is in the file, only a bare conversation gets the envelope that
it lacks.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from .fields import Fields, ScriptError
from .payload import encode

TRANSCRIPT: Final = "post_call_transcription"
_TWILIO_STAND_INS: Final = frozenset({"266696687", "7378742833", "8566696", "2562533", "86282452253"})
_FEWEST_DIGITS: Final = 7


@dataclass(frozen=True, kw_only=True)
class Saved:
    """A saved payload, ready to be signed.

    Attributes:
        body: the raw body to be delivered.
        event_type: the envelope's type.
        conversation_id: its conversation.
        caller: the phone number or user id as it stands in the payload; empty if there is none.
        said: how many turns the caller spoke in.
        note: what was done to the file's content, for people; empty if nothing was.
    """

    body: bytes = field(repr=False)
    event_type: str
    conversation_id: str
    caller: str
    said: int
    note: str = ""

    @property
    def leaves_memories(self) -> bool:
        """Whether a memory is to be expected: somebody who can be known said something."""
        return self.event_type == TRANSCRIPT and bool(self.caller) and self.said > 0


def is_script(raw: object) -> bool:
    """Whether decoded JSON is a call script of ours rather than a payload."""
    return isinstance(raw, dict) and "kind" in raw and "data" not in raw


def load_saved(path: Path) -> Saved:
    """Read a saved payload.

    Raises:
        ScriptError: the file cannot be read, or is no post-call payload; the message says what is missing
            where.
    """
    try:
        body = path.read_bytes()
        raw = json.loads(body)
    except OSError as error:
        raise ScriptError(
            f"{path}: cannot be read: {error.strerror}. Give the path of a JSON file."
        ) from error
    except ValueError as error:
        raise ScriptError(f"{path}: is not JSON: {error}. Save the raw body of the webhook.") from error
    return parse_saved(raw, body, where=path.name)


def parse_saved(raw: object, body: bytes, *, where: str = "payload") -> Saved:
    """Check decoded JSON and find out what it is.

    Args:
        raw: the decoded JSON.
        body: the bytes that it was decoded from.
        where: the name that errors begin with.

    Raises:
        ScriptError: see ``load_saved``.
    """
    note = ""
    if isinstance(raw, list):
        if len(raw) != 1:
            raise ScriptError(f"{where}: is a list of {len(raw)}. Save one payload per file.")
        raw, where = raw[0], f"{where}[0]"
    envelope = Fields(raw, where).mapping_itself()
    if "data" not in envelope and ("transcript" in envelope or "conversation_id" in envelope):
        note = "The file holds a bare conversation: put into the envelope of a post-call webhook."
        envelope = _enveloped(envelope, where)
        body = encode(envelope)
    fields = Fields(envelope, where)
    event_type = fields.text("type")
    data = fields.object_or_none("data")
    if data is None:
        raise ScriptError(f"{where}.data: missing. A post-call webhook has type, event_timestamp and data.")
    known = event_type == TRANSCRIPT or "conversation_id" in data.mapping_itself()
    conversation_id = data.text("conversation_id") if known else ""
    turns = data.objects("transcript")
    if event_type == TRANSCRIPT and "transcript" not in data.mapping_itself():
        raise ScriptError(f"{data.where}.transcript: missing. Is the payload complete?")
    return Saved(
        body=body,
        event_type=event_type,
        conversation_id=conversation_id,
        caller=_caller(data.mapping_itself()),
        said=sum(1 for turn in turns if turn.mapping_itself().get("role") == "user" and _words(turn)),
        note=note,
    )


def _enveloped(conversation: dict[str, Any], where: str) -> dict[str, Any]:
    metadata = Fields(conversation, where).mapping("metadata")
    timing = Fields(metadata, f"{where}.metadata")
    start = timing.whole_or_none("start_time_unix_secs")
    if start is None:
        raise ScriptError(
            f"{where}.metadata.start_time_unix_secs: missing. Give the start of the call in unix seconds."
        )
    ended = start + (timing.whole_or_none("call_duration_secs") or 0)
    return {"type": TRANSCRIPT, "event_timestamp": ended, "data": conversation}


def _caller(data: dict[str, Any]) -> str:
    """The first of the places where a payload names its caller that names one who can be known."""
    phone_call = (data.get("metadata") or {}).get("phone_call") or {}
    variables = (data.get("conversation_initiation_client_data") or {}).get("dynamic_variables") or {}
    for number in (phone_call.get("external_number"), variables.get("system__caller_id")):
        digits = re.sub(r"\D", "", number) if isinstance(number, str) else ""
        if len(digits) >= _FEWEST_DIGITS and digits not in _TWILIO_STAND_INS:
            return str(number)
    user_id = data.get("user_id")
    return user_id if isinstance(user_id, str) and not phone_call else ""


def _words(turn: Fields) -> bool:
    message = turn.mapping_itself().get("message")
    return isinstance(message, str) and any(character.isalnum() for character in message)
