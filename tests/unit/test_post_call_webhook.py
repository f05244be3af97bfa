"""PostCall as the webhook: 200 only when the call is safe in the queue."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from local.mem0.server import Mem0StandIn
from tests.unit.conftest import SECRET_NAME, Aws, Load, body_of, request

CALLER = "+16125550142"
START = 1_772_532_000


def payload(**changes: Any) -> dict[str, Any]:
    data = {
        "agent_id": "agent_1",
        "conversation_id": "conv_1",
        "status": "done",
        "user_id": None,
        "transcript": [
            {"role": "agent", "message": "Hello, how can I help?"},
            {"role": "user", "message": "My tomatoes have brown spots."},
            {"role": "agent", "message": None},
            {"role": "user", "message": "..."},
        ],
        "metadata": {
            "start_time_unix_secs": START,
            "phone_call": {"type": "twilio", "external_number": CALLER},
        },
        "analysis": {
            "transcript_summary": "The caller asked about tomatoes.",
            "data_collection_results": {"caller_name": {"value": "Maria"}},
        },
        "has_audio": True,
        **changes,
    }
    return {"type": "post_call_transcription", "event_timestamp": START + 60, "data": data}


def signed(body: bytes, key: str = "local-hmac-key", at: float | None = None) -> str:
    timestamp = int(time.time() if at is None else at)
    digest = hmac.new(key.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v0={digest}"


def deliver(module: Any, value: object, **changes: Any) -> tuple[int, Any]:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    event = request(raw.decode("utf-8", "replace"), ElevenLabs_Signature=signed(raw)) | changes
    response = module.lambda_handler(event, None)
    return response["statusCode"], body_of(response)


def test_call_is_queued_as_a_slim_record(load: Load, aws: Aws) -> None:
    assert deliver(load("post_call.handler"), payload()) == (200, {"status": "queued"})
    (message,) = aws.received(aws.queue_url)
    assert json.loads(message["Body"]) == {
        "conversation_id": "conv_1",
        "agent_id": "agent_1",
        "user_id": CALLER,
        "call_start": START,
        "turns": [["agent", "Hello, how can I help?"], ["user", "My tomatoes have brown spots."]],
        "summary": "The caller asked about tomatoes.",
        "collected": {"caller_name": "Maria"},
        "part": 1,
        "parts": 1,
    }
    assert message["Attributes"]["MessageGroupId"]


def test_webhook_never_talks_to_mem0(load: Load, mem0: Mem0StandIn) -> None:
    before = len(mem0.requests())
    deliver(load("post_call.handler"), payload())
    assert len(mem0.requests()) == before


def test_body_may_come_in_base64(load: Load, aws: Aws) -> None:
    raw = json.dumps(payload(), ensure_ascii=False).encode()
    encoded = {"body": base64.b64encode(raw).decode(), "isBase64Encoded": True}
    assert deliver(load("post_call.handler"), raw, **encoded)[0] == 200
    assert len(aws.received(aws.queue_url)) == 1


def test_array_of_one_is_accepted(load: Load, aws: Aws) -> None:
    assert deliver(load("post_call.handler"), [payload()])[0] == 200
    assert len(aws.received(aws.queue_url)) == 1


def test_every_event_of_an_array_is_taken_in(load: Load, aws: Aws) -> None:
    module = load("post_call.handler")
    events = [payload(conversation_id="c1"), {"type": "post_call_audio"}, payload(conversation_id="c2")]
    assert deliver(module, events)[0] == 200
    status, body = deliver(module, [payload(conversation_id="c3"), payload(conversation_id=7)])
    assert status == 400
    assert "conversation_id" in body["error"]
    queued = []
    while messages := aws.received(aws.queue_url):
        queued += [json.loads(message["Body"])["conversation_id"] for message in messages]
        for message in messages:
            aws.sqs.delete_message(QueueUrl=aws.queue_url, ReceiptHandle=message["ReceiptHandle"])
    assert sorted(queued) == ["c1", "c2", "c3"]


def test_one_delivery_twice_is_one_message(load: Load, aws: Aws) -> None:
    module = load("post_call.handler")
    assert deliver(module, payload())[0] == deliver(module, payload())[0] == 200
    assert len(aws.received(aws.queue_url)) == 1


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "t=1,v0=00",
        signed(b"another body"),
        signed(json.dumps(payload()).encode(), key="another key"),
        signed(json.dumps(payload()).encode(), at=time.time() - 3600),
        signed(json.dumps(payload()).encode(), at=time.time() + 3600),
    ],
    ids=["missing", "nonsense", "another body", "another key", "too old", "from the future"],
)
def test_bad_signature_stores_nothing(load: Load, aws: Aws, signature: str) -> None:
    event = request(payload(), ElevenLabs_Signature=signature)
    response = load("post_call.handler").lambda_handler(event, None)
    assert response["statusCode"] == 401
    assert aws.received(aws.queue_url) == []


def test_old_and_new_key_are_accepted_while_they_rotate(load: Load, aws: Aws) -> None:
    aws.set_secret(ELEVENLABS_HMAC_KEY=["new", "local-hmac-key"])
    assert deliver(load("post_call.handler"), payload())[0] == 200


def test_new_key_is_accepted_before_the_cache_runs_out(load: Load, aws: Aws) -> None:
    module = load("post_call.handler")
    assert deliver(module, payload())[0] == 200
    aws.set_secret(ELEVENLABS_HMAC_KEY=["new", "local-hmac-key"])
    raw = json.dumps(payload(conversation_id="conv_2")).encode()
    event = request(raw.decode(), ElevenLabs_Signature=signed(raw, key="new"))
    assert module.lambda_handler(event, None)["statusCode"] == 200


def test_only_a_signature_that_a_new_key_may_fit_makes_it_read_the_secret_anew(load: Load, aws: Aws) -> None:
    module = load("post_call.handler")
    raw = json.dumps(payload()).encode()
    assert deliver(module, payload())[0] == 200
    aws.set_secret(ELEVENLABS_HMAC_KEY="new")
    for useless in ("", "nonsense", signed(raw, at=time.time() - 3600)):
        event = request(raw.decode(), ElevenLabs_Signature=useless)
        assert module.lambda_handler(event, None)["statusCode"] == 401
    assert module.webhook.credentials.keys("ELEVENLABS_HMAC_KEY") == ["local-hmac-key"]
    event = request(raw.decode(), ElevenLabs_Signature=signed(raw, key="new"))
    assert module.lambda_handler(event, None)["statusCode"] == 200


@pytest.mark.parametrize(
    "event",
    [
        {"type": "post_call_audio", "data": {"full_audio": "AAAA", "conversation_id": "conv_1"}},
        {"type": "call_initiation_failure", "data": {"failure_reason": "busy"}},
        {"type": "something_new"},
        {"type": "something_new", "data": None},
    ],
)
def test_type_without_a_transcript_is_acknowledged(load: Load, aws: Aws, event: object) -> None:
    assert deliver(load("post_call.handler"), event) == (200, {"status": "ignored"})
    assert aws.received(aws.queue_url) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": {"phone_call": {"external_number": "anonymous"}}},
        {"metadata": {"phone_call": {"external_number": ""}}},
        {"metadata": {"phone_call": {"external_number": "+266696687"}}},
        {"metadata": {"phone_call": None}, "user_id": None},
        {"transcript": [{"role": "agent", "message": "Hello? Hello?"}]},
        {"transcript": []},
    ],
)
def test_nobody_and_silence_leave_no_memory(load: Load, aws: Aws, changes: dict[str, Any]) -> None:
    assert deliver(load("post_call.handler"), payload(**changes)) == (200, {"status": "ignored"})
    assert aws.received(aws.queue_url) == []


def test_web_call_belongs_to_its_user_id(load: Load, aws: Aws) -> None:
    deliver(load("post_call.handler"), payload(metadata={"phone_call": None}, user_id="user-42"))
    (message,) = aws.received(aws.queue_url)
    assert json.loads(message["Body"])["user_id"] == "user-42"


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (b"not json", "body"),
        (b"\xff\xfe", "body"),
        (b"", "body"),
        (7, "body"),
        ({}, "type"),
        ({"type": "post_call_transcription"}, "data"),
        (payload(conversation_id=None), "conversation_id"),
        (payload(transcript="x"), "transcript"),
        (payload(metadata={"phone_call": {"external_number": ["*"]}}), "external_number"),
        (payload(metadata={"phone_call": {"external_number": "*"}}), "external_number"),
        (payload(metadata={}, user_id={"ne": "x"}), "user_id"),
    ],
)
def test_signed_body_that_makes_no_sense_names_the_field(
    load: Load, aws: Aws, value: object, field: str
) -> None:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    encoded = {"body": base64.b64encode(raw).decode(), "isBase64Encoded": True}
    status, body = deliver(load("post_call.handler"), raw, **encoded)
    assert status == 400
    assert field in body["error"]
    assert aws.received(aws.queue_url) == []


def test_call_that_could_not_be_queued_is_a_500_so_that_it_comes_again(
    load: Load, aws: Aws, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    module = load("post_call.handler", ELEVENLABS_HMAC_KEY="local-hmac-key")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    status, body = deliver(module, payload())
    assert (status, body) == (500, {"error": "the call could not be made safe: deliver it again"})
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert all(record.user_id == CALLER for record in errors)  # type: ignore[attr-defined]
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    assert deliver(module, payload())[0] == 200


def test_unreadable_secret_is_a_500_so_that_it_comes_again(
    load: Load, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load("post_call.handler", AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert deliver(module, payload())[0] == 500
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    assert deliver(module, payload())[0] == 200


def test_log_tells_the_call_and_nothing_that_was_said(load: Load, caplog: pytest.LogCaptureFixture) -> None:
    deliver(load("post_call.handler"), payload())
    (record,) = [each for each in caplog.records if each.getMessage() == "webhook queued"]
    assert record.user_id == "+1612•••0142"  # type: ignore[attr-defined]
    assert record.conversation_id == "conv_1"  # type: ignore[attr-defined]
    everything = " ".join(str(vars(each)) for each in caplog.records)
    for secret in ("tomatoes", CALLER, "Maria", "local-hmac-key"):
        assert secret not in everything


def test_secrets_never_reach_the_queue(load: Load, aws: Aws) -> None:
    spoken = [
        {"role": "agent", "message": "What is the card number, and the security code?"},
        {"role": "user", "message": "4242 4242 4242 4242, and the code is one two three."},
    ]
    analysis = {
        "transcript_summary": "Paid with 4242424242424242.",
        "data_collection_results": {"cvv": {"value": "123"}},
    }
    assert deliver(load("post_call.handler"), payload(transcript=spoken, analysis=analysis))[0] == 200
    (message,) = aws.received(aws.queue_url)
    record = json.loads(message["Body"])
    assert record["turns"][1] == ["user", "[card number], and the code is [security code]."]
    assert record["summary"] == "Paid with [card number]."
    assert record["collected"] == {"cvv": "[security code]"}


def test_call_that_an_answering_machine_took_is_ignored(load: Load, aws: Aws) -> None:
    heard = [{"role": "user", "message": "Please leave a message after the tone."}]
    assert deliver(load("post_call.handler"), payload(transcript=heard)) == (200, {"status": "ignored"})
    assert aws.received(aws.queue_url) == []


def test_signature_is_not_refused_for_good_while_the_keys_cannot_be_read_anew(load: Load, aws: Aws) -> None:
    handler = load("post_call.handler")
    assert deliver(handler, payload())[0] == 200
    aws.secrets.delete_secret(SecretId=SECRET_NAME, ForceDeleteWithoutRecovery=True)
    body = json.dumps(payload()).encode()
    event = request(body.decode(), ElevenLabs_Signature=signed(body, key="the new key"))
    assert handler.lambda_handler(event, None)["statusCode"] == 500
