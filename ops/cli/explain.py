"""`amem explain`: why an agent said what it said, and what became of a call."""

import dataclasses
import datetime as dt
import itertools
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import click

from ops.calls import Explanation, LookedUp, LookUp, Sources, StoredMemory, Told, ToldLine, call, look_up
from ops.calls.outcome import Outcome
from ops.cli.options import open_workspace, operates_on_stage
from ops.deployment import Deployment
from ops.terminal import Terminal, plain
from shared import logs

_LONGEST = 300  # characters of a result or a parameter on a terminal


@click.command("explain")
@operates_on_stage
@click.argument("conversation_id", metavar="CONVERSATION")
@click.option("--search-again", is_flag=True, help="Also do each look-up again, as of now.")
def explain(deployment: Deployment, terminal: Terminal, conversation_id: str, *, search_again: bool) -> None:
    """Explain why the agent said what it said.

    Shows what it was told before the call, what it looked up, and what the call left in memory. The text
    is for reading; --json has everything, with whole numbers and texts.
    """
    with Sources(deployment, open_workspace()) as sources:
        found = call(sources, conversation_id)
        user_id = found.overview.user_id
        again = [
            look_up(sources, user_id, used.query)
            for used in found.look_ups
            if search_again and user_id and used.memories is not None and used.query
        ]
    terminal.data(
        {**as_json(found), **({"searched_again": as_json(again)} if search_again else {})},
        "\n".join(_text(found, again)),
    )


def as_json(value: Any) -> Any:
    """A value of `ops.calls` as JSON: times in ISO 8601, texts without control characters."""
    if isinstance(value, StoredMemory):
        names = ("id", "kind", "text", "conversation_id", "agent_id", "replaced_by", "created")
        value = {name: getattr(value, name) for name in names} | {"score": value.memory.score}
    elif dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    match value:
        case Mapping():
            return {str(name): as_json(item) for name, item in value.items()}
        case list() | tuple():
            return [as_json(item) for item in value]
        case dt.datetime():
            return value.isoformat()
        case str():  # JSON escapes those of ASCII; a terminal obeys others, too
            return "".join(sign for sign in value if sign == "\n" or unicodedata.category(sign) != "Cc")
    return value


def _text(found: Explanation, again: list[LookedUp]) -> Iterator[str]:
    """The lines for a person, nothing of which a terminal could obey."""
    brief = found.overview
    caller = logs.shorten(brief.user_id) or "an anonymous caller"
    agent = f"{plain(brief.agent_name) or 'agent'} ({plain(brief.agent_id)})"
    yield f"{plain(brief.conversation_id)}: {caller} called {agent}"
    yield f"{brief.began:%Y-%m-%d %H:%M:%S} UTC, {brief.seconds} seconds: {_outcome(brief.outcome)}"
    yield from _heading("What the agent was told before the call")
    yield from _told(found.told)
    yield from _heading("What it looked up")
    for used in found.look_ups:
        yield from _look_up(used)
    if not found.look_ups:
        yield "  nothing"
    for looked_up in again:
        yield from _again(looked_up)
    yield from _heading("What the call left in memory")
    yield from _left(found)
    yield from _heading("Times (UTC)")
    yield from _times(found)


def _told(told: Told | None) -> Iterator[str]:
    if told is None:
        yield "  nothing: ClientData was not asked"
        return
    for heading, lines in itertools.groupby(told.lines, key=lambda line: line.day or line.section):
        yield f"  {plain(heading).removesuffix(':')}"
        for line in lines:
            yield f"    {_cut(line.text)}"
            yield f"      from {_origin(line)}"
    if not told.lines:
        yield "  that nothing is known about this caller"


def _left(found: Explanation) -> Iterator[str]:
    for memory in found.left.memories:
        replaced = " (replaced since)" if memory.replaced_by else ""
        yield f"  {memory.kind:8} {_cut(memory.text)}{replaced}"
    if not found.left.memories:
        yield f"  nothing: {_outcome(found.overview.outcome)}"
    for mark, count in found.left.redacted.items():
        yield f"  left out {count} x {mark}"


def _heading(text: str) -> Iterator[str]:
    yield ""
    yield text


def _outcome(outcome: Outcome) -> str:
    return f"{outcome.state}: {plain(outcome.reason)}" if outcome.reason else outcome.state


def _origin(line: ToldLine) -> str:
    if line.memory is None:
        return "a memory that is not there any more"
    call_id = plain(line.memory.conversation_id) or "an unknown call"
    return f"{call_id}, {line.memory.created:%Y-%m-%d}, {line.memory.kind} {plain(line.memory.id)}"


def _look_up(used: LookUp) -> Iterator[str]:
    minutes, seconds = divmod(used.at_seconds, 60)
    took = f" ({used.seconds * 1000:.0f} ms)" if used.seconds is not None else ""
    asked = used.query or " ".join(f"{name}={value}" for name, value in used.parameters.items())
    failed = " FAILED" if used.is_error else ""
    yield f"  {minutes:02}:{seconds:02} {plain(used.tool)}: {_cut(asked)}{took}{failed}"
    if used.memories is None:
        yield f"    {_cut(used.result)}"
        return
    for memory in used.memories:
        date, score, words = (memory.get(name, "") for name in ("date", "score", "memory"))
        yield f"    {plain(date)}, score {plain(score)}: {_cut(words)}"
    if not used.memories:
        yield "    nothing was found"


def _again(looked_up: LookedUp) -> Iterator[str]:
    counts = Counter(candidate.chosen for candidate in looked_up.candidates)
    offered = f"Mem0 offers {counts.total()}, and words of {counts[True]} are chosen"
    yield f"  as of now, {_cut(looked_up.query)}: {offered}"
    for candidate in looked_up.candidates:
        mark = "chosen" if candidate.chosen else "not"
        score = candidate.memory.memory.score
        yield f"    {mark:6} {score:.3f} {candidate.memory.kind}: {_cut(candidate.memory.text)}"
        yield f"           {candidate.reason}"


def _times(found: Explanation) -> Iterator[str]:
    times = found.times
    took = f" (answered in {times.client_data_ms:.0f} ms)" if times.client_data_ms is not None else ""
    for moment, what in (
        (times.rang, f"the phone rang, and ClientData was asked{took}"),
        (times.began, "the call began"),
        (times.ended, "it ended"),
        (times.webhook, "PostCall accepted the webhook"),
        (times.accepted, "Mem0 accepted it"),
        (times.remembered, "it was remembered"),
    ):
        if moment:
            yield f"  {moment:%Y-%m-%d %H:%M:%S}  {what}"


def _cut(text: object) -> str:
    line = plain(text)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


COMMANDS = (explain,)
