"""Decides what becomes of an event of ElevenLabs: remembered without secrets, or left out for a reason."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from post_call import consent, payload, unanswered
from post_call.record import CallRecord
from post_call.redaction import redact, redact_text
from shared import logs
from shared.environment import Environment

ANONYMOUS = "the caller's number is withheld or not known"
NO_CONSENT = "the caller does not want to be remembered"
_BLOB = re.compile(r"\S{2000,}")  # audio or an image in base64: no words


class Intake(NamedTuple):
    """What an event is: a call to remember, or nothing to remember, why, and the metric that counts it."""

    record: CallRecord | None
    reason: str = ""
    metric: str = ""


def read(event: object, environment: Environment) -> Intake:
    """What to remember of an event, in a record without secrets. What is known of it is bound to the log.

    Args:
        event: `{"type", "event_timestamp", "data"}`, as ElevenLabs signs it.
        environment: the function's settings.

    Raises:
        NotUnderstoodError: if the event does not have the documented shape.
    """
    known = payload.read_event(event)
    logs.bind(type=known["type"])
    if known["type"] in payload.WITHOUT_TRANSCRIPT:
        return Intake(None, "events of this type have no transcript")
    data = payload.call_data(known)
    conversation_id = payload.conversation_id(data)
    user_id = payload.caller(data, environment.callers)
    logs.bind(conversation_id=conversation_id, user_id=user_id)
    record = payload.call_record(data, user_id or "", known.get("event_timestamp"))
    if user_id is None:
        return Intake(None, ANONYMOUS, "CallsAnonymous")
    if reason := unanswered.reason(data, record):
        return Intake(None, reason, "CallsUnanswered")
    if consent.is_refused(record.collected, environment.no_consent):
        return Intake(None, NO_CONSENT, "CallsWithoutConsent")
    logs.bind(turns=len(record.turns))
    return Intake(redact(record, keep=environment.keep_spoken))


def without_secrets(value: object, name: str = "") -> Any:
    """An event that was not understood, as it is kept for a person: its texts without secrets.

    Args:
        value: the event, or a part of it.
        name: of the field that the part is in.
    """
    if isinstance(value, str):
        return redact_text(_BLOB.sub("[left out]", value), name)
    if isinstance(value, Mapping):
        return {str(key): without_secrets(item, str(key)) for key, item in value.items()}
    return [without_secrets(item, name) for item in value] if isinstance(value, list) else value
