"""Tells open pages, by one server-sent event stream, that calls have changed."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse

EVENT = "calls"
"""The event by which a page knows that it is no longer up to date."""

_PING_SECONDS = 15.0
_PING = ": still here\n\n"
_RETRY = "retry: 1000\n\n"  # milliseconds until a browser connects again, where the console was restarted
_CHANGED = f"event: {EVENT}\ndata: changed\n\n"
_log = logging.getLogger(__name__)


class Changes:
    """Looks for changes while anybody is connected.

    Args:
        look: reads what may change, whatever it is: two readings are compared.
        seconds: between two looks.

    Attributes:
        looks: how often it has looked.
    """

    def __init__(self, look: Callable[[], Mapping[str, object]], seconds: float) -> None:
        self._look = look
        self._seconds = seconds
        self.looks = 0
        self._streams: set[asyncio.Event] = set()
        self._looking: asyncio.Task[None] | None = None

    async def stream(self, _request: Request) -> StreamingResponse:
        """The stream. It begins with an event: what changed before it was connected has not been told."""
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[str]:
        changed = asyncio.Event()
        changed.set()
        self._streams.add(changed)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._watch())
        try:
            yield _RETRY
            while True:
                try:
                    await asyncio.wait_for(changed.wait(), _PING_SECONDS)
                except TimeoutError:
                    yield _PING
                else:
                    changed.clear()
                    yield _CHANGED
        finally:
            self._streams.discard(changed)

    async def _watch(self) -> None:
        last: Mapping[str, object] | None = None
        while self._streams:
            try:
                found = await run_in_threadpool(self._look)
            except Exception as error:  # noqa: BLE001 - the page that is opened next shows what is wrong
                _log.warning("the newest calls cannot be read: %s", type(error).__name__)
            else:
                if last is not None and found != last:
                    for changed in self._streams:
                        changed.set()
                last = found
                self.looks += 1
            await asyncio.sleep(self._seconds)
