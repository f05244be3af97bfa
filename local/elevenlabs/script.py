"""Call scripts: what a simulated call consists of, as data.

Why it exists: a call is told in a few lines of JSON (``local/calls/README.md`` describes each field), so
that a new case costs a file and no code. The dataclasses can also be built directly, e.g. from a dialogue
data set.

It refuses to guess: an unknown key, a wrong type or a missing field is an error that names file, place and
remedy.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, get_args

from .fields import Fields, ScriptError

Kind = Literal["phone", "sip", "web", "audio", "failure"]
Role = Literal["user", "agent"]
Scalar = str | int | float | bool | None

DEFAULT_AGENT_ID: Final = "agent_01lindenstreetvet"
DEFAULT_CALLED_NUMBER: Final = "+16515550100"


@dataclass(frozen=True, kw_only=True)
class ToolUse:
    """One tool that the agent uses.

    Attributes:
        name: the tool's name; ``recall_memory`` is the one that reaches Retrieve.
        arguments: what the LLM fills in, e.g. ``{"query": "..."}``.
        result: a canned answer. With one, nothing is sent: the tool belongs to somebody else. Without, the
            call is made over HTTP while the call is played.
        is_error: the canned answer is a failure.
        expect: words that the answer must hold for the call to have gone well; the story checks them.
    """

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    result: str | None = None
    is_error: bool = False
    expect: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One turn of the conversation, as ElevenLabs would write it down.

    ``message`` may be None, empty or ``"..."``, as it is in real payloads. ``original_message`` is what the
    agent would have said had the caller not interrupted. ``at`` is the second of the call in which the turn
    begins; None lets it follow from the length of what was said before.
    """

    role: Role
    message: str | None
    interrupted: bool = False
    original_message: str | None = None
    tool: ToolUse | None = None
    medium: Literal["audio", "dtmf", "text"] = "audio"
    at: int | None = None


@dataclass(frozen=True, kw_only=True)
class CallScript:
    """One call. ``start`` is in unix seconds; the other fields are those of the JSON file."""

    kind: Kind
    start: int
    turns: tuple[Turn, ...] = ()
    caller_id: str | None = None
    external_number: str | None = None
    called_number: str = DEFAULT_CALLED_NUMBER
    user_id: str | None = None
    agent_id: str = DEFAULT_AGENT_ID
    agent_name: str = "Nora"
    collected: dict[str, Scalar] = field(default_factory=dict)
    evaluation: dict[str, str] = field(default_factory=dict)
    summary: str | None = None
    title: str | None = None
    language: str = "en"
    termination_reason: str = "Call ended by remote party"
    remember: tuple[str, ...] = ()
    conversation_id: str | None = None
    audio: str | None = None
    failure_reason: str | None = None


def load_script(path: Path) -> CallScript:
    """Read a call script from a JSON file.

    Raises:
        ScriptError: the file cannot be read, is no JSON, or is no script; the message names the place.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScriptError(
            f"{path}: cannot be read: {error.strerror}. Give the path of a JSON file."
        ) from error
    except ValueError as error:
        raise ScriptError(f"{path}: is not JSON: {error}. Repair the file.") from error
    return parse_script(raw, where=path.name)


def parse_script(raw: object, *, where: str = "script") -> CallScript:
    """Turn decoded JSON into a script.

    Args:
        raw: the decoded JSON, an object.
        where: the name that errors begin with.

    Raises:
        ScriptError: naming the field, its value and what is allowed.
    """
    fields = Fields(raw, where)
    kind = fields.choice("kind", get_args(Kind))
    script = CallScript(
        kind=kind,
        start=_start(fields),
        turns=tuple(_turn(each) for each in fields.objects("turns")),
        caller_id=fields.text_or_none("caller_id"),
        external_number=fields.text_or_none("external_number"),
        called_number=fields.text("called_number", DEFAULT_CALLED_NUMBER),
        user_id=fields.text_or_none("user_id"),
        agent_id=fields.text("agent_id", DEFAULT_AGENT_ID),
        agent_name=fields.text("agent_name", "Nora"),
        collected=fields.scalars("collected"),
        evaluation={name: str(value) for name, value in fields.scalars("evaluation").items()},
        summary=fields.text_or_none("summary"),
        title=fields.text_or_none("title"),
        language=fields.text("language", "en"),
        termination_reason=fields.text("termination_reason", "Call ended by remote party"),
        remember=fields.texts("remember"),
        conversation_id=fields.text_or_none("conversation_id"),
        audio=fields.text_or_none("audio"),
        failure_reason=fields.text_or_none("failure_reason"),
    )
    fields.done(also=("about",))
    _check_kind(script, where)
    return script


def _start(fields: Fields) -> int:
    text = fields.text("start")
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise ScriptError(
            f"{fields.where}.start: {text!r} is no time. Write it like 2026-11-10T16:40:00Z."
        ) from error
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())


def _turn(fields: Fields) -> Turn:
    tool = fields.object_or_none("tool")
    turn = Turn(
        role=fields.choice("role", get_args(Role)),
        message=fields.text_or_none("message"),
        interrupted=fields.flag("interrupted"),
        original_message=fields.text_or_none("original_message"),
        tool=_tool(tool) if tool else None,
        medium=fields.choice("medium", ("audio", "dtmf", "text"), "audio"),
        at=fields.whole_or_none("at"),
    )
    fields.done()
    if turn.tool and turn.role != "agent":
        raise ScriptError(f'{fields.where}.tool: only the agent uses tools. Set role to "agent".')
    return turn


def _tool(fields: Fields) -> ToolUse:
    tool = ToolUse(
        name=fields.text("name"),
        arguments=fields.mapping("arguments"),
        result=fields.text_or_none("result"),
        is_error=fields.flag("is_error"),
        expect=fields.texts("expect"),
    )
    fields.done()
    return tool


def _check_kind(script: CallScript, where: str) -> None:
    """What each kind cannot do without."""
    if script.kind in ("phone", "sip") and script.caller_id is None:
        raise ScriptError(
            f'{where}.caller_id: missing. A {script.kind} call has one; a withheld one is "anonymous".'
        )
    if script.kind == "audio" and not script.audio:
        raise ScriptError(f"{where}.audio: missing. An audio event carries base64 MP3.")
    if script.kind == "failure" and not script.failure_reason:
        raise ScriptError(f"{where}.failure_reason: missing. ElevenLabs sends busy, no-answer or unknown.")
    if script.kind not in ("audio", "failure") and not script.turns:
        raise ScriptError(f"{where}.turns: empty. A call has at least one turn.")
