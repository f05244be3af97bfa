"""A call from the ring until it was remembered, step by step."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from ops.calls import Explanation


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step: when it happened, what it was, and how many seconds after the step before."""

    at: dt.datetime
    what: str
    after: float | None


def timeline(found: Explanation) -> list[Step]:
    """The steps that are known, in their order. ElevenLabs tells whole seconds only: two may seem to swap."""
    steps: list[Step] = []
    for at, what in _steps(found):
        after = (at - steps[-1].at).total_seconds() if steps else None
        steps.append(Step(at=at, what=what, after=None if after is None or after < 0 else after))
    return steps


def _steps(found: Explanation) -> Iterator[tuple[dt.datetime, str]]:
    times = found.times
    if times.rang:
        yield times.rang, "The phone rang"
        if times.client_data_ms is not None:
            answered = times.rang + dt.timedelta(milliseconds=times.client_data_ms)
            yield answered, f"ClientData answered in {times.client_data_ms:.0f} ms"
    yield times.began, "The call began"
    for used in found.look_ups:
        seconds = "" if used.seconds is None else f" ({used.seconds * 1000:.0f} ms)"
        yield times.began + dt.timedelta(seconds=used.at_seconds), f"The agent used {used.tool}{seconds}"
    yield times.ended, "The call ended"
    if times.webhook:
        yield times.webhook, "PostCall accepted the webhook"
    if times.accepted:
        yield times.accepted, "Mem0 accepted the call"
    if times.remembered:
        yield times.remembered, "The call was remembered"
