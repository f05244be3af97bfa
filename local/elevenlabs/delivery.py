"""Delivers a post-call webhook: signed, and tried again by ElevenLabs' own policy.

Why it exists: what is lost or doubled depends on the sender's policy as much as on the receiver. The waits
can be compressed (``compressed``) or replaced, the policy cannot be changed.

It refuses to be kinder than the platform: only 200 is success, and a 4xx other than 408 and 429 is final.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from .signature import HEADER, sign
from .wire import TIMEOUT, Reply, Wire

WAITS: Final = (0.0, 30.0, 120.0, 480.0, 1800.0)
"""Seconds before each further try (elevenlabs.io/docs, *Webhooks*), each with 10 % of jitter."""

JITTER: Final = 0.1
SUCCESS: Final = 200
RETRIED_TYPE: Final = "post_call_transcription"
"""The only type that is tried again."""

_TRY_AGAIN: Final = frozenset({408, 429})
_DELIVERY_TIMEOUT: Final = 30.0
"""Seconds. The platform's own figure is not published; this is API Gateway's, which ends the wait before
it."""

Sleep = Callable[[float], None]


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One try: how long it was waited for (seconds of the schedule, not compressed), and what came of it."""

    waited: float
    reply: Reply


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """All tries of one delivery, oldest first; never empty."""

    event_type: str
    attempts: tuple[Attempt, ...]

    @property
    def accepted(self) -> bool:
        """Whether the last try was answered with exactly 200."""
        return self.last.status == SUCCESS

    @property
    def last(self) -> Reply:
        """What the last try came to."""
        return self.attempts[-1].reply


def compressed(factor: float) -> Sleep:
    """A sleep that is ``factor`` times shorter, so that 40 minutes of retries pass in a test's time."""
    return lambda seconds: time.sleep(seconds / factor)


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """A webhook as it is set up in the workspace.

    Attributes:
        url: where to.
        key: its secret.
        retry_enabled: off by default on the platform, on in our set-up.
        sleep: waits the given seconds.
        now: the time of signing in unix seconds.
        rng: for the jitter.
    """

    url: str
    key: str = field(repr=False)
    retry_enabled: bool = True
    sleep: Sleep = time.sleep
    now: Callable[[], float] = time.time
    rng: random.Random = field(default_factory=random.Random)

    def deliver(self, wire: Wire, body: bytes, event_type: str = RETRIED_TYPE) -> Delivery:
        """Deliver one event, as often as the policy has it.

        The body is the same in every try. Each try is signed anew: the schedule lasts 40 minutes, and a
        signature is good for 30.

        Args:
            wire: what sends it.
            body: the raw body.
            event_type: the envelope's type; only ``post_call_transcription`` is tried again.
        """
        attempts = [Attempt(waited=0.0, reply=self._try(wire, body))]
        waits = WAITS if self.retry_enabled and event_type == RETRIED_TYPE else ()
        for wait in waits:
            if not worth_another_try(attempts[-1].reply):
                break
            seconds = wait * self.rng.uniform(1 - JITTER, 1 + JITTER)
            self.sleep(seconds)
            attempts.append(Attempt(waited=seconds, reply=self._try(wire, body)))
        return Delivery(event_type=event_type, attempts=tuple(attempts))

    def _try(self, wire: Wire, body: bytes) -> Reply:
        headers = {HEADER: sign(body, self.key, int(self.now()))}
        return wire.post(self.url, body, headers, timeout=_DELIVERY_TIMEOUT)


def worth_another_try(reply: Reply) -> bool:
    """Whether the platform tries again after this: on 5xx, 429, 408 and timeouts only.

    A refused connection is not in the documented list, so it is final here.
    """
    if reply.status is None:
        return reply.problem == TIMEOUT
    return reply.status in _TRY_AGAIN or reply.status >= 500  # noqa: PLR2004 - the family of 5xx
