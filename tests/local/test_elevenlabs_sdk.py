"""The official SDK reads every answer of the workspace's API."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from elevenlabs.client import ElevenLabs as Sdk
from elevenlabs.core.api_error import ApiError
from elevenlabs.core.unchecked_base_model import UncheckedBaseModel
from elevenlabs.types import ToolRequestModel, WebhookHmacSettings

from local.elevenlabs import CallScript, ElevenLabs, ToolUse, Turn, WorkspaceServer
from tests.local.fake_system import FakeSystem

AGENT = "agent_01lindenstreetvet"
SCRIPT = CallScript(
    kind="phone",
    caller_id="+16125550142",
    user_id="+16125550142",
    start=1_790_000_000,
    turns=(
        Turn(role="user", message="The spare key is under the blue pot."),
        Turn(role="agent", message="Yes.", tool=ToolUse(name="recall_memory", arguments={"query": "key"})),
    ),
    summary="The spare key is under the blue pot.",
    collected={"name": "Maria"},
)


@pytest.fixture(scope="module")
def server() -> Iterator[WorkspaceServer]:
    """A connected workspace in which one call took place."""
    with FakeSystem() as system:
        system.elevenlabs.workspace.connect(system.endpoints)
        with ElevenLabs(system.elevenlabs.workspace) as calls:
            assert calls.run_call(SCRIPT).accepted
        yield system.elevenlabs


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def sdk(server: WorkspaceServer, http: httpx.Client) -> Sdk:
    return Sdk(api_key=server.api_key, base_url=server.url, httpx_client=http)


def strictly(answer: Any) -> Any:
    """The answer, if it is what its type says: the SDK itself builds objects without checking them."""
    assert isinstance(answer, UncheckedBaseModel)
    type(answer).model_validate(answer.model_dump(by_alias=True, warnings="error"))
    return answer


def test_webhooks(sdk: Sdk) -> None:
    made = strictly(
        sdk.webhooks.create(settings=WebhookHmacSettings(name="x", webhook_url="https://example.com/x"))
    )
    assert made.webhook_secret
    assert strictly(
        sdk.webhooks.update(made.webhook_id, is_disabled=True, name="y", retry_enabled=True)
    ).status
    found = strictly(sdk.webhooks.list(include_usages=True)).webhooks
    assert [usage.usage_type for usage in found[0].usage or []] == ["ConvAI Settings"]
    assert (found[1].name, found[1].is_disabled) == ("y", True)
    assert strictly(sdk.webhooks.delete(made.webhook_id))


def test_settings(sdk: Sdk) -> None:
    settings = strictly(sdk.conversational_ai.settings.get())
    assert settings.webhooks.post_call_webhook_id
    assert settings.conversation_initiation_client_data_webhook.request_headers["X-Workspace-Key"].secret_id
    assert strictly(sdk.conversational_ai.settings.update(rag_retention_period_days=9))


def test_secrets(sdk: Sdk) -> None:
    secrets = sdk.conversational_ai.secrets
    made = strictly(secrets.create(name="key", value="hidden"))
    changed = strictly(secrets.update(made.secret_id, name="key2", value="hidden2"))
    assert (changed.secret_id, changed.name) == (made.secret_id, "key2")
    page = strictly(secrets.list(page_size=1))
    assert page.secrets[0].used_by.others == ["conversation_initiation_webhook"]
    assert strictly(secrets.list(page_size=1, cursor=page.next_cursor)).secrets[0].name == "key2"
    assert "hidden" not in str(secrets.list())
    assert strictly(secrets.get_dependencies(made.secret_id, "tools")).dependencies == []
    secrets.delete(made.secret_id)


def test_tools(sdk: Sdk) -> None:
    tools = sdk.conversational_ai.tools
    (ours,) = strictly(tools.list(used_by_agent_id=AGENT)).tools
    config: Any = {
        "type": "webhook",
        "name": "scratch",
        "description": "Does nothing.",
        "api_schema": {"url": "https://example.com"},
    }
    made = strictly(tools.create(request=ToolRequestModel(tool_config=config)))
    assert strictly(tools.get(made.id)).tool_config.response_timeout_secs == 20
    changed: Any = {**config, "response_timeout_secs": 7}
    assert strictly(tools.update(made.id, request=ToolRequestModel(tool_config=changed)))
    tools.delete(made.id)
    assert strictly(tools.get_dependent_agents(ours.id)).agents
    (execution,) = strictly(tools.executions.get(ours.id, is_error=False)).executions
    assert "+16125550142" in execution.request_payload
    assert execution.tool_call_details.body == execution.request_payload


def test_agents(sdk: Sdk) -> None:
    agents = sdk.conversational_ai.agents
    page = strictly(agents.list(page_size=1))
    assert page.has_more
    rest = strictly(agents.list(page_size=1, cursor=page.next_cursor))
    assert [agent.name for agent in rest.agents] == ["Paper Moon assistant"]
    agent = strictly(agents.get(AGENT))
    assert agent.phone_numbers[0].phone_number == "+16515550100"
    made = agents.create(conversation_config={}, name="Scratch").agent_id
    changed = strictly(agents.update(made, name="Other", tags=["a"], version_description="why"))
    assert changed.name == "Other"
    branches = strictly(agents.branches.list(made))
    assert branches.results[0].current_live_percentage == 100
    assert strictly(agents.branches.get(made, changed.branch_id)).name == "Main"
    assert strictly(agents.versions.get(made, changed.version_id)).version_description == "why"
    branch = strictly(
        agents.branches.create(
            made, parent_version_id=changed.version_id, name="Trial", description="A trial"
        )
    )
    assert strictly(agents.get(made, branch_id=branch.created_branch_id)).main_branch_id == changed.branch_id
    agents.delete(made)


def test_phone_numbers(sdk: Sdk) -> None:
    numbers = sdk.conversational_ai.phone_numbers
    (number,) = strictly(numbers.list_v_2(agent_id=AGENT)).phone_numbers
    assert number.assigned_agent.agent_name == "Nora"
    assert numbers.update(number.phone_number_id, agent_id=AGENT)
    assert numbers.get(number.phone_number_id)


def test_conversations_and_users(sdk: Sdk) -> None:
    conversations = sdk.conversational_ai.conversations
    (row,) = strictly(conversations.list(agent_id=AGENT, tool_names=["recall_memory"])).conversations
    detail = strictly(conversations.get(row.conversation_id))
    assert detail.user_id == "+16125550142"
    assert detail.metadata.phone_call.phone_number_id == "phnum_01lindenstreetvet"
    (user,) = strictly(sdk.conversational_ai.users.list(search="+16125550142")).users
    assert user.last_contact_conversation_id == row.conversation_id


def test_refusals_are_the_sdks_errors(server: WorkspaceServer, http: httpx.Client) -> None:
    server.set_keys(reader=["convai_read"])
    reader = Sdk(api_key="reader", base_url=server.url, httpx_client=http).conversational_ai
    with pytest.raises(ApiError) as refused:
        reader.secrets.create(name="a", value="b")
    assert refused.value.status_code == 401
    assert refused.value.body["detail"]["status"] == "missing_permissions"
    assert "convai_write" in refused.value.body["detail"]["message"]
    with pytest.raises(ApiError) as missing:
        reader.agents.get("agent_unknown")
    assert missing.value.status_code == 404
