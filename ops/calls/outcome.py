"""What became of a call: read from the ledger, the dead letters, the log, and PostCall's own decision."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

State = Literal[
    "remembered", "waiting", "dead letter", "left out", "forgotten", "no webhook", "under way", "unknown"
]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a call.

    Attributes:
        state: in a word or two. `unknown`: the log that would tell is older than its retention.
        reason: why, in words; empty for `remembered`.
        remembered_at: when Mem0 was done with it, in UTC; None if it was not remembered.
    """

    state: State
    reason: str = ""
    remembered_at: dt.datetime | None = None
