"""Call scripts: what a simulated call consists of, as data (described in `local/calls/README.md`)."""

import json
from dataclasses import field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.dataclasses import dataclass

from local.validation import problem

CONFIG = ConfigDict(extra="forbid", strict=True)
Kind = Literal["phone", "sip", "web", "audio", "failure"]
Role = Literal["user", "agent"]
Scalar = str | int | float | bool | None
Words = Annotated[str, StringConstraints(pattern=r"\S")]


class ScriptError(ValueError):
    """A script or saved payload cannot be used; the message says where and why."""


def _unix_seconds(value: object) -> object:
    """Read a time as a script gives it; without an offset it is UTC."""
    if not isinstance(value, str):
        return value
    moment = datetime.fromisoformat(value)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class ToolUse:
    """One tool that the agent uses.

    Attributes:
        name: the tool's name; `recall_memory` is the one that reaches Retrieve.
        arguments: what the LLM fills in, e.g. `{"query": "..."}`.
        result: a canned answer of another tool: nothing is sent. Without it, Retrieve is called.
        is_error: the canned answer is a failure.
        expect: words that the answer must hold for the call to have gone well; the demo checks them.
    """

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    result: str | None = None
    is_error: bool = False
    expect: tuple[Words, ...] = ()


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class Turn:
    """One turn of the conversation, as ElevenLabs would write it down.

    `message` may be None, empty or `"..."`, as it is in real payloads. `original_message` is what the agent
    would have said had the caller not interrupted. `at` is the second of the call in which the turn begins;
    None lets it follow from the length of what was said before.
    """

    role: Role
    message: str | None = None
    interrupted: bool = False
    original_message: str | None = None
    tool: ToolUse | None = None
    medium: Literal["audio", "dtmf", "text"] = "audio"
    at: int | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.tool and self.role != "agent":
            raise ValueError('only the agent uses tools: set role to "agent"')
        return self


@dataclass(frozen=True, kw_only=True, config=CONFIG)
class CallScript:
    """One call; the fields are those of the JSON file. `start` is in unix seconds, or an ISO time in JSON."""

    kind: Kind
    start: Annotated[int, BeforeValidator(_unix_seconds)]
    about: str = ""
    turns: tuple[Turn, ...] = ()
    caller_id: str | None = None
    external_number: str | None = None
    called_number: str = "+16515550100"
    user_id: str | None = None
    agent_id: str = "agent_01lindenstreetvet"
    agent_name: str = "Nora"
    collected: dict[str, Scalar] = field(default_factory=dict)
    evaluation: dict[str, str] = field(default_factory=dict)
    summary: str | None = None
    title: str | None = None
    language: str = "en"
    termination_reason: str = "Call ended by remote party"
    remember: tuple[Words, ...] = ()
    conversation_id: str | None = None
    audio: str | None = None
    failure_reason: str | None = None

    @property
    def tools(self) -> list[ToolUse]:
        """The tools that are used, in order."""
        return [turn.tool for turn in self.turns if turn.tool]

    @model_validator(mode="after")
    def _check(self) -> Self:
        """Check what each kind cannot do without."""
        if self.kind in ("phone", "sip") and self.caller_id is None:
            raise ValueError(f'a {self.kind} call has a caller_id; a withheld one is "anonymous"')
        if self.kind == "audio" and not self.audio:
            raise ValueError("an audio event has audio: base64 MP3")
        if self.kind == "failure" and not self.failure_reason:
            raise ValueError("a failure has a failure_reason: busy, no-answer or unknown")
        if self.kind not in ("audio", "failure") and not self.turns:
            raise ValueError("a call has at least one turn")
        return self


def load_script(path: Path) -> CallScript:
    """Read a call script from a JSON file.

    Raises:
        ScriptError: the file cannot be read, is no JSON, or is no script; the message names the place.
    """
    return parse_script(load_json(path), where=path.name)


def parse_script(raw: object, *, where: str = "script") -> CallScript:
    """Turn decoded JSON into a script.

    Raises:
        ScriptError: naming the field and what is wrong with its value; it begins with `where`.
    """
    try:
        return TypeAdapter(CallScript).validate_json(json.dumps(raw))  # as JSON, in which a tuple is a list
    except ValidationError as error:
        raise ScriptError(f"{where}: {problem(error)}") from None


def load_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        ScriptError: it cannot be read, or is no JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise ScriptError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ScriptError(f"{path}: is not JSON: {error}") from error
