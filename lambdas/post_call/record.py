"""The slim record of a call: who, when, what was said, the summary, and what was collected.

ElevenLabs' payload is 10 to 30 times larger: timings, retrieval traces, audio. This is all that is queued and
remembered. It reads the payload tolerantly: what identifies the call must be right, the rest is taken if it
has the expected shape and left out if not, so that a new field of theirs never costs a call.
"""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any

from shared.api import bad_request, json_type
from shared.caller import LONGEST_ID, Callers
from shared.memories import safe_name

TRANSCRIPTION = "post_call_transcription"
_LONGEST_FIELD = 256
_NAME_KEYS = ("caller_name", "name", "full_name", "customer_name", "user_name", "first_name")
_FILLERS = frozenset({"", "...", "…", "."})


@dataclasses.dataclass(frozen=True)
class Turn:
    """What one side said: `role` is `user` (the caller) or `agent`, `text` what was heard."""

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
        user_id: the caller, in the one spelling that all functions use.
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
    summary: str
    collected: dict[str, str]
    part: int = 1
    parts: int = 1

    @property
    def date(self) -> str:
        """The day of the call, `2026-03-03`, in UTC."""
        return dt.datetime.fromtimestamp(self.call_start, dt.UTC).date().isoformat()

    @property
    def caller_name(self) -> str:
        """The caller's name, if one was collected in this call; never guessed from what was said."""
        by_name = {name.lower(): value for name, value in self.collected.items()}
        return next((name for key in _NAME_KEYS if (name := safe_name(by_name.get(key)))), "")

    def to_json(self) -> dict[str, Any]:
        """The record as a JSON object, which `from_json` reads."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return values | {"turns": [[turn.role, turn.text] for turn in self.turns]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "CallRecord":
        """The record that `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: if it was not written by `to_json`.
        """
        turns = tuple(Turn(str(role), str(text)) for role, text in values["turns"])
        record = cls(**{**values, "turns": turns})
        for name, kind in _TYPES.items():
            if type(getattr(record, name)) is not kind:
                raise TypeError(f"{name} must be {kind.__name__}")
        return record


def read_envelope(value: object) -> tuple[str, Mapping[str, Any], int]:
    """The event's type, its data and its time from a webhook's body.

    Args:
        value: one event: `{"type", "event_timestamp", "data"}`.

    Returns:
        The type, the data (empty if the type carries no transcript) and the event's unix time.

    Raises:
        Refusal: 400 that names the field.
    """
    if not isinstance(value, dict):
        raise bad_request(f"body must be a JSON object, not {json_type(value)}")
    kind = value.get("type")
    if not isinstance(kind, str):
        raise bad_request(
            "type is missing" if kind is None else f"type must be a string, not {json_type(kind)}"
        )
    data = value.get("data")
    if kind == TRANSCRIPTION and not isinstance(data, dict):
        raise bad_request(
            "data is missing" if data is None else f"data must be an object, not {json_type(data)}"
        )
    return kind, data if isinstance(data, dict) else {}, _integer(value.get("event_timestamp"))


def conversation_id(data: Mapping[str, Any]) -> str:
    """The call's id.

    Raises:
        Refusal: 400, if it is missing or no plain string.
    """
    value = data.get("conversation_id")
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_FIELD or not value.isprintable():
        kind = "missing" if value is None else "not a plain string of at most 256 characters"
        raise bad_request(f"data.conversation_id is {kind}")
    return value


def user_id(data: Mapping[str, Any], callers: Callers) -> str | None:
    """Whose call it was, or None for nobody.

    On a phone call the number on the other end counts (also on an outbound call); on the web the `user_id`.

    Raises:
        Refusal: 400, if an id has the wrong type, is absurdly long or hostile.
    """
    metadata = _mapping(data.get("metadata"))
    phone = _mapping(metadata.get("phone_call"))
    variables = _mapping(_mapping(data.get("conversation_initiation_client_data")).get("dynamic_variables"))
    numbers = {
        "metadata.phone_call.external_number": phone.get("external_number"),
        "metadata.whatsapp.whatsapp_user_id": _mapping(metadata.get("whatsapp")).get("whatsapp_user_id"),
        "metadata.sms.sms_user_phone_number": _mapping(metadata.get("sms")).get("sms_user_phone_number"),
        "system__caller_id": variables.get("system__caller_id"),
    }
    for name, value in numbers.items():
        if value is not None:
            return callers.on_the_phone(_id(f"data.{name}", value), f"data.{name}")
    if phone:
        return None
    web_user = data.get("user_id")
    return None if web_user is None else callers.anywhere(_id("data.user_id", web_user), "data.user_id")


def call_record(data: Mapping[str, Any], caller: str, event_time: int) -> CallRecord:
    """The record of `caller`'s call.

    Args:
        data: the webhook's `data`.
        caller: whose call it was.
        event_time: the event's unix time, for a payload that does not say when the call began.

    Raises:
        Refusal: 400, if there is no transcript, or the call cannot be identified.
    """
    transcript = data.get("transcript")
    if not isinstance(transcript, list):
        raise bad_request(
            "data.transcript is missing"
            if transcript is None
            else f"data.transcript must be an array, not {json_type(transcript)}"
        )
    metadata = _mapping(data.get("metadata"))
    analysis = _mapping(data.get("analysis"))
    return CallRecord(
        conversation_id=conversation_id(data),
        agent_id=_text(data.get("agent_id"))[:_LONGEST_FIELD],
        user_id=caller,
        call_start=_integer(metadata.get("start_time_unix_secs")) or event_time,
        turns=tuple(turn for entry in transcript if (turn := _turn(entry))),
        summary=_text(analysis.get("transcript_summary")).strip(),
        collected=_collected(analysis),
    )


def _turn(entry: object) -> Turn | None:
    """What was heard in one entry of the transcript, or None if it was nothing.

    An interrupted turn's `message` is what the caller heard; its `original_message` is not read.
    """
    turn = _mapping(entry)
    role = turn.get("role")
    text = " ".join(_text(turn.get("message")).split())
    if not text:
        parts = _mapping(turn.get("multivoice_message")).get("parts")
        spoken = [_text(_mapping(part).get("text")) for part in parts] if isinstance(parts, list) else []
        text = " ".join(" ".join(spoken).split())
    if role not in ("user", "agent") or text in _FILLERS:
        return None
    return Turn(role, text)


def _collected(analysis: Mapping[str, Any]) -> dict[str, str]:
    """`data_collection_results`, or its newer list form, as plain values by name."""
    results = analysis.get("data_collection_results")
    listed = analysis.get("data_collection_results_list")
    if isinstance(results, Mapping):
        named = list(results.items())
    elif isinstance(listed, list):
        named = [(_mapping(entry).get("data_collection_id"), entry) for entry in listed]
    else:
        named = []
    plain = {_text(name)[:_LONGEST_FIELD]: _plain_value(result) for name, result in named}
    return {name: value for name, value in plain.items() if name and value}


def _plain_value(result: object) -> str:
    """The value of one collected item as text; empty if it is null or structured."""
    value = _mapping(result).get("value")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _text(str(value)).strip() if isinstance(value, str | int | float) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    """`value` if it is a string that can be stored: lone surrogates cannot."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _integer(value: object) -> int:
    """`value` as unix seconds, or 0 if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 4e9:  # noqa: PLR2004
        return 0
    return int(value)


def _id(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise bad_request(f"{name} must be a string, not {json_type(value)}")
    if len(value) > LONGEST_ID:
        raise bad_request(f"{name} is too long: {len(value)} characters, at most {LONGEST_ID} are allowed")
    return value
