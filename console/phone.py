"""What the page "Try it" needs to make calls; the local system has a simulated telephone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class PhoneError(Exception):
    """A call cannot be made; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A call that is written already: its name, what it is about, and who calls whom."""

    name: str
    about: str
    caller_id: str
    agent_id: str


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """What was said (`role` is `user` or `agent`), or looked up (`role` is `tool`, with the answer)."""

    role: str
    text: str
    memories: Sequence[Mapping[str, Any]] = ()
    problem: str = ""


@dataclass(kw_only=True)
class LiveCall:
    """A call as it is now.

    Attributes:
        conversation_id: ElevenLabs' id.
        caller_id: as it was typed or withheld.
        agent_id: which agent was called.
        agent_name: its name.
        sample: the sample that it plays; empty if the caller's words are typed.
        problem: why it did not begin, if it did not.
        answered_ms: how long ClientData took; None if it was not asked.
        prompt: the prompt that the agent begins with.
        variables: the dynamic variables that ClientData set, secrets left out.
        utterances: what was said until now.
        next_words: what the caller says next in the sample; empty without one.
        is_over: whether it was hung up.
        delivery: what became of the webhook, in words; empty before.
        is_delivered: whether PostCall took it.
    """

    conversation_id: str
    caller_id: str
    agent_id: str
    agent_name: str
    sample: str = ""
    problem: str = ""
    answered_ms: float | None = None
    prompt: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    utterances: list[Utterance] = field(default_factory=list)
    next_words: str = ""
    is_over: bool = False
    delivery: str = ""
    is_delivered: bool = False


class Phone(Protocol):
    """Makes calls. Every method raises `PhoneError` if that cannot be done."""

    @property
    def samples(self) -> Sequence[Sample]:
        """The calls that are written already."""

    def is_connected(self, agent_id: str) -> bool:
        """Whether the agent asks our functions."""

    def connect(self) -> None:
        """Connect all agents, as `amem connect` does."""

    def ring(self, *, caller_id: str, agent_id: str, sample: str = "", caller_name: str = "") -> LiveCall:
        """Begin a call: `caller_name` is what the agent's data collection finds out in it."""

    def call(self, conversation_id: str) -> LiveCall | None:
        """A call that was begun here; None if there is none of this id."""

    def say(self, conversation_id: str, words: str) -> None:
        """Let the caller say something, and the agent answer. A sample says its own next words."""

    def look_up(self, conversation_id: str, query: str) -> None:
        """Let the agent look something up."""

    def hang_up(self, conversation_id: str) -> None:
        """End the call, and deliver it; nothing if it is over."""
