"""Reads ElevenLabs' post-call payload into a `CallRecord`.

What identifies the call, the caller and the words must be as documented, else the payload is not understood.
Other fields are left out if they have another shape.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from post_call.record import CallRecord, Turn
from shared.caller import LONGEST_ID, CallerIds, same_digits
from shared.errors import InvalidRequestError
from shared.http import json_type

TRANSCRIPTION = "post_call_transcription"
WITHOUT_TRANSCRIPT = frozenset({"post_call_audio", "call_initiation_failure"})
"""Types of events that leave no memory. Source: ElevenLabs docs, "Post-call webhooks"."""

_LONGEST_FIELD = 256
_FILLERS = frozenset({"", "...", "…", "."})


class NotUnderstoodError(ValueError):
    """The payload does not have the shape that ElevenLabs documents. The message names the field."""


def read_event(value: object) -> Mapping[str, Any]:
    """An event of a type that is known.

    Raises:
        NotUnderstoodError: if `value` is none.
    """
    event = _object(value, "body")
    kind = event.get("type")
    if not isinstance(kind, str) or kind not in {TRANSCRIPTION, *WITHOUT_TRANSCRIPT}:
        raise NotUnderstoodError("type is missing" if kind is None else "type is not one that is known")
    return event


def call_data(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The `data` of a transcription.

    Raises:
        NotUnderstoodError: if it is no object.
    """
    return _object(event.get("data"), "data")


def conversation_id(data: Mapping[str, Any]) -> str:
    """The call's id.

    Raises:
        NotUnderstoodError: if it is missing or no plain string.
    """
    value = data.get("conversation_id")
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_FIELD or not value.isprintable():
        kind = "missing" if value is None else "not a plain string of at most 256 characters"
        raise NotUnderstoodError(f"data.conversation_id is {kind}")
    return value


def caller(data: Mapping[str, Any], callers: CallerIds) -> str | None:
    """Whose call it was, or None if the caller is anonymous.

    On a phone call the number on the other end counts (also on an outbound call); on the web the `user_id`.

    Raises:
        NotUnderstoodError: if what identifies the caller is not where it is documented, or of another type.
    """
    metadata = _object(data.get("metadata"), "data.metadata")
    phone = _mapping(metadata.get("phone_call"))
    variables = _mapping(_mapping(data.get("conversation_initiation_client_data")).get("dynamic_variables"))
    missing: list[str] = []
    numbers = {
        "data.metadata.phone_call.external_number": _number(
            metadata, "phone_call", "external_number", missing
        ),
        "data.metadata.whatsapp.whatsapp_user_id": _with_plus(
            _number(metadata, "whatsapp", "whatsapp_user_id", missing)
        ),
        "data.metadata.sms.sms_user_phone_number": _number(metadata, "sms", "sms_user_phone_number", missing),
    }
    # Of an outbound call, it may be the agent's own number.
    if phone.get("direction") != "outbound" and not _is_agents_own(variables, phone):
        numbers["system__caller_id"] = variables.get("system__caller_id")
    try:
        for field, value in numbers.items():
            if value is not None:
                return callers.of_phone(_with_its_country(_id(value, field), variables), field)
        if missing:
            raise NotUnderstoodError(f"{missing[0]} is missing")
        if phone or data.get("user_id") is None:
            if "phone_call" not in metadata:
                raise NotUnderstoodError("data.metadata.phone_call is missing")
            return None
        user_id = _with_its_country(_id(data["user_id"], "data.user_id"), variables)
        return callers.of_phone_or_web(user_id, "data.user_id")
    except InvalidRequestError:  # a wildcard or a control character, which no caller's id has
        return None


def _is_agents_own(variables: Mapping[str, Any], phone: Mapping[str, Any]) -> bool:
    """Whether `system__caller_id` is the number of the agent, as far as the payload says."""
    number, own = variables.get("system__caller_id"), phone.get("agent_number")
    return bool(digits := _digits(number)) and digits == _digits(own)


def _digits(value: object) -> str:
    return "".join(filter(str.isdecimal, value)) if isinstance(value, str) else ""


def call_record(data: Mapping[str, Any], user_id: str, event_time: object) -> CallRecord:
    """The record of the call of `user_id`.

    Args:
        data: the webhook's `data`.
        user_id: whose call it was.
        event_time: the event's unix time, for a payload that does not say when the call began.

    Raises:
        NotUnderstoodError: if there is no transcript, or one whose turns cannot be read.
    """
    transcript = data.get("transcript")
    if not isinstance(transcript, list):
        found = "missing" if transcript is None else f"{json_type(transcript)}, not an array"
        raise NotUnderstoodError(f"data.transcript is {found}")
    turns = tuple(_turns(transcript))
    # Silence, or words that stand in fields which are not documented?
    if not any(turn.role == "user" for turn in turns) and not all(map(_is_documented, transcript)):
        raise NotUnderstoodError("data.transcript has an entry without a known role or a message")
    metadata = _mapping(data.get("metadata"))
    analysis = _mapping(data.get("analysis"))
    return CallRecord(
        conversation_id=conversation_id(data),
        agent_id=_text(data.get("agent_id"))[:_LONGEST_FIELD],
        user_id=user_id,
        call_start=_seconds(metadata.get("start_time_unix_secs")) or _seconds(event_time) or int(time.time()),
        turns=turns,
        summary=" ".join(_text(analysis.get("transcript_summary")).split()),
        collected=_collected(analysis),
    )


def _is_documented(entry: object) -> bool:
    """Whether an entry of the transcript has a role that is known, and a message, which may be null."""
    turn = _mapping(entry)
    message = turn.get("message", 0)
    return turn.get("role") in ("user", "agent") and (message is None or isinstance(message, str))


def _turns(transcript: list[object]) -> Iterator[Turn]:
    """What was heard: an interrupted turn's `message`, never its `original_message`."""
    for entry in transcript:
        turn = _mapping(entry)
        role = turn.get("role")
        text = " ".join(_text(turn.get("message")).split())
        if not text:
            parts = _mapping(turn.get("multivoice_message")).get("parts")
            spoken = [_text(_mapping(part).get("text")) for part in parts] if isinstance(parts, list) else []
            text = " ".join(" ".join(spoken).split())
        if role in ("user", "agent") and text not in _FILLERS:
            yield Turn(role, text)


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


def _object(value: object, field: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise NotUnderstoodError(
            f"{field} is {'missing' if value is None else json_type(value) + ', not an object'}"
        )
    return value


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    """`value` if it is a string that can be stored: lone surrogates cannot."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _seconds(value: object) -> int:
    """`value` as unix seconds, or 0 if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 4e9:  # noqa: PLR2004
        return 0
    return int(value)


def _number(metadata: Mapping[str, Any], channel: str, name: str, missing: list[str]) -> object:
    """The number on the other end of a call by `channel`; None if it came by another one.

    A field that is documented and not there is noted in `missing`, and None.

    Raises:
        NotUnderstoodError: if the channel's data is no object.
    """
    if metadata.get(channel) is None:
        return None
    call = _object(metadata[channel], f"data.metadata.{channel}")
    if name not in call:
        missing.append(f"data.metadata.{channel}.{name}")
    return call.get(name)


def _with_plus(whatsapp_id: object) -> object:
    """WhatsApp's ids are numbers with their country, without a plus. Source: Meta's docs of `wa_id`."""
    is_number = isinstance(whatsapp_id, str) and whatsapp_id.isdecimal()
    return f"+{whatsapp_id}" if is_number else whatsapp_id


def _with_its_country(number: str, variables: Mapping[str, Any]) -> str:
    """`number` with its plus, if this very call began with one.

    After a call whose SIP URI had a plus, a SIP trunk may send the digits alone. What ClientData answered for
    the call, or what ElevenLabs itself noted when it began, says which number they are.
    """
    if not number.strip().startswith("+"):
        for name in ("caller_id", "system__caller_id", "system__called_number"):
            noted = variables.get(name)
            if isinstance(noted, str) and same_digits(number, noted):
                return noted
    return number


def _id(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise NotUnderstoodError(f"{field} is {json_type(value)}, not a string")
    if len(value) > LONGEST_ID:
        raise NotUnderstoodError(f"{field} is longer than {LONGEST_ID} characters")
    return value
