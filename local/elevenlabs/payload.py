"""Turns a call script into ElevenLabs' post-call payload.

The shape is that of `GetConversationResponseModel` in the `elevenlabs` SDK 2.78.0. Secret dynamic variables
leave as `<REDACTED>`, as on the platform.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from local.elevenlabs.agent import SECRET_PREFIX, Initiation
from local.elevenlabs.script import CallScript, Scalar
from local.elevenlabs.transcript import ToolResult, duration, transcript

REDACTED = "<REDACTED>"
ANALYSIS_SECONDS = 6  # between the end of a call and the event
# What is null in the payload of an ordinary call.
NO_METADATA = dict.fromkeys(
    ("batch_call", "error", "rag_usage", "initiator_id", "timezone", "whatsapp", "sms")
)
NO_DELETION = dict.fromkeys(
    f"{what}_time_unix_secs"
    for what in ("deletion", "deleted_logs_at", "deleted_audio_at", "deleted_transcript_at")
)
NO_FEEDBACK = dict.fromkeys(("type", "overall_score", "rating", "comment"))
SOURCES = {"phone": "twilio", "sip": "sip_trunk", "web": "widget"}


def encode(event: Mapping[str, Any]) -> bytes:
    """The raw body of an event: minified UTF-8 JSON, as seen in real deliveries."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def system_variables(script: CallScript, conversation_id: str) -> dict[str, str | int | float | bool | None]:
    """The platform's own dynamic variables at the start of a call."""
    return {
        "system__agent_id": script.agent_id,
        "system__current_agent_id": script.agent_id,
        "system__caller_id": script.caller_id,
        "system__called_number": None if script.kind == "web" else script.called_number,
        "system__call_sid": None if script.kind == "web" else _call_sid(conversation_id),
        "system__conversation_id": conversation_id,
        "system__call_duration_secs": 0,
        "system__is_text_only": False,
        "system__time_utc": datetime.fromtimestamp(script.start, UTC).isoformat(),
        "system__timezone": None,
    }


def post_call_event(
    script: CallScript,
    conversation_id: str,
    *,
    initiation: Initiation | None = None,
    tool_results: Sequence[ToolResult] = (),
) -> dict[str, Any]:
    """Build the event for a call that is over.

    Args:
        script: the call.
        conversation_id: its id.
        initiation: what the agent started with; its variables come back in the payload.
        tool_results: one for each tool use, in order; those that lack have their canned answer.

    Returns:
        `{"type", "event_timestamp", "data"}`; for `audio` and `failure` scripts that event's own data.
    """
    ended = script.start + duration(script.turns) + ANALYSIS_SECONDS
    if script.kind == "audio":
        data = {"agent_id": script.agent_id, "conversation_id": conversation_id, "full_audio": script.audio}
        return {"type": "post_call_audio", "event_timestamp": ended, "data": data}
    if script.kind == "failure":
        data = _failure(script, conversation_id)
        return {"type": "call_initiation_failure", "event_timestamp": ended, "data": data}
    data = _conversation(script, conversation_id, initiation, tool_results)
    return {"type": "post_call_transcription", "event_timestamp": ended, "data": data}


def _conversation(
    script: CallScript,
    conversation_id: str,
    initiation: Initiation | None,
    tool_results: Sequence[ToolResult],
) -> dict[str, Any]:
    turns = transcript(script, tool_results)
    return {
        "agent_id": script.agent_id,
        "agent_name": script.agent_name,
        "status": "done",
        "user_id": script.user_id,
        "branch_id": None,
        "version_id": None,
        "transcript": turns,
        "metadata": _metadata(script, conversation_id),
        "analysis": _analysis(script),
        **{f"{role}_message_count": _messages(turns, role) for role in ("user", "agent")},
        "visited_agents": [{"agent_id": script.agent_id, "branch_id": None}],
        "conversation_initiation_client_data": _client_data(script, conversation_id, initiation),
        "environment": "production",
        "conversation_id": conversation_id,
        "has_audio": True,
        "has_user_audio": True,
        "has_response_audio": True,
        "has_auxiliary_audio": script.kind != "web",
        "tag_ids": [],
    }


def _messages(turns: Sequence[dict[str, Any]], role: str) -> int:
    return sum(turn["role"] == role and bool(turn["message"]) for turn in turns)


def _metadata(script: CallScript, conversation_id: str) -> dict[str, Any]:
    seconds = duration(script.turns)
    return {
        **NO_METADATA,
        "start_time_unix_secs": script.start,
        "accepted_time_unix_secs": script.start,
        "call_duration_secs": seconds,
        "cost": seconds * 7,
        "deletion_settings": {**NO_DELETION, "delete_transcript_and_pii": False, "delete_audio": False},
        "feedback": {**NO_FEEDBACK, "likes": 0, "dislikes": 0},
        "authorization_method": "public" if script.kind == "web" else "authorization_header",
        "charging": {"dev_discount": False, "is_burst": False, "tier": "creator", "llm_price": 0.0021},
        "phone_call": _phone_call(script, conversation_id),
        "termination_reason": script.termination_reason,
        "warnings": [],
        "main_language": script.language,
        "text_only": False,
        "conversation_initiation_source": SOURCES[script.kind],
        "conversation_initiation_source_version": None,
    }


def _phone_call(script: CallScript, conversation_id: str) -> dict[str, Any] | None:
    if script.kind == "web":
        return None
    common = {
        "direction": "inbound",
        "phone_number_id": "phnum_01simulated000000000000000",
        "agent_number": script.called_number,
        "external_number": script.external_number or script.caller_id or "",
        "call_sid": _call_sid(conversation_id),
    }
    if script.kind == "sip":
        return {"type": "sip_trunking", **common, "call_id": f"{conversation_id}@trunk.example.net"}
    return {"type": "twilio", **common, "stream_sid": "MZ" + _call_sid(conversation_id)[2:]}


def _analysis(script: CallScript) -> dict[str, Any] | None:
    """Null without a summary: real payloads have that too."""
    if script.summary is None:
        return None
    collected = {name: _collected(name, value) for name, value in script.collected.items()}
    evaluated = {
        name: {"criteria_id": name, "result": result, "rationale": "Evaluated from the conversation."}
        for name, result in script.evaluation.items()
    }
    return {
        "evaluation_criteria_results": evaluated,
        "evaluation_criteria_results_list": list(evaluated.values()),
        "data_collection_results": collected,
        "data_collection_results_list": [{"name": name, **result} for name, result in collected.items()],
        "call_successful": "success",
        "transcript_summary": script.summary,
        "call_summary_title": script.title,
    }


def _collected(name: str, value: Scalar) -> dict[str, Any]:
    kind = {bool: "boolean", int: "integer", float: "number"}.get(type(value), "string")
    return {
        "data_collection_id": name,
        "value": value,
        "json_schema": {"type": kind, "description": name.replace("_", " "), "enum": None},
        "rationale": "Not mentioned in the conversation." if value is None else "Said by the caller.",
    }


def _client_data(script: CallScript, conversation_id: str, initiation: Initiation | None) -> dict[str, Any]:
    ours = initiation.variables if initiation else {}
    shown = {name: REDACTED if name.startswith(SECRET_PREFIX) else value for name, value in ours.items()}
    answered = initiation.client_data if initiation else {}
    system = system_variables(script, conversation_id) | {
        "system__call_duration_secs": duration(script.turns)
    }
    return {
        "conversation_config_override": answered.get("conversation_config_override", {}),
        "custom_llm_extra_body": {},
        "user_id": script.user_id,
        "source_info": {"source": SOURCES[script.kind], "version": None},
        "branch_id": None,
        "environment": None,
        "dynamic_variables": {**shown, **system},
    }


def _failure(script: CallScript, conversation_id: str) -> dict[str, Any]:
    """As the page *Post-call webhooks* shows it for Twilio."""
    return {
        "agent_id": script.agent_id,
        "conversation_id": conversation_id,
        "failure_reason": script.failure_reason,
        "metadata": {
            "type": "twilio",
            "body": {
                "CallSid": _call_sid(conversation_id),
                "CallStatus": script.failure_reason,
                "Direction": "outbound-api",
                "From": script.called_number,
                "To": script.caller_id,
            },
        },
    }


def _call_sid(conversation_id: str) -> str:
    """A call sid like Twilio's, always the same for one conversation."""
    return "CA" + hashlib.sha256(conversation_id.encode()).hexdigest()[:32]
