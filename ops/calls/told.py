"""What an agent was told before a call, and which memory each line comes from."""

from collections.abc import Mapping
from dataclasses import dataclass

from ops.calls.sources import StoredMemory


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
