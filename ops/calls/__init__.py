"""What became of calls, and why an agent said what it said. Nothing here writes anywhere."""

from ops.calls.callers import (
    Answer,
    Candidate,
    LookedUp,
    Remembered,
    ToldNow,
    caller,
    look_up,
    search,
    told_now,
)
from ops.calls.explanation import Explanation, Left, LookUp, Times, call
from ops.calls.outcome import Outcome, State
from ops.calls.overview import CallOverview, calls
from ops.calls.sources import Sources, StoredMemory
from ops.calls.told import Told, ToldLine

__all__ = [
    "Answer",
    "CallOverview",
    "Candidate",
    "Explanation",
    "Left",
    "LookUp",
    "LookedUp",
    "Outcome",
    "Remembered",
    "Sources",
    "State",
    "StoredMemory",
    "Times",
    "Told",
    "ToldLine",
    "ToldNow",
    "call",
    "caller",
    "calls",
    "look_up",
    "search",
    "told_now",
]
