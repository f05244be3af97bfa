"""PostCall as the webhook: 200 only when the call is safe in the queue."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from local.mem0.server import Mem0StandIn
from shared.http import Handler
from tests.unit.conftest import SECRET_NAME, Aws, Build, Variables, body_of, request

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


def deliver(handler: Handler, value: object, **changes: Any) -> tuple[int, Any]:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    event = request(raw.decode("utf-8", "replace"), ElevenLabs_Signature=signed(raw)) | changes
    response = handler(event, None)
    return response["statusCode"], body_of(response)


def test_call_is_queued_as_a_slim_record(build: Build, aws: Aws) -> None:
    assert deliver(build("post_call"), payload()) == (200, {"status": "queued"})
    (message,) = aws.received(aws.queue_url)
    content = json.loads(message["Body"])
    assert content["version"] == 2
    assert content["digest"]
    assert content["record"] == {
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


def test_webhook_never_talks_to_mem0(build: Build, mem0: Mem0StandIn) -> None:
    deliver(build("post_call"), payload())
    assert mem0.requests() == []


def test_body_may_come_in_base64(build: Build, aws: Aws) -> None:
    raw = json.dumps(payload(), ensure_ascii=False).encode()
    encoded = {"body": base64.b64encode(raw).decode(), "isBase64Encoded": True}
    assert deliver(build("post_call"), raw, **encoded)[0] == 200
    assert len(aws.received(aws.queue_url)) == 1


def test_array_of_one_is_accepted(build: Build, aws: Aws) -> None:
    assert deliver(build("post_call"), [payload()])[0] == 200
    assert len(aws.received(aws.queue_url)) == 1


def test_every_event_of_an_array_is_made_safe(build: Build, aws: Aws) -> None:
    handler = build("post_call")
    events = [payload(conversation_id="c1"), {"type": "post_call_audio"}, payload(conversation_id="c2")]
    assert deliver(handler, events)[0] == 200
    assert deliver(handler, [payload(conversation_id="c3"), payload(conversation_id=7)])[0] == 200
    queued = []
    while messages := aws.received(aws.queue_url):
        queued += [json.loads(message["Body"])["record"]["conversation_id"] for message in messages]
        for message in messages:
            aws.sqs.delete_message(QueueUrl=aws.queue_url, ReceiptHandle=message["ReceiptHandle"])
    assert sorted(queued) == ["c1", "c2", "c3"]
    assert len(aws.received(aws.dead_letters_url)) == 1


def test_one_delivery_twice_is_one_message(build: Build, aws: Aws) -> None:
    handler = build("post_call")
    assert deliver(handler, payload())[0] == deliver(handler, payload())[0] == 200
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
def test_bad_signature_stores_nothing(build: Build, aws: Aws, signature: str) -> None:
    event = request(payload(), ElevenLabs_Signature=signature)
    response = build("post_call")(event, None)
    assert response["statusCode"] == 401
    assert aws.received(aws.queue_url) == []


def test_old_and_new_key_are_accepted_while_they_rotate(build: Build, aws: Aws) -> None:
    aws.set_secret(ELEVENLABS_HMAC_KEY=["new", "local-hmac-key"])
    assert deliver(build("post_call"), payload())[0] == 200


def test_new_key_is_accepted_before_the_cache_runs_out(build: Build, aws: Aws) -> None:
    handler = build("post_call")
    assert deliver(handler, payload())[0] == 200
    aws.set_secret(ELEVENLABS_HMAC_KEY=["new", "local-hmac-key"])
    raw = json.dumps(payload(conversation_id="conv_2")).encode()
    event = request(raw.decode(), ElevenLabs_Signature=signed(raw, key="new"))
    assert handler(event, None)["statusCode"] == 200


def test_only_a_signature_that_a_new_key_may_fit_makes_it_read_the_secret_again(
    build: Build, aws: Aws
) -> None:
    handler = build("post_call")
    raw = json.dumps(payload()).encode()
    assert deliver(handler, payload())[0] == 200
    aws.set_secret(ELEVENLABS_HMAC_KEY="new")
    for useless in ("", "nonsense", signed(raw, at=time.time() - 3600)):
        event = request(raw.decode(), ElevenLabs_Signature=useless)
        assert handler(event, None)["statusCode"] == 401
    assert deliver(handler, payload())[0] == 200, "the old key is not forgotten for that"
    event = request(raw.decode(), ElevenLabs_Signature=signed(raw, key="new"))
    assert handler(event, None)["statusCode"] == 200


@pytest.mark.parametrize(
    "event",
    [
        {"type": "post_call_audio", "data": {"full_audio": "AAAA", "conversation_id": "conv_1"}},
        {"type": "call_initiation_failure", "data": {"failure_reason": "busy"}},
        {"type": "post_call_audio", "data": None},
    ],
)
def test_type_without_a_transcript_is_acknowledged(build: Build, aws: Aws, event: object) -> None:
    assert deliver(build("post_call"), event) == (200, {"status": "ignored"})
    assert aws.received(aws.queue_url) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": {"phone_call": {"external_number": "anonymous"}}},
        {"metadata": {"phone_call": {"external_number": ""}}},
        {"metadata": {"phone_call": {"external_number": "+266696687"}}},
        {"metadata": {"phone_call": {"external_number": "*"}}},
        {"metadata": {"phone_call": None}, "user_id": None},
        {"metadata": {"phone_call": None}, "user_id": "*"},
        {"transcript": [{"role": "agent", "message": "Hello? Hello?"}]},
        {"transcript": []},
    ],
)
def test_anonymous_callers_and_silence_leave_no_memory(
    build: Build, aws: Aws, changes: dict[str, Any]
) -> None:
    assert deliver(build("post_call"), payload(**changes)) == (200, {"status": "ignored"})
    assert aws.received(aws.queue_url) == []


@pytest.mark.parametrize(
    ("changes", "metric", "reason"),
    [
        ({"metadata": {"phone_call": {"external_number": ""}}}, "CallsAnonymous", "withheld"),
        ({"transcript": []}, "CallsUnanswered", "said nothing"),
        (
            {"analysis": {"data_collection_results": {"may_store": {"value": "no"}}}},
            "CallsWithoutConsent",
            "not want to be remembered",
        ),
    ],
)
def test_log_line_and_metric_say_why_a_call_is_left_out(
    build: Build, caplog: pytest.LogCaptureFixture, changes: dict[str, Any], metric: str, reason: str
) -> None:
    deliver(build("post_call", NO_CONSENT="may_store=no"), payload(**changes))
    (line,) = [vars(line) for line in caplog.records if line.getMessage() == "webhook ignored"]
    assert line[metric] == 1
    assert reason in line["reason"]


def test_web_call_belongs_to_its_user_id(build: Build, aws: Aws) -> None:
    deliver(build("post_call"), payload(metadata={"phone_call": None}, user_id="user-42"))
    (message,) = aws.received(aws.queue_url)
    assert json.loads(message["Body"])["record"]["user_id"] == "user-42"


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (b"not json", "body"),
        (b"\xff\xfe", "body"),
        (b"", "body"),
        (7, "body"),
        ({}, "type"),
        ({"type": "post_call_transcript", "data": payload()["data"]}, "type"),
        ({"type": "post_call_transcription"}, "data"),
        (payload(conversation_id=None), "conversation_id"),
        (payload(conversation_id=None, agent_id="\ud800"), "conversation_id"),
        (payload(transcript={"turns": []}), "transcript"),
        (payload(transcript=[{"speaker": "user", "text": "Hello"}]), "transcript"),
        (payload(metadata=None), "metadata"),
        (payload(metadata={"phone_call": {"external_number": 16125550142}}), "external_number"),
        (payload(metadata={"phone_call": {"direction": "inbound", "number": CALLER}}), "external_number"),
        (payload(metadata={"phone_call": {"direction": "outbound", "to": CALLER}}), "external_number"),
        (payload(metadata={"phoneCall": {"external_number": CALLER}}), "phone_call"),
        (payload(transcript=[{"role": "customer", "message": "Hello, it is me."}]), "transcript"),
        (payload(transcript=[{"role": "user", "message": ["Hello, it is me."]}]), "transcript"),
        (payload(metadata={}, user_id={"ne": "x"}), "user_id"),
    ],
)
def test_signed_event_that_is_not_understood_is_kept_counted_and_answered_200(
    build: Build, aws: Aws, caplog: pytest.LogCaptureFixture, value: object, field: str
) -> None:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    encoded = {"body": base64.b64encode(raw).decode(), "isBase64Encoded": True}
    assert deliver(build("post_call"), raw, **encoded) == (200, {"status": "kept"})
    assert aws.received(aws.queue_url) == []
    (letter,) = aws.received(aws.dead_letters_url)
    assert field in letter["MessageAttributes"]["reason"]["StringValue"]
    assert [vars(record)["CallsNotUnderstood"] for record in caplog.records if "_aws" in vars(record)] == [1]


def test_kept_event_holds_what_was_said_and_no_secret(build: Build, aws: Aws) -> None:
    said = [{"speaker": "user", "text": "My card is 4242 4242 4242 4242 and I like tulips."}]
    deliver(build("post_call"), payload(transcript=said, audio="x" * 10_000))
    (letter,) = aws.received(aws.dead_letters_url)
    assert "tulips" in letter["Body"]
    assert "4242" not in letter["Body"]
    assert "xxxx" not in letter["Body"]


def test_event_that_could_not_be_kept_is_a_500_so_that_it_comes_again(
    build: Build, variables: Variables
) -> None:
    handler = build("post_call", ELEVENLABS_HMAC_KEY="local-hmac-key")
    variables["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
    assert deliver(handler, payload(conversation_id=None))[0] == 500


def test_number_without_its_plus_after_a_sip_call_is_the_caller_that_client_data_answered_for(
    build: Build, aws: Aws
) -> None:
    started = {
        "dynamic_variables": {"caller_id": CALLER, "system__caller_id": "sip:+16125550142@example.com"}
    }
    phone = {"type": "sip_trunking", "direction": "inbound", "external_number": "16125550142"}
    for country in ("", "44", "86"):
        conversation = {"conversation_id": f"conv_{country}", "conversation_initiation_client_data": started}
        deliver(
            build("post_call", DEFAULT_COUNTRY_CODE=country),
            payload(metadata={"phone_call": phone}, **conversation),
        )
        (message,) = aws.received(aws.queue_url)
        assert json.loads(message["Body"])["record"]["user_id"] == CALLER
        aws.sqs.delete_message(QueueUrl=aws.queue_url, ReceiptHandle=message["ReceiptHandle"])


def test_outbound_call_without_a_number_is_not_filed_under_the_agents_own(build: Build, aws: Aws) -> None:
    started = {"dynamic_variables": {"system__caller_id": "+16125550100"}}
    phone = {"type": "twilio", "direction": "outbound", "agent_number": "+16125550100"}
    changes = {"metadata": {"phone_call": phone}, "conversation_initiation_client_data": started}
    assert deliver(build("post_call"), payload(**changes)) == (200, {"status": "kept"})
    assert aws.received(aws.queue_url) == []


def test_unsigned_body_is_refused_before_it_is_looked_at(build: Build) -> None:
    event = request("x") | {"body": "no base64 at all", "isBase64Encoded": True}
    assert build("post_call")(event, None)["statusCode"] == 401


def test_call_that_could_not_be_queued_is_a_500_so_that_it_comes_again(
    build: Build, aws: Aws, variables: Variables, caplog: pytest.LogCaptureFixture
) -> None:
    handler = build("post_call", ELEVENLABS_HMAC_KEY="local-hmac-key")
    variables["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
    status, body = deliver(handler, payload())
    assert (status, body) == (500, {"error": "the call could not be made safe: deliver it again"})
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert all(record.user_id == CALLER for record in errors)  # type: ignore[attr-defined]
    variables["AWS_ENDPOINT_URL"] = aws.url
    assert deliver(handler, payload())[0] == 200


def test_unreadable_secret_is_a_500_so_that_it_comes_again(
    build: Build, aws: Aws, variables: Variables
) -> None:
    handler = build("post_call", AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert deliver(handler, payload())[0] == 500
    variables["AWS_ENDPOINT_URL"] = aws.url
    assert deliver(handler, payload())[0] == 200


def test_log_tells_the_call_and_nothing_that_was_said(build: Build, caplog: pytest.LogCaptureFixture) -> None:
    deliver(build("post_call"), payload())
    (record,) = [line for line in caplog.records if line.getMessage() == "webhook queued"]
    assert record.user_id == "+1612•••0142"  # type: ignore[attr-defined]
    assert record.conversation_id == "conv_1"  # type: ignore[attr-defined]
    everything = " ".join(str(vars(line)) for line in caplog.records)
    for secret in ("tomatoes", CALLER, "Maria", "local-hmac-key"):
        assert secret not in everything


def test_secrets_never_reach_the_queue(build: Build, aws: Aws) -> None:
    spoken = [
        {"role": "agent", "message": "What is the card number, and the security code?"},
        {"role": "user", "message": "4242 4242 4242 4242, and the code is one two three."},
    ]
    analysis = {
        "transcript_summary": "Paid with 4242424242424242.",
        "data_collection_results": {"cvv": {"value": "123"}},
    }
    assert deliver(build("post_call"), payload(transcript=spoken, analysis=analysis))[0] == 200
    (message,) = aws.received(aws.queue_url)
    record = json.loads(message["Body"])["record"]
    assert record["turns"][1] == ["user", "[card number], and the code is [security code]."]
    assert record["summary"] == "Paid with [card number]."
    assert record["collected"] == {"cvv": "[security code]"}


def test_call_that_an_answering_machine_took_is_ignored(build: Build, aws: Aws) -> None:
    heard = [{"role": "user", "message": "Please leave a message after the tone."}]
    assert deliver(build("post_call"), payload(transcript=heard)) == (200, {"status": "ignored"})
    assert aws.received(aws.queue_url) == []


def test_call_of_somebody_who_does_not_want_to_be_remembered_is_ignored(
    build: Build, aws: Aws, caplog: pytest.LogCaptureFixture
) -> None:
    handler = build("post_call", NO_CONSENT="consent_given=false")
    analysis = {"data_collection_results": {"consent_given": {"value": False}}}
    assert deliver(handler, payload(analysis=analysis)) == (200, {"status": "ignored"})
    assert aws.received(aws.queue_url) == []
    (line,) = [line for line in caplog.records if line.getMessage() == "webhook ignored"]
    assert line.reason == "the caller does not want to be remembered"  # type: ignore[attr-defined]
    analysis = {"data_collection_results": {"consent_given": {"value": True}}}
    assert deliver(handler, payload(analysis=analysis)) == (200, {"status": "queued"})


def test_classes_of_secrets_that_are_kept_reach_the_queue(build: Build, aws: Aws) -> None:
    spoken = [{"role": "user", "message": "My IBAN is DE89 3704 0044 0532 0130 00, my PIN is 4711."}]
    handler = build("post_call", KEEP_SPOKEN="bank_account,tax_number")
    assert deliver(handler, payload(transcript=spoken, analysis={}))[0] == 200
    (message,) = aws.received(aws.queue_url)
    turns = json.loads(message["Body"])["record"]["turns"]
    assert turns == [["user", "My IBAN is DE89 3704 0044 0532 0130 00, my PIN is [pin]."]]


def test_signature_is_not_refused_for_good_while_the_keys_cannot_be_read_anew(build: Build, aws: Aws) -> None:
    handler = build("post_call")
    assert deliver(handler, payload())[0] == 200
    aws.secrets.delete_secret(SecretId=SECRET_NAME, ForceDeleteWithoutRecovery=True)
    body = json.dumps(payload()).encode()
    event = request(body.decode(), ElevenLabs_Signature=signed(body, key="the new key"))
    assert handler(event, None)["statusCode"] == 500
