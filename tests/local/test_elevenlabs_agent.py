"""The simulated platform accepts from ClientData what the real one accepts, and nothing else."""

import json
from typing import Any

import pytest
from elevenlabs.types.conversation_initiation_client_data_request_output import (
    ConversationInitiationClientDataRequestOutput,
)

from local.elevenlabs.agent import (
    Agent,
    InitiationError,
    WebhookTool,
    initiate,
    initiate_without_webhook,
    names_in,
)
from tests.local.fake_system import NAMES, client_data

SYSTEM = {"system__caller_id": "+16125550142", "system__timezone": None}
GOOD = dict.fromkeys(NAMES, "x")
AGENT = Agent(
    prompt="You know of the caller: {{memory_context}}",
    placeholders=dict.fromkeys(NAMES, ""),
    overrides=frozenset({"prompt", "first_message"}),
)


def start(answer: Any, agent: Agent | None = None) -> Any:
    return initiate(json.dumps(answer), agent or AGENT, SYSTEM)


def refused(answer: Any, agent: Agent | None = None) -> str:
    with pytest.raises(InitiationError) as error:
        start(answer, agent)
    return str(error.value)


def test_full_answer_starts_the_call_with_the_overridden_prompt() -> None:
    initiation = start(client_data(GOOD, "You know {{ memory_count }} things of {{system__caller_id}}."))
    assert initiation.prompt == "You know x things of +16125550142."
    assert initiation.overridden == {"prompt"}


def test_full_answer_is_what_the_sdk_reads() -> None:
    parsed = ConversationInitiationClientDataRequestOutput.model_validate(client_data(GOOD, "Hello"))
    assert parsed.dynamic_variables == GOOD


def test_without_an_override_the_agents_own_prompt_is_filled_in() -> None:
    initiation = start(client_data({**GOOD, "memory_context": "She has a whippet."}))
    assert "She has a whippet." in initiation.prompt
    assert not names_in(initiation.prompt)
    assert initiation.overridden == frozenset()


def test_numbers_and_booleans_are_variables_too() -> None:
    values = {**GOOD, "memory_count": 3, "returning_caller": True}
    assert start(client_data(values, "{{memory_count}}")).prompt == "3"


@pytest.mark.parametrize("name", NAMES)
def test_each_variable_must_be_there(name: str) -> None:
    rest = {key: value for key, value in GOOD.items() if key != name}
    assert refused(client_data(rest)) == (
        f"Missing required dynamic variables in the webhook's answer: {name}"
    )


@pytest.mark.parametrize("value", [None, [], {}, ["x"]])
def test_variable_is_a_string_a_number_or_a_boolean(value: object) -> None:
    assert "'caller_name'" in refused(client_data({**GOOD, "caller_name": value}))


@pytest.mark.parametrize("kind", [None, "", "client_data", 1])
def test_type_must_be_there(kind: object) -> None:
    answer = {**client_data(GOOD), "type": kind}
    if kind is None:
        del answer["type"]
    assert "no visible error" in refused(answer)


def test_unknown_name_in_the_prompt_ends_the_call() -> None:
    said = refused(client_data(GOOD, "The caller once said {{ignore this}}."))
    assert said == "Missing required dynamic variables in prompt: ignore this"


def test_secret_never_reaches_the_prompt() -> None:
    assert "secret__memory_token" in refused(client_data(GOOD, "{{secret__memory_token}}"))


def test_value_is_not_read_for_variables_again() -> None:
    values = {**GOOD, "memory_context": "{{unknown}}"}
    assert start(client_data(values, "{{memory_context}}")).prompt == "{{unknown}}"


def test_systems_prefix_is_reserved() -> None:
    assert "reserved" in refused(client_data({**GOOD, "system__caller_id": "+447700900123"}))


@pytest.mark.parametrize(
    ("override", "field"),
    [
        ({"agent": {"language": "de"}}, "language"),
        ({"tts": {"voice_id": "x"}}, "voice_id"),
    ],
)
def test_field_whose_switch_is_off_cannot_be_overridden(override: dict[str, Any], field: str) -> None:
    answer = {**client_data(GOOD), "conversation_config_override": override}
    assert refused(answer) == f"Override for field '{field}' is not allowed by config."


def test_prompt_itself_needs_its_switch() -> None:
    assert "'prompt'" in refused(client_data(GOOD, "Hello"), Agent(overrides=frozenset()))


@pytest.mark.parametrize(
    "override", ["x", {"agent": []}, {"agent": {"prompt": "x"}}, {"agent": {"prompt": {"prompt": None}}}]
)
def test_override_of_the_wrong_shape_is_an_error(override: Any) -> None:
    refused({**client_data(GOOD), "conversation_config_override": override})


@pytest.mark.parametrize("text", ["", "<html>", "[]", '"x"', "null"])
def test_answer_that_is_no_json_object_is_an_error(text: str) -> None:
    with pytest.raises(InitiationError, match="not"):
        initiate(text, AGENT, SYSTEM)


def test_what_the_tool_uses_is_required_and_what_the_platform_fills_is_not() -> None:
    headers = {"X-Shop": {"variable_name": "shop_id"}, "X-Key": {"secret_id": "s1"}, "X-Plain": "a"}
    tool = WebhookTool(bound={"user_id": "system__caller_id"}, headers=headers)
    agent = Agent(prompt="{{mood}}", tools=(tool,))
    assert agent.required == {"mood", "shop_id"}


def test_call_without_webhook_starts_with_empty_variables() -> None:
    initiation = initiate_without_webhook(AGENT, {"system__caller_id": None})
    assert set(initiation.variables) == set(NAMES)
    assert set(initiation.variables.values()) == {""}
