"""What an agent was told before a call, and which memory each line comes from.

ElevenLabs keeps the prompt, not where its lines come from. So the functions' own code writes the lines of
every memory again, as of the day of the call, and the same line is the same memory.
"""

import datetime as dt
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from client_data import context
from ops.calls.sources import StoredMemory
from shared.environment import Environment
from shared.memory import SEMANTIC, Memory, of_one_person

_DAY = re.compile(r"\d{4}-\d\d-\d\d:|At some time:")
_HIDDEN = ("system__", "secret__")
_AT_ONCE = 200  # memories that are looked through before it is asked whether more are needed
_START = 20  # characters of a memory that every line of it has, however it is cut


@dataclass(frozen=True, kw_only=True)
class ToldLine:
    """One line that the agent was told.

    Attributes:
        section: the heading above it, such as `Facts:`.
        text: the line.
        day: the day above it, if it is a fact: `2026-03-03`; else empty.
        memory: where it comes from; None if its memory is not there any more.
    """

    section: str
    text: str
    day: str = ""
    memory: StoredMemory | None = None


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the agent was told before the call.

    Attributes:
        prompt: its whole prompt, if the call replaced it; else empty.
        variables: the dynamic variables, by name; those of ElevenLabs and secrets left out.
        lines: the lines between the fences, in order; none for an unknown caller.
    """

    prompt: str
    variables: Mapping[str, str]
    lines: tuple[ToldLine, ...]


def told(
    data: Mapping[str, Any], memories: Iterable[StoredMemory], environment: Environment, began: dt.datetime
) -> Told | None:
    """What the agent was told.

    Args:
        data: the conversation's detail.
        memories: the caller's, as they are now.
        environment: the functions' settings.
        began: when the call began.

    Returns:
        None if ClientData was not asked.
    """
    client_data = _object(data.get("conversation_initiation_client_data"))
    variables = {
        name: str(value)
        for name, value in _object(client_data.get("dynamic_variables")).items()
        if not name.startswith(_HIDDEN) and value is not None
    }
    value = client_data
    for name in ("conversation_config_override", "agent", "prompt"):
        value = _object(value.get(name))
    prompt = value.get("prompt")
    prompt = prompt if isinstance(prompt, str) else ""
    if not variables.get("memory_count") and not prompt:
        return None
    text = variables.get("memory_context") or prompt
    return Told(prompt=prompt, variables=variables, lines=lines(text, memories, environment, began))


def lines(
    text: str, memories: Iterable[StoredMemory], environment: Environment, now: dt.datetime
) -> tuple[ToldLine, ...]:
    """The lines between the fences of `text`, each with the memory that it comes from.

    Args:
        text: a prompt, or the memories in it.
        memories: those that it may come from; what is not older than `now` does not count. They are read
            until all lines are found.
        environment: the functions' settings.
        now: when it was told.
    """
    told_lines = list(_parse(text))
    known: dict[tuple[str, str], StoredMemory] = {}
    earlier: list[StoredMemory] = []
    remaining = iter(memories)
    while any(_key(line) not in known for line in told_lines) and (
        some := list(itertools.islice(remaining, _AT_ONCE))
    ):
        found = [memory for memory in some if memory.created < now and memory.text[:_START] in text]
        if found:
            earlier += found
            known = _forms(earlier, environment.context_characters, now)
    return tuple(
        ToldLine(section=line.section, text=line.text, day=line.day, memory=known.get(_key(line)))
        for line in told_lines
    )


def _key(line: ToldLine) -> tuple[str, str]:
    return line.day or line.section, line.text


def _forms(
    memories: Sequence[StoredMemory], budget: int, now: dt.datetime
) -> dict[tuple[str, str], StoredMemory]:
    """Every line that may stand for one of `memories`, each with its memory."""
    attributed = of_one_person([memory.memory for memory in memories], attribute=True)
    known: dict[tuple[str, str], StoredMemory] = {}
    for stored, told_as in zip(memories, attributed, strict=True):
        for form in (stored.memory, told_as):
            for line in _alone(form, budget, now):
                known.setdefault(_key(line), stored)
    return known


def _alone(memory: Memory, budget: int, now: dt.datetime) -> Iterator[ToldLine]:
    """Every line that may stand for a memory: a passage may stand below a summary of its call."""
    summary = Memory(text="-", type=SEMANTIC, created=memory.created, kind="summary")
    for together in ([memory], [summary, memory]):
        yield from _parse(context.compose(together, budget, now))


def _parse(text: str) -> Iterator[ToldLine]:
    """The lines between the fences, with the headings above them."""
    _, _, after = text.rpartition(context.OPENING + "\n")
    inside, fence, _ = after.partition("\n" + context.CLOSING)
    section = day = ""
    for line in inside.splitlines() if fence else ():
        if line.startswith("- "):
            yield ToldLine(section=section, text=line[2:], day=day)
        elif _DAY.fullmatch(line):
            day = line.removesuffix(":")
        else:
            section, day = line, ""


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
