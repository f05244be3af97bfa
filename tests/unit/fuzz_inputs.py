"""What the handlers are fuzzed with: events, headers and bodies from nearly right to anything at all."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

KEYS = {
    "MEM0_API_KEY": "local-mem0-key",
    "MEM0_ORG_ID": "",
    "MEM0_PROJECT_ID": "",
    "ELEVENLABS_WORKSPACE_KEY": "local-workspace-key",
    "ELEVENLABS_HMAC_KEY": "local-hmac-key",
}
FUNCTIONS = ("client_data", "retrieve", "post_call")

_text = st.text(max_size=40) | st.sampled_from(["", "*", "+16125550142", "anonymous", "\x00", "{{x}}"])
_either = st.booleans()
_scalar = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | _text
_json = st.recursive(
    _scalar,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text, inner, max_size=4),
    max_leaves=12,
)


def _one_wrong(right: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object that is right (its values may be strategies), but for up to two fields."""
    # Made once: a strategy that is made anew for each input costs more than the input.
    some = st.sets(st.sampled_from(sorted(right)), max_size=2)
    fields = {
        name: value if isinstance(value, st.SearchStrategy) else st.just(value)
        for name, value in right.items()
    }

    @st.composite
    def one(draw: st.DrawFn) -> dict[str, Any]:
        wrong = draw(some)
        made: dict[str, Any] = {}
        for name, field in fields.items():
            if name not in wrong:
                made[name] = draw(field)
            elif draw(_either):
                made[name] = draw(_json)
        return made

    return one()


_turn = _one_wrong({"role": "user", "message": "Hello.", "multivoice_message": {"parts": [{"text": "Hi"}]}})
_data = _one_wrong(
    {
        "conversation_id": "conv_1",
        "agent_id": "a",
        "user_id": None,
        "transcript": st.lists(_turn | _json, max_size=4),
        "metadata": _one_wrong(
            {
                "phone_call": _one_wrong({"external_number": "+16125550142", "type": "twilio"}),
                "start_time_unix_secs": 1_780_000_000,
            }
        ),
        "analysis": _one_wrong({"transcript_summary": "A call.", "data_collection_results": {}}),
        "conversation_initiation_client_data": _one_wrong({"dynamic_variables": {}}),
    }
)
_event = _one_wrong({"type": "post_call_transcription", "event_timestamp": 1_780_000_000, "data": _data})
_bodies = {
    "client_data": _one_wrong(
        {"caller_id": "+16125550142", "agent_id": "a", "called_number": "+16125550100", "call_sid": "CA1"}
    ),
    "retrieve": _one_wrong({"user_id": "+16125550142", "query": "dog", "parameters": {"query": "x"}}),
    "post_call": _event | st.lists(_event, max_size=2),
}
_headers = st.dictionaries(
    st.sampled_from(["x-workspace-key", "ElevenLabs-Signature", "x-memory-token", "host"]) | _text,
    _scalar,
    max_size=4,
)


# A batch is always shaped like one, because only SQS makes it; what stands in it may be anything.
_record = _one_wrong(
    {
        "conversation_id": "conv_1",
        "agent_id": "a",
        "user_id": "+16125550142",
        "call_start": 1_780_000_000,
        "turns": [["user", "Hello."]],
        "summary": "",
        "collected": {},
        "part": 1,
        "parts": 1,
    }
)
_queued = _one_wrong({"version": 2, "digest": "d", "record": _record})
_kept = _one_wrong({"version": 2, "event": _event})
_message = st.fixed_dictionaries(
    {
        "messageId": _text,
        "receiptHandle": _text,
        "body": (_record | _queued | _kept | _json).map(json.dumps) | _text,
        "attributes": st.just({"MessageGroupId": "g", "ApproximateReceiveCount": "1"}),
    }
)


def _signature(raw: bytes) -> str:
    now = int(time.time())
    key = KEYS["ELEVENLABS_HMAC_KEY"].encode()
    return f"t={now},v0={hmac.new(key, f'{now}.'.encode() + raw, hashlib.sha256).hexdigest()}"


_digit = st.integers(0, 9)
_function = st.sampled_from(FUNCTIONS)
_anything = st.dictionaries(_text | st.sampled_from(["body", "headers"]), _json, max_size=4)
_batch = st.lists(_message, max_size=3)
_bytes = st.binary(max_size=60)
_raw = {name: (body | _json).map(lambda value: json.dumps(value).encode()) for name, body in _bodies.items()}


@st.composite
def inputs(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A function's name and an event for it: from nearly right to anything at all."""
    function = draw(_function)
    chosen = draw(_digit)
    if chosen == 0:
        return function, draw(_anything)
    if chosen == 1:
        return "post_call", {"Records": draw(_batch)}
    raw = draw(_bytes) if draw(_digit) == 0 else draw(_raw[function])
    headers = draw(_headers)
    if draw(_either):
        headers |= {"x-workspace-key": KEYS["ELEVENLABS_WORKSPACE_KEY"]}
        headers |= {"elevenlabs-signature": _signature(raw)}
    event: dict[str, Any] = {
        "version": "2.0",
        "requestContext": {"http": {"method": "POST"}},
        "headers": headers,
    }
    if draw(_either):
        return function, event | {"body": base64.b64encode(raw).decode(), "isBase64Encoded": True}
    return function, event | {"body": raw.decode("utf-8", "surrogateescape"), "isBase64Encoded": False}
