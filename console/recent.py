"""The newest calls, of which those that cannot change any more are not read again at once."""

import datetime as dt
import itertools
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

from ops.calls import CallOverview, Sources, State, calls

PAGE_SIZE = 25
MOST_FILTERED = 200
"""How many calls are read for one page, if only those of a state are wanted."""

_KEPT = 5000
_KEPT_SECONDS = 300
_SETTLED: tuple[State, ...] = ("remembered", "left out", "forgotten")
_AGE_SECONDS = 3600  # after which a call whose webhook never came most likely has none


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which calls: of a caller, an agent, a state, with some words in the title or summary. Empty: all."""

    user_id: str = ""
    agent_id: str = ""
    state: str = ""
    words: str = ""


class RecentCalls:
    """Reads calls; threads may share it."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._lock = Lock()
        self._kept: OrderedDict[str, tuple[float, CallOverview]] = OrderedDict()

    def page(self, filters: Filters, before: tuple[dt.datetime, str] | None = None) -> Sequence[CallOverview]:
        """At most `PAGE_SIZE` calls, newest first, that began before the call `before` (its start and id)."""
        return list(itertools.islice(self._read(filters, before), PAGE_SIZE))

    def clear(self) -> None:
        """Read every call anew the next time."""
        with self._lock:
            self._kept.clear()

    def _read(self, filters: Filters, before: tuple[dt.datetime, str] | None) -> Iterator[CallOverview]:
        found = calls(
            self._sources,
            MOST_FILTERED if filters.state else PAGE_SIZE,
            before=before,
            agent_id=filters.agent_id,
            user_id=filters.user_id,
            words=filters.words,
            known=self._known,
        )
        for call in found:
            self._keep(call)
            if filters.state in ("", call.outcome.state):
                yield call

    def _known(self, conversation_id: str) -> CallOverview | None:
        with self._lock:
            since, call = self._kept.get(conversation_id, (0.0, None))
            return call if time.monotonic() - since < _KEPT_SECONDS else None

    def _keep(self, call: CallOverview) -> None:
        age = dt.datetime.now(dt.UTC) - call.began
        settled = call.outcome.state in _SETTLED or (
            call.outcome.state == "no webhook" and age.total_seconds() > _AGE_SECONDS
        )
        if settled and self._known(call.conversation_id) is None:
            with self._lock:
                self._kept[call.conversation_id] = (time.monotonic(), call)
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
