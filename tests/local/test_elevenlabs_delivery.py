"""Webhooks as the platform delivers them: signed, and retried by its policy."""

import random
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from elevenlabs.errors import BadRequestError
from elevenlabs.webhooks_custom import WebhooksClient

from local.elevenlabs.delivery import WAITS, Webhook
from local.elevenlabs.http_client import TIMEOUT, HttpClient, Reply
from local.elevenlabs.signature import HEADER, sign


class ScriptedClient(HttpClient):
    """Answers from a list; remembers what was sent."""

    def __init__(self, *replies: int | str) -> None:
        super().__init__()
        self._replies: Iterator[int | str] = iter(replies)
        self.sent: list[tuple[bytes, dict[str, str]]] = []

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Reply:
        """The next answer of the list."""
        assert url == "http://example.test/post-call"
        assert timeout > 0
        self.sent.append((body, dict(headers)))
        reply = next(self._replies)
        return Reply(status=reply) if isinstance(reply, int) else Reply(status=None, problem=reply)


class Clock:
    """Time that passes only in `sleep`."""

    def __init__(self, start: float) -> None:
        self.time = start

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.time += seconds

    def now(self) -> float:
        """The time."""
        return self.time


def webhook(clock: Clock, *, retry_enabled: bool = True) -> Webhook:
    return Webhook(
        url="http://example.test/post-call",
        key="wsec_invented",
        retry_enabled=retry_enabled,
        sleep=clock.sleep,
        now=clock.now,
        rng=random.Random(7),
    )


@pytest.mark.parametrize("reply", [500, 502, 503, 504, 599, 429, 408, TIMEOUT])
def test_retried_until_it_is_accepted(reply: int | str) -> None:
    with ScriptedClient(reply, reply, 200) as client:
        delivery = webhook(Clock(0)).deliver(client, b"{}")
    assert delivery.accepted
    assert len(delivery.attempts) == 3


@pytest.mark.parametrize(
    "reply", [400, 401, 403, 404, 409, 413, 422, 301, 201, 202, 204, "connection refused"]
)
def test_never_retried(reply: int | str) -> None:
    with ScriptedClient(reply) as client:
        delivery = webhook(Clock(0)).deliver(client, b"{}")
    assert not delivery.accepted
    assert len(delivery.attempts) == 1


def test_at_once_then_30_s_2_m_8_m_30_m_and_then_it_gives_up() -> None:
    clock = Clock(0)
    with ScriptedClient(*[500] * 6) as client:
        delivery = webhook(clock).deliver(client, b"{}")
    waited = [attempt.waited for attempt in delivery.attempts]
    assert not delivery.accepted
    assert len(waited) == 6
    assert waited[:2] == [0, 0]
    for found, planned in zip(waited[1:], WAITS, strict=True):
        assert planned * 0.9 <= found <= planned * 1.1
    assert waited[2:] != list(WAITS[1:]), "without jitter, all senders come back at once"
    assert clock.time == pytest.approx(sum(waited))


def test_payload_stays_and_each_try_is_signed_anew() -> None:
    start = 1_800_000_000
    with ScriptedClient(*[500] * 6) as client:
        webhook(Clock(start)).deliver(client, b'{"a":1}')
    assert {body for body, _ in client.sent} == {b'{"a":1}'}
    signed = [headers["ElevenLabs-Signature"] for _, headers in client.sent]
    assert signed[0] == signed[1]
    assert len(set(signed)) == 5
    assert construct_event('{"a":1}', signed[-1]) == {"a": 1}


@pytest.mark.parametrize(
    ("event_type", "enabled"),
    [("post_call_audio", True), ("call_initiation_failure", True), ("post_call_transcription", False)],
)
def test_other_types_and_disabled_webhooks_are_never_retried(event_type: str, enabled: bool) -> None:
    with ScriptedClient(500) as client:
        delivery = webhook(Clock(0), retry_enabled=enabled).deliver(client, b"{}", event_type)
    assert len(delivery.attempts) == 1


KEY = "wsec_invented"
BODY = '{"type":"post_call_transcription","data":{"message":"Żółw says ¡olé! 🐢"}}'


def construct_event(body: str, header: str) -> Any:
    client = WebhooksClient.__new__(WebhooksClient)  # construct_event needs nothing of the client
    return client.construct_event(body, header, KEY)


def test_sdk_accepts_our_signature() -> None:
    event = construct_event(BODY, sign(BODY.encode(), KEY, int(time.time())))
    assert event["type"] == "post_call_transcription"


@pytest.mark.parametrize(
    "header",
    [
        sign(BODY.encode(), "another key", int(time.time())),
        sign(BODY.encode() + b" ", KEY, int(time.time())),
        sign(BODY.encode(), KEY, int(time.time()) - 1801),
    ],
    ids=["another key", "altered body", "older than 30 minutes"],
)
def test_sdk_refuses_what_is_not_ours(header: str) -> None:
    with pytest.raises(BadRequestError):
        construct_event(BODY, header)


def test_known_signature_does_not_change() -> None:
    assert HEADER == "ElevenLabs-Signature"
    assert sign(b"{}", "secret", 1700000000) == (
        "t=1700000000,v0=b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163"
    )
