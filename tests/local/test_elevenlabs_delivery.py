"""The retry policy of the platform: what is tried again, when, and how often."""

import random
from collections.abc import Iterator, Mapping

import pytest
from elevenlabs.webhooks_custom import WebhooksClient

from local.elevenlabs.delivery import WAITS, Webhook
from local.elevenlabs.http_client import TIMEOUT, HttpClient, Reply


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
    """Time that passes only when somebody sleeps."""

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


def test_first_200_ends_it() -> None:
    with ScriptedClient(200) as client:
        delivery = webhook(Clock(0)).deliver(client, b"{}")
    assert delivery.accepted
    assert len(delivery.attempts) == 1


@pytest.mark.parametrize("reply", [500, 502, 503, 504, 599, 429, 408, TIMEOUT])
def test_tried_again_until_it_is_accepted(reply: int | str) -> None:
    with ScriptedClient(reply, reply, 200) as client:
        delivery = webhook(Clock(0)).deliver(client, b"{}")
    assert delivery.accepted
    assert len(delivery.attempts) == 3


@pytest.mark.parametrize(
    "reply", [400, 401, 403, 404, 409, 413, 422, 301, 201, 202, 204, "connection refused"]
)
def test_never_tried_again(reply: int | str) -> None:
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


def test_retry_that_meets_a_final_answer_ends() -> None:
    with ScriptedClient(500, 401) as client:
        delivery = webhook(Clock(0)).deliver(client, b"{}")
    assert [attempt.reply.status for attempt in delivery.attempts] == [500, 401]


def test_payload_stays_and_each_try_is_signed_anew() -> None:
    start = 1_800_000_000
    with ScriptedClient(*[500] * 6) as client:
        webhook(Clock(start)).deliver(client, b'{"a":1}')
    assert {body for body, _ in client.sent} == {b'{"a":1}'}
    signed = [headers["ElevenLabs-Signature"] for _, headers in client.sent]
    assert signed[0] == signed[1]
    assert len(set(signed)) == 5
    sdk = WebhooksClient.__new__(WebhooksClient)  # construct_event needs nothing of the client
    assert sdk.construct_event('{"a":1}', signed[-1], "wsec_invented") == {"a": 1}


@pytest.mark.parametrize("event_type", ["post_call_audio", "call_initiation_failure"])
def test_other_types_are_never_tried_again(event_type: str) -> None:
    with ScriptedClient(500) as client:
        assert not webhook(Clock(0)).deliver(client, b"{}", event_type).accepted


def test_without_retry_enabled_there_is_one_try() -> None:
    with ScriptedClient(500) as client:
        delivery = webhook(Clock(0), retry_enabled=False).deliver(client, b"{}")
    assert len(delivery.attempts) == 1
