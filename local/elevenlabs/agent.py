"""The agent as it is set up at ElevenLabs, and what the platform accepts from ClientData for it.

A mistake in the initiation webhook's answer ends the call on the real platform, often with no visible error.
Here the same mistake is an error that says what is wrong.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Value = str | int | float | bool

RESPONSE_TYPE = "conversation_initiation_client_data"
SECRET_PREFIX = "secret__"  # noqa: S105 - a prefix of names
SYSTEM_PREFIX = "system__"
PLACEHOLDER = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)
OVERRIDABLE = {"agent.prompt.prompt": "prompt", "agent.first_message": "first_message"}

OWN_PROMPT = """You are Nora, who answers the phone for a small business. Be friendly and brief.

What you know of the caller ({{caller_id}}, called before: {{returning_caller}}):
{{memory_context}}"""


class InitiationError(Exception):
    """The platform could not start the call with what the webhook answered."""


@dataclass(frozen=True, kw_only=True)
class MemoryTool:
    """The webhook tool by which the agent asks Retrieve.

    `bound` names body properties that come from a dynamic variable: whatever the LLM says about them is
    overwritten. `headers` names headers whose value is a dynamic variable.
    """

    name: str = "recall_memory"
    bound: Mapping[str, str] = field(default_factory=lambda: {"user_id": "system__caller_id"})
    headers: Mapping[str, str] = field(default_factory=lambda: {"X-Memory-Token": "secret__memory_token"})


@dataclass(frozen=True, kw_only=True)
class Agent:
    """An agent's settings, as far as they decide what ClientData must answer.

    `variables` are those with a placeholder in the settings. `overrides` are the fields whose switch is on
    under Security.
    """

    prompt: str = OWN_PROMPT
    first_message: str = "Hello, this is Nora. How can I help you?"
    variables: frozenset[str] = frozenset(
        {"caller_id", "memory_count", "memory_context", "returning_caller", "caller_name"}
    )
    overrides: frozenset[str] = frozenset({"prompt", "first_message"})
    tool: MemoryTool = field(default_factory=MemoryTool)

    @property
    def required(self) -> frozenset[str]:
        """Every dynamic variable that the agent defines and the platform does not fill itself."""
        named = {*names_in(self.prompt), *names_in(self.first_message)}
        used = {*self.tool.bound.values(), *self.tool.headers.values()}
        return frozenset(name for name in self.variables | named | used if not name.startswith(SYSTEM_PREFIX))


@dataclass(frozen=True, kw_only=True)
class Initiation:
    """What the agent starts the call with: prompt and first message with all variables filled in."""

    prompt: str
    first_message: str
    variables: dict[str, Value]
    overridden: frozenset[str] = frozenset()
    client_data: dict[str, Any] = field(default_factory=dict, repr=False)


def names_in(text: str) -> set[str]:
    """The names that stand in `{{...}}` in a text, each of which the platform takes for a variable."""
    return set(PLACEHOLDER.findall(text))


def initiate(text: str, agent: Agent, system: Mapping[str, Value | None]) -> Initiation:
    """Check ClientData's answer as the platform does, and prepare the call.

    Args:
        text: the body of the answer.
        agent: the agent that takes the call.
        system: the platform's own variables (`system__...`).

    Raises:
        InitiationError: in the platform's words where they are known.
    """
    answer = _json_object(text)
    if answer.get("type") != RESPONSE_TYPE:
        raise InitiationError(
            f'The answer\'s "type" is {answer.get("type")!r}. ElevenLabs needs {RESPONSE_TYPE!r};'
            " without it the call fails with no visible error."
        )
    variables = _variables(answer.get("dynamic_variables", {}))
    return _prepare(answer, variables, agent, system)


def initiate_without_webhook(agent: Agent, system: Mapping[str, Value | None]) -> Initiation:
    """Start a call that has no initiation webhook (web widget, SDK): placeholders fill the variables."""
    variables: dict[str, Value] = dict.fromkeys(sorted(agent.required), "")
    return _prepare({}, variables, agent, system)


def _prepare(
    answer: dict[str, Any], variables: dict[str, Value], agent: Agent, system: Mapping[str, Value | None]
) -> Initiation:
    missing = sorted(agent.required - variables.keys())
    if missing:
        raise InitiationError(
            f"Missing required dynamic variables in the webhook's answer: {', '.join(missing)}"
        )
    overrides = _overrides(answer.get("conversation_config_override") or {}, agent)
    known = {**{name: value for name, value in system.items() if value is not None}, **variables}
    return Initiation(
        prompt=_fill("prompt", overrides.get("prompt", agent.prompt), known),
        first_message=_fill("first_message", overrides.get("first_message", agent.first_message), known),
        variables=variables,
        overridden=frozenset(overrides),
        client_data=answer,
    )


def _json_object(text: str) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError as error:
        raise InitiationError(f"The webhook's answer is not JSON: {text!r:.120}") from error
    if not isinstance(answer, dict):
        raise InitiationError(f"The webhook's answer is not a JSON object: {text!r:.120}")
    return answer


def _variables(found: object) -> dict[str, Value]:
    if not isinstance(found, dict):
        raise InitiationError('"dynamic_variables" is not an object.')
    for name, value in found.items():
        if not isinstance(value, str | int | float | bool):
            raise InitiationError(
                f"Dynamic variable '{name}' is {'null' if value is None else type(value).__name__}."
                " ElevenLabs accepts a string, a number or a boolean."
            )
        if name.startswith(SYSTEM_PREFIX):
            raise InitiationError(
                f"Dynamic variable '{name}' uses the prefix {SYSTEM_PREFIX}, which is reserved."
            )
    return found


def _overrides(found: object, agent: Agent) -> dict[str, str]:
    """The overridden fields, flat: `{"prompt": ..., "first_message": ...}`."""
    overrides = {}
    for path, value in _leaves(found, ""):
        name = OVERRIDABLE.get(path, "")
        if name not in agent.overrides:
            field_name = path.rpartition(".")[2]
            raise InitiationError(f"Override for field '{field_name}' is not allowed by config.")
        if not isinstance(value, str):
            raise InitiationError(f"Override for field '{name}' is not a string.")
        overrides[name] = value
    return overrides


def _leaves(value: object, path: str) -> Iterator[tuple[str, object]]:
    """Yield what is no object, with its path, e.g. `agent.prompt.prompt`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    else:
        yield path, value


def _fill(where: str, text: str, known: Mapping[str, Value]) -> str:
    """Put the variables' values in place of `{{name}}`; an unknown name ends the call."""
    speakable = {name for name in known if not name.startswith(SECRET_PREFIX)}
    missing = sorted(names_in(text) - speakable)
    if missing:
        raise InitiationError(f"Missing required dynamic variables in {where}: {', '.join(missing)}")
    return PLACEHOLDER.sub(lambda match: str(known[match.group(1)]), text)
