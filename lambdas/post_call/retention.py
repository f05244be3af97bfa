"""What of a call is stored, and until when: which types of memory, and each one's days.

The days count from the call and not from now, so that a call that waited in the queue is not kept longer.
After its last day Mem0 hides a memory. Source: `expiration_date` in Mem0's OpenAPI file.
"""

import datetime as dt
import os

from shared import environment
from shared.memories import FACTUAL, SEMANTIC, TYPES

_MOST_DAYS = 36_500
_DAYS = {FACTUAL: "FACTUAL_RETENTION_DAYS", SEMANTIC: "SEMANTIC_RETENTION_DAYS"}


def stored_types() -> tuple[str, ...]:
    """The types of memory that a call leaves.

    Raises:
        ValueError: if `STORE_TYPES` is none of `both`, `factual`, `semantic`.
    """
    wanted = environment.choice("STORE_TYPES", ("both", *TYPES))
    return TYPES if wanted == "both" else (wanted,)


def expiry(kind: str, call_start: int) -> dict[str, str]:
    """The options of Mem0's `add` that let a memory expire: `{"expiration_date": "2026-04-02"}`, or none.

    Args:
        kind: `factual` or `semantic`.
        call_start: when the call began, in unix seconds.

    Raises:
        ValueError: if the days are not set to a number from 1 to 36500.
    """
    name = _DAYS[kind]
    if not os.environ.get(name):
        return {}
    days = int(environment.number(name, _MOST_DAYS, least=1, most=_MOST_DAYS))
    day = dt.datetime.fromtimestamp(call_start, dt.UTC).date() + dt.timedelta(days=days)
    return {"expiration_date": day.isoformat()}
