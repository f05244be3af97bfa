"""PostCall as ElevenLabs' webhook: verify, slim down, make safe, answer 200.

It never talks to Mem0. 200 means that the call is in the queue (or that there is nothing to remember); if it
could not be put there the answer is 500, and ElevenLabs delivers it again.
"""

import os
import time
from collections.abc import Mapping
from typing import Any

from post_call import envelope, record, silence
from post_call.redaction import redact
from shared import api, aws, environment, logs, signature
from shared.credentials import Credentials, CredentialsError

credentials = Credentials()


def accept(event: Mapping[str, Any]) -> dict[str, Any]:
    """Answer one post-call webhook (API Gateway payload 2.0)."""
    started = time.monotonic()
    try:
        body = api.raw_body(event)
        _verify(event, body)
        value = api.parse_json(body)
    except api.Refusal as refusal:
        return api.refuse(refusal, started, user_id=None)
    # One event, as documented, or an array of events, as seen. One that is refused costs no other.
    answers = [_answer(each, started) for each in (value if isinstance(value, list) and value else [value])]
    return max(answers, key=lambda answer: int(answer["statusCode"]))


def _answer(value: object, started: float) -> dict[str, Any]:
    """The response for one event."""
    known: dict[str, Any] = {"user_id": None}
    try:
        status = _take_in(value, known)
    except api.Refusal as refusal:
        return api.refuse(refusal, started, **known)
    logs.info(f"webhook {status}", **known, duration_ms=logs.milliseconds_since(started))
    return api.respond(200, {"status": status})


def _verify(event: Mapping[str, Any], body: bytes) -> None:
    given = api.header(event, "ElevenLabs-Signature")
    try:
        try:
            signature.verify(given, body, credentials.keys("ELEVENLABS_HMAC_KEY"), time.time())
        except signature.UnknownKeyError:
            # The key may have been rotated since the secret was read, and a 401 is never delivered again.
            if not credentials.refresh():
                raise
            signature.verify(given, body, credentials.keys("ELEVENLABS_HMAC_KEY"), time.time())
    except CredentialsError as error:
        raise api.Refusal(500, str(error)) from None
    except signature.BadSignatureError as error:
        if credentials.stale:
            # It may be signed with a key that we could not read yet, and a 401 would be final.
            raise api.Refusal(500, "the signing keys could not be read anew: deliver it again") from None
        logs.warning(
            "signature refused", reason=str(error), bytes=len(body), metrics={"SignatureFailures": 1}
        )
        raise api.Refusal(401, "ElevenLabs-Signature is missing or wrong") from None


def _take_in(value: object, known: dict[str, Any]) -> str:
    """Queue the call of a signed event, and say what became of it. `known` gathers what the log says."""
    kind, data, event_time = record.read_envelope(value)
    known["type"] = kind
    if kind != record.TRANSCRIPTION:
        return "ignored"
    known["conversation_id"] = record.conversation_id(data)
    caller = record.user_id(data, environment.callers())
    known["user_id"] = caller
    if caller is None:
        known["reason"] = "the caller's number is withheld or unknown"
        return "ignored"
    call = record.call_record(data, caller, event_time or int(time.time()))
    if reason := silence.reason(data, call):
        known["reason"] = reason
        return "ignored"
    known["turns"] = len(call.turns)
    _enqueue(redact(call))
    return "queued"


def _enqueue(call: record.CallRecord) -> None:
    for message in envelope.messages(call):
        try:
            aws.call(
                aws.SQS,
                "SendMessage",
                {
                    "QueueUrl": os.environ.get("CALL_QUEUE_URL", ""),
                    "MessageBody": message.body,
                    "MessageGroupId": message.group_id,
                    "MessageDeduplicationId": message.deduplication_id,
                },
            )
        except aws.AwsError as error:
            # The words of AWS are for our log; ElevenLabs only needs to know that it should try again.
            logs.error(
                "call could not be queued",
                user_id=call.user_id,
                conversation_id=call.conversation_id,
                reason=str(error),
            )
            raise api.Refusal(500, "the call could not be made safe: deliver it again") from None
