"""Delivers a post-call webhook: signed, and retried by ElevenLabs' policy.

Only 200 is success, and a 4xx other than 408 and 429 is final.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from local.elevenlabs.http_client import TIMEOUT, HttpClient, Reply
from local.elevenlabs.signature import HEADER, sign

# Seconds before each retry (elevenlabs.io/docs, *Webhooks*), each with 10 % of jitter.
WAITS = (0.0, 30.0, 120.0, 480.0, 1800.0)
JITTER = 0.1
SUCCESS = 200
SERVER_ERROR = 500
RETRIED_STATUSES = (408, 429)
RETRIED_TYPE = "post_call_transcription"  # the only type that is retried
# Seconds. The platform's own figure is not published; this is API Gateway's, which ends the wait before it.
DELIVERY_TIMEOUT = 30.0

Sleep = Callable[[float], None]


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt: the seconds waited before it (of the schedule, not compressed), and what came of it."""

    waited: float
    reply: Reply


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """All attempts of one delivery, oldest first; none where no webhook is set, or it is switched off."""

    event_type: str
    attempts: tuple[Attempt, ...]

    @property
    def accepted(self) -> bool:
        """Whether the last attempt was answered with exactly 200."""
        return bool(self.attempts) and self.last.status == SUCCESS

    @property
    def last(self) -> Reply:
        """What the last attempt came to; there must have been one."""
        return self.attempts[-1].reply


def compressed(factor: float) -> Sleep:
    """A sleep that is `factor` times shorter, so that 40 minutes of retries pass in a test's time."""
    return lambda seconds: time.sleep(seconds / factor)


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """A webhook as it is set up in the workspace. Retries are off by default there, and on in our set-up."""

    url: str
    key: str = field(repr=False)
    retry_enabled: bool = True
    sleep: Sleep = time.sleep
    now: Callable[[], float] = time.time
    rng: random.Random = field(default_factory=random.Random)

    def deliver(self, client: HttpClient, body: bytes, event_type: str = RETRIED_TYPE) -> Delivery:
        """Deliver one event, retrying as the policy has it.

        The body is the same in every attempt. Each is signed anew: the schedule lasts 40 minutes, and a
        signature is good for 30.
        """
        attempts = [Attempt(waited=0.0, reply=self._attempt(client, body))]
        waits = WAITS if self.retry_enabled and event_type == RETRIED_TYPE else ()
        for wait in waits:
            if not is_retried(attempts[-1].reply):
                break
            seconds = wait * self.rng.uniform(1 - JITTER, 1 + JITTER)
            self.sleep(seconds)
            attempts.append(Attempt(waited=seconds, reply=self._attempt(client, body)))
        return Delivery(event_type=event_type, attempts=tuple(attempts))

    def _attempt(self, client: HttpClient, body: bytes) -> Reply:
        headers = {HEADER: sign(body, self.key, int(self.now()))}
        return client.post(self.url, body, headers, timeout=DELIVERY_TIMEOUT)


def is_retried(reply: Reply) -> bool:
    """Whether the platform retries after this: on 5xx, 429, 408 and timeouts only.

    A refused connection is not in the documented list, so it is final here.
    """
    if reply.status is None:
        return reply.problem == TIMEOUT
    return reply.status in RETRIED_STATUSES or reply.status >= SERVER_ERROR
