"""What the management API accepts: bodies of requests, checked. What is not modeled is kept as it came.

The fields are those of the `elevenlabs` SDK 2.78.0.
"""

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from local.elevenlabs.errors import InvalidRequestError

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://\S+$", max_length=2000)]
Events = list[
    Literal[
        "transcript",
        "audio",
        "call_initiation_failure",
        "answering_machine_detection",
        "unredacted_transcript",
        "unredacted_audio",
    ]
]
SOURCES = ("description", "dynamic_variable", "constant_value", "is_system_provided", "is_omitted")


class Model(BaseModel):
    """A part of a body."""

    model_config = ConfigDict(extra="allow", strict=True)


class SecretReference(Model):
    """A header's value that is a secret of the workspace."""

    secret_id: str


class VariableReference(Model):
    """A header's value that is a dynamic variable."""

    variable_name: str


class EnvironmentReference(Model):
    """A header's value that is a variable of the environment."""

    env_var_label: str


Headers = dict[str, str | SecretReference | VariableReference | EnvironmentReference]


class HmacSettings(Model):
    """A webhook to be made."""

    auth_type: Literal["hmac"]
    name: Name
    webhook_url: Url
    request_headers: dict[str, str] | None = None


class NewWebhook(Model):
    """The body that creates a webhook."""

    settings: HmacSettings


class WebhookChange(BaseModel):
    """The body that changes a webhook; its URL and its secret cannot be changed."""

    model_config = ConfigDict(strict=True)

    is_disabled: bool
    name: Name
    retry_enabled: bool | None = None


class InitiationWebhook(Model):
    """Where the platform asks who is calling."""

    url: Url
    request_headers: Headers


class PostCallWebhooks(Model):
    """Where the platform delivers calls, and what of them."""

    post_call_webhook_id: str | None = None
    events: Events = ["transcript"]
    transcript_format: Literal["json", "opentelemetry"] | None = "json"
    exclude_transcript: bool | None = False
    send_audio: bool | None = None


class Webhooks(Model):
    """The two webhooks of calls, of the workspace or of one agent."""

    conversation_initiation_client_data_webhook: InitiationWebhook | None = None
    webhooks: PostCallWebhooks | None = None


class SecretBody(Model):
    """The body that creates a secret, or changes one."""

    type: Literal["new", "update"]
    name: Name
    value: Annotated[str, StringConstraints(min_length=1)]


class LiteralProperty(Model):
    """A property of a tool's body; its value has exactly one source."""

    type: Literal["string", "integer", "number", "boolean"]
    description: str = ""
    enum: list[str] | None = None
    is_system_provided: bool = False
    dynamic_variable: str = ""
    constant_value: str | int | float | bool = ""
    is_omitted: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        used = [source for source in SOURCES if getattr(self, source) not in ("", False)]
        if len(used) != 1:
            raise ValueError(f"Can only set one of: {', '.join(SOURCES)}; {len(used)} are set")
        return self


class NestedProperty(Model):
    """A property that is an object or a list: only its type is checked here."""

    type: Literal["object", "array"]


class BodySchema(Model):
    """The object that a tool sends."""

    type: Literal["object"] = "object"
    description: str = ""
    required: list[str] = []
    properties: dict[str, LiteralProperty | NestedProperty] = {}


class ApiSchema(Model):
    """What a webhook tool calls."""

    url: Url
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    content_type: str = "application/json"
    path_params_schema: dict[str, Any] = {}
    query_params_schema: dict[str, Any] | None = None
    request_body_schema: BodySchema | None = None
    request_headers: Headers = {}
    auth_connection: Any = None


class DynamicVariables(Model):
    """Values of dynamic variables where a call has none."""

    dynamic_variable_placeholders: dict[str, str | int | float | bool] = {}


class ToolConfig(Model):
    """A tool. Only those of the type `webhook` have an `api_schema`."""

    type: Literal["webhook", "client", "system", "api_integration_webhook"]
    name: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    description: str
    response_timeout_secs: Annotated[int, Field(ge=5, le=300)] = 20
    api_schema: ApiSchema | None = None
    dynamic_variables: DynamicVariables = DynamicVariables()
    tool_error_handling_mode: Literal["auto", "summarized", "passthrough", "hide"] = "auto"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.type == "webhook" and self.api_schema is None:
            raise ValueError("a webhook tool needs an api_schema")
        return self


class ToolBody(Model):
    """The body that creates or replaces a tool."""

    tool_config: ToolConfig


class Prompt(Model):
    """What the model of an agent starts with."""

    prompt: str = ""
    llm: str = "gemini-2.5-flash"
    tool_ids: list[str] = []


class AgentSection(Model):
    """The agent's own part of its configuration."""

    prompt: Prompt = Prompt()
    first_message: str = ""
    language: str = "en"
    dynamic_variables: DynamicVariables = DynamicVariables()


class ConversationConfig(Model):
    """The configuration of an agent's conversations."""

    agent: AgentSection = AgentSection()
    tts: dict[str, Any] = {"voice_id": "cjVigY5qzO86Huf0OWal"}


class PromptSwitch(Model):
    """What of the prompt may be overridden."""

    prompt: bool = False


class AgentSwitches(Model):
    """What of an agent may be overridden."""

    prompt: PromptSwitch = PromptSwitch()
    first_message: bool = False
    language: bool = False


class ConfigSwitches(Model):
    """What of the configuration may be overridden."""

    agent: AgentSwitches = AgentSwitches()


class Overrides(Model):
    """Whether client data is fetched, and what it may override."""

    enable_conversation_initiation_client_data_from_webhook: bool = False
    conversation_config_override: ConfigSwitches = ConfigSwitches()


class PlatformSettings(Model):
    """An agent's settings beside its conversations."""

    overrides: Overrides = Overrides()
    workspace_overrides: Webhooks = Webhooks()
    privacy: dict[str, Any] = {"record_voice": True, "retention_days": -1, "zero_retention_mode": False}


class AgentConfig(Model):
    """All of an agent that its versions hold."""

    conversation_config: ConversationConfig = ConversationConfig()
    platform_settings: PlatformSettings = PlatformSettings()
    workflow: dict[str, Any] = {"edges": {}, "nodes": {}, "prevent_subagent_loops": False}


ModelT = TypeVar("ModelT", bound=BaseModel)


def read(model: type[ModelT], body: object) -> ModelT:
    """Return the body as `model`.

    Raises:
        InvalidRequestError: it has the wrong shape.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise InvalidRequestError.of(error) from None


def merge(old: Any, change: Any) -> Any:
    """A PATCH: objects are merged, everything else is replaced, and null takes a value away."""
    if not isinstance(old, dict) or not isinstance(change, dict):
        return change
    merged = {**old, **{name: merge(old.get(name), value) for name, value in change.items()}}
    if "dynamic_variable_placeholders" in merged:  # a map of values, in which null can be none
        known = merged["dynamic_variable_placeholders"] or {}
        merged["dynamic_variable_placeholders"] = {
            name: value for name, value in known.items() if value is not None
        }
    return merged
