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

OWN_PROMPT = """You are {name}, who answers the phone for a small business. Be friendly and brief."""


class InitiationError(Exception):
    """The platform could not start the call with what the webhook answered."""


@dataclass(frozen=True, kw_only=True)
class WebhookTool:
    """A webhook tool as a call uses it.

    `bound` names body properties that come from a dynamic variable, `constant` those with a fixed value, and
    `filled` those that the LLM fills in. A header's value may be a secret or a variable.
    """

    tool_id: str = ""
    name: str = "recall_memory"
    url: str = ""
    method: str = "POST"
    timeout: float = 20.0
    bound: Mapping[str, str] = field(default_factory=dict)
    constant: Mapping[str, Value] = field(default_factory=dict)
    filled: frozenset[str] = frozenset()
    headers: Mapping[str, Any] = field(default_factory=dict)
    sends_body: bool = True

    @classmethod
    def of(cls, tool_id: str, config: Mapping[str, Any]) -> "WebhookTool":
        """From a `tool_config`."""
        schema = config["api_schema"]
        body = schema["request_body_schema"] or {}
        found = body.get("properties", {}).items()
        properties = {name: source for name, source in found if not source.get("is_omitted")}
        variables = {name: source.get("dynamic_variable") for name, source in properties.items()}
        values = {name: source.get("constant_value") for name, source in properties.items()}
        bound = {name: variable for name, variable in variables.items() if variable}
        constant = {name: value for name, value in values.items() if value not in (None, "")}
        return cls(
            tool_id=tool_id,
            name=config["name"],
            url=schema["url"],
            method=schema["method"],
            timeout=float(config["response_timeout_secs"]),
            bound=bound,
            constant=constant,
            filled=frozenset(properties.keys() - bound.keys() - constant.keys()),
            headers=schema["request_headers"],
            sends_body=bool(body),
        )

    @property
    def variables(self) -> set[str]:
        """The dynamic variables that it sends."""
        objects = [value for value in self.headers.values() if isinstance(value, dict)]
        in_headers = {str(value["variable_name"]) for value in objects if "variable_name" in value}
        return {*self.bound.values(), *in_headers, *names_in(self.url)}


@dataclass(frozen=True, kw_only=True)
class Agent:
    """An agent's settings, as far as they decide how a call goes.

    `placeholders` are its dynamic variables with the values for calls without client data. `overrides` are
    the fields whose switch is on under Security. `fetches` says whether `initiation_url` is asked.
    """

    agent_id: str = ""
    name: str = "Nora"
    branch_id: str | None = None
    version_id: str | None = None
    phone_number_id: str = ""
    prompt: str = ""
    first_message: str = ""
    placeholders: Mapping[str, Value] = field(default_factory=dict)
    overrides: frozenset[str] = frozenset()
    fetches: bool = False
    initiation_url: str = ""
    initiation_headers: Mapping[str, Any] = field(default_factory=dict)
    tools: tuple[WebhookTool, ...] = ()
    missing_tools: tuple[str, ...] = ()

    @property
    def required(self) -> frozenset[str]:
        """Every dynamic variable that the agent defines and the platform does not fill itself."""
        named = {*names_in(self.prompt), *names_in(self.first_message), *self.placeholders}
        used = set[str]().union(*(tool.variables for tool in self.tools))
        return frozenset(name for name in named | used if not name.startswith(SYSTEM_PREFIX))

    def tool(self, name: str) -> WebhookTool | None:
        """Its webhook tool of that name."""
        return next((tool for tool in self.tools if tool.name == name), None)


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
    return _prepare(answer, variables, agent, system, "the webhook's answer")


def initiate_without_webhook(agent: Agent, system: Mapping[str, Value | None]) -> Initiation:
    """Start a call that fetches no client data: the agent's placeholders fill the variables.

    Raises:
        InitiationError: a variable has no placeholder.
    """
    return _prepare({}, dict(agent.placeholders), agent, system, "the agent's placeholders")


def _prepare(
    answer: dict[str, Any],
    variables: dict[str, Value],
    agent: Agent,
    system: Mapping[str, Value | None],
    source: str,
) -> Initiation:
    if agent.missing_tools:
        raise InitiationError(f"The agent uses tools that do not exist: {', '.join(agent.missing_tools)}")
    missing = sorted(agent.required - variables.keys())
    if missing:
        raise InitiationError(f"Missing required dynamic variables in {source}: {', '.join(missing)}")
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
