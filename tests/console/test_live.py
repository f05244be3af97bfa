"""The stream tells of changes, once each, to everybody who is connected."""

import asyncio
import itertools
from collections.abc import AsyncIterator

from starlette.requests import Request

from console.live import Changes

REQUEST = Request({"type": "http", "method": "GET", "headers": []})
WAIT = 5.0


async def events(changes: Changes) -> AsyncIterator[str]:
    """The names of the events of a stream."""
    async for piece in (await changes.stream(REQUEST)).body_iterator:
        line = str(piece).splitlines()[0]
        if line.startswith("event: "):
            yield line.removeprefix("event: ")


async def following(stream: AsyncIterator[str]) -> str:
    return await asyncio.wait_for(anext(stream), WAIT)


def test_stream_begins_with_an_event_and_goes_on_with_changes() -> None:
    state = {"conv_1": "waiting"}

    async def run() -> None:
        changes = Changes(lambda: dict(state), 0.01)
        streams = [events(changes), events(changes)]
        assert [await following(stream) for stream in streams] == ["calls", "calls"]
        await looked(changes)
        state["conv_1"] = "remembered"
        assert [await following(stream) for stream in streams] == ["calls", "calls"]

    asyncio.run(run())


async def looked(changes: Changes) -> None:
    """Wait until the first look is over."""
    end = asyncio.get_running_loop().time() + WAIT
    while not changes.looks:
        assert asyncio.get_running_loop().time() < end
        await asyncio.sleep(0.005)


def test_nobody_looks_when_nobody_is_connected() -> None:
    looks = itertools.count()

    async def run() -> None:
        changes = Changes(lambda: {"n": next(looks)}, 0.01)
        stream = events(changes)
        await following(stream)
        await following(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        task = changes._looking
        assert task is not None
        await asyncio.wait_for(task, WAIT)

    asyncio.run(run())


def test_look_that_fails_does_not_end_the_stream() -> None:
    found = iter([{"n": 1}, None, {"n": 2}])

    def look() -> dict[str, int]:
        value = next(found, {"n": 2})
        if value is None:
            raise RuntimeError
        return value

    async def run() -> None:
        stream = events(Changes(look, 0.01))
        assert [await following(stream) for _ in range(2)] == ["calls", "calls"]

    asyncio.run(run())
