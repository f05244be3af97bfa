"""Calls go as the workspace is set up, and fail as the platform fails."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.elevenlabs import Call, CallScript, ElevenLabs, ToolUse, Turn, Workspace, WorkspaceServer
from local.elevenlabs.errors import ApiError
from local.elevenlabs.workspace import FAILING_SECONDS, INITIATION
from tests.local.fake_system import FakeSystem

AGENT = "agent_01lindenstreetvet"
OTHER = "agent_01papermoonbooks"
ASK = ToolUse(name="recall_memory", arguments={"query": "spare key", "whim": "x"})
SCRIPT = CallScript(
    kind="phone",
    caller_id="+16125550142",
    start=1_790_000_000,
    turns=(
        Turn(role="user", message="The spare key is under the blue pot."),
        Turn(role="agent", message="Let me look.", tool=ASK),
    ),
    summary="The spare key is under the blue pot.",
)


@pytest.fixture
def system() -> Iterator[FakeSystem]:
    """A system whose workspace is connected to it."""
    with FakeSystem() as running:
        running.elevenlabs.workspace.connect(running.endpoints)
        yield running


@pytest.fixture
def workspace(system: FakeSystem) -> Workspace:
    return system.elevenlabs.workspace


def run(workspace: Workspace, script: CallScript = SCRIPT) -> Call:
    with ElevenLabs(workspace, sleep=lambda _seconds: None) as calls:
        return calls.run_call(script)


def agent(workspace: Workspace, agent_id: str = AGENT) -> dict[str, Any]:
    return dict(workspace.branch(agent_id)["config"])


def change(workspace: Workspace, agent_id: str = AGENT, **platform: Any) -> None:
    workspace.patch_agent(agent_id, None, {"platform_settings": platform})


def webhook_of(workspace: Workspace) -> dict[str, Any]:
    found = workspace.signing_webhook()
    assert found
    return found


def test_in_a_new_workspace_callers_get_a_generic_greeting() -> None:
    with FakeSystem() as system:
        call = run(system.elevenlabs.workspace)
    assert call.initiation
    assert call.initiation.first_message == "Hello, this is Nora. How can I help you?"
    assert not call.problem
    assert call.delivery
    assert not call.delivery.attempts
    assert not system.requests


def test_agent_that_does_not_fetch_greets_everybody_alike(workspace: Workspace, system: FakeSystem) -> None:
    change(workspace, overrides={"enable_conversation_initiation_client_data_from_webhook": False})
    call = run(workspace)
    assert call.accepted
    assert not system.to("/client-data")
    assert call.initiation
    assert set(call.initiation.variables.values()) == {""}


def test_call_lasts_0_seconds_when_an_agent_fetches_from_nowhere(workspace: Workspace) -> None:
    workspace.patch_settings({INITIATION: None})
    call = run(workspace)
    detail = workspace.store.conversation(call.conversation_id)
    assert "0 s" in call.problem
    assert detail
    assert (detail["status"], detail["metadata"]["call_duration_secs"]) == ("failed", 0)
    assert detail["transcript"] == []


def test_override_that_is_not_allowed_ends_the_call(workspace: Workspace) -> None:
    change(workspace, overrides={"conversation_config_override": {"agent": {"prompt": {"prompt": False}}}})
    assert run(workspace).problem == "Override for field 'prompt' is not allowed by config."


def test_variable_that_nobody_supplies_ends_the_call(workspace: Workspace) -> None:
    config = {"agent": {"first_message": "Hello {{nickname}}"}}
    workspace.patch_agent(AGENT, None, {"conversation_config": config})
    assert "nickname" in run(workspace).problem
    change(workspace, overrides={"enable_conversation_initiation_client_data_from_webhook": False})
    assert "nickname" in run(workspace).problem


def test_tool_that_was_deleted_ends_the_calls_of_its_agents(workspace: Workspace) -> None:
    (tool,) = workspace.store.documents("tool")
    workspace.store.delete("tool", tool["id"])
    assert tool["id"] in run(workspace).problem


def test_wrong_key_ends_the_call(workspace: Workspace) -> None:
    (secret,) = workspace.store.documents("secret")
    workspace.put_secret(secret["secret_id"], "key", "another")
    assert "401" in run(workspace).problem


def test_tool_sends_what_its_schema_says(workspace: Workspace, system: FakeSystem) -> None:
    (tool,) = workspace.store.documents("tool")
    key = workspace.put_secret(None, "tool key", "hidden")["secret_id"]
    schema = tool["tool_config"]["api_schema"]
    schema["request_headers"] |= {"X-Key": {"secret_id": key}, "X-Plain": "plain"}
    schema["request_body_schema"]["properties"]["shop"] = {"type": "string", "constant_value": "vet"}
    workspace.put_tool(tool["id"], {"tool_config": tool["tool_config"]})
    call = run(workspace)
    (request,) = system.to("/retrieve")
    assert json.loads(request.body) == {"query": "spare key", "shop": "vet", "user_id": "+16125550142"}
    assert (request.header("x-key"), request.header("x-plain")) == ("hidden", "plain")
    assert request.header("x-memory-token") == "token-of-+16125550142"
    (execution,) = workspace.store.documents("execution", tool["id"])
    assert execution["conversation_id"] == call.conversation_id
    assert json.loads(execution["request_payload"]) == json.loads(request.body)
    assert "hidden" not in json.dumps(execution)


def test_tool_that_is_refused_is_an_error_and_the_call_goes_on(workspace: Workspace) -> None:
    (tool,) = workspace.store.documents("tool")
    config = tool["tool_config"]
    config["api_schema"]["url"] = config["api_schema"]["url"].replace("/retrieve", "/post-call")
    workspace.put_tool(tool["id"], {"tool_config": config})
    call = run(workspace)
    (execution,) = workspace.store.documents("execution", tool["id"])
    assert call.accepted
    assert call.tool_results[0].is_error
    assert (execution["is_error"], execution["error_type"]) == (True, "http_401")


def test_agent_without_the_tool_cannot_use_it(workspace: Workspace, system: FakeSystem) -> None:
    workspace.patch_agent(AGENT, None, {"conversation_config": {"agent": {"prompt": {"tool_ids": []}}}})
    assert run(workspace).accepted
    assert not system.to("/retrieve")


def test_agents_own_webhooks_come_before_the_workspaces(workspace: Workspace, system: FakeSystem) -> None:
    settings = workspace.settings()
    own = {name: settings[name] for name in (INITIATION, "webhooks")}
    change(workspace, workspace_overrides=own)
    workspace.patch_settings({INITIATION: None, "webhooks": {"post_call_webhook_id": None}})
    assert run(workspace).accepted
    assert run(workspace, replace(SCRIPT, agent_id=OTHER)).problem
    assert len(system.to("/post-call")) == 1


def test_delivery_is_not_tried_again_where_retries_are_off(workspace: Workspace, system: FakeSystem) -> None:
    webhook = webhook_of(workspace)
    workspace.store.put("webhook", webhook["webhook_id"], {**webhook, "retry_enabled": False})
    system.statuses = [500]
    call = run(workspace)
    assert not call.accepted
    assert call.delivery
    assert len(call.delivery.attempts) == 1
    failed = webhook_of(workspace)
    assert failed["most_recent_failure_error_code"] == 500
    assert failed["most_recent_failure_timestamp"] > time.time() - 60


@pytest.mark.parametrize(("days", "disabled"), [(8, True), (1, False)])
def test_webhook_that_fails_too_long_is_switched_off(
    workspace: Workspace, system: FakeSystem, days: int, *, disabled: bool
) -> None:
    webhook = webhook_of(workspace)
    last = time.time() - days * FAILING_SECONDS / 7
    workspace.store.put("webhook", webhook["webhook_id"], {**webhook, "failures": 9, "last_success": last})
    system.statuses = [401]
    assert not run(workspace).accepted
    assert webhook_of(workspace)["is_auto_disabled"] is disabled
    assert run(workspace).accepted is not disabled


@pytest.mark.parametrize("clears", [True, False])
def test_switching_a_webhook_on_may_clear_that_it_failed(
    workspace: Workspace, system: FakeSystem, clears: bool
) -> None:
    webhook = webhook_of(workspace)
    workspace.store.put("webhook", webhook["webhook_id"], {**webhook, "is_auto_disabled": True})
    server = system.elevenlabs
    with httpx.Client(base_url=server.url, headers={"xi-api-key": server.api_key}, trust_env=False) as client:
        client.put("/_unknowns", json={"enabling_clears_auto_disable": clears}).raise_for_status()
        body = {"is_disabled": False, "name": "again"}
        client.patch(f"/v1/workspace/webhooks/{webhook['webhook_id']}", json=body).raise_for_status()
    assert run(workspace).accepted is clears


@pytest.mark.parametrize(("way", "left"), [("replaces", False), ("merges", True)])
def test_part_of_the_webhooks_settings_replaces_or_merges(
    workspace: Workspace, way: str, *, left: bool
) -> None:
    workspace.unknowns = workspace.unknowns.model_copy(update={"partial_webhooks": way})
    workspace.patch_settings({"webhooks": {"events": ["transcript"]}})
    assert bool(workspace.settings()["webhooks"]["post_call_webhook_id"]) is left


def test_events_that_are_not_wanted_are_not_delivered(workspace: Workspace, system: FakeSystem) -> None:
    workspace.patch_settings({"webhooks": {**workspace.settings()["webhooks"], "events": ["transcript"]}})
    run(workspace, replace(SCRIPT, kind="audio", audio="AAAA"))
    assert not system.to("/post-call")


def test_call_goes_to_the_branch_that_is_live(workspace: Workspace) -> None:
    config = agent(workspace)
    workspace.put_branch(AGENT, "agtbrch_trial", "Trial", config, "", workspace.branch(AGENT)["id"])
    for branch_id, share in ((workspace.branch(AGENT)["id"], 0.0), ("agtbrch_trial", 100.0)):
        branch = {**workspace.branch(AGENT, branch_id), "current_live_percentage": share}
        workspace.store.put("branch", branch_id, branch)
    assert run(workspace).event["data"]["branch_id"] == "agtbrch_trial"


def test_settings_name_only_what_is_there(workspace: Workspace) -> None:
    for body in (
        {"webhooks": {"post_call_webhook_id": "unknown"}},
        {INITIATION: {"url": "https://example.com", "request_headers": {"X": {"secret_id": "unknown"}}}},
        {"webhooks": {"events": ["everything"]}},
    ):
        with pytest.raises(ApiError):
            workspace.patch_settings(body)


def test_conversation_is_the_data_of_its_webhook(workspace: Workspace, system: FakeSystem) -> None:
    call = run(workspace)
    delivered = json.loads(system.to("/post-call")[0].body)["data"]
    assert workspace.store.conversation(call.conversation_id) == delivered


@pytest.fixture(scope="module")
def archive() -> Iterator[httpx.Client]:
    """A workspace with 10,000 past conversations."""
    detail: dict[str, Any] = {
        "status": "done",
        "transcript": [{"role": "user", "message": "Hello", "tool_calls": []}],
        "analysis": None,
        "conversation_initiation_client_data": {"dynamic_variables": {}},
    }
    with WorkspaceServer() as server:
        server.workspace.seed(
            {
                **detail,
                "conversation_id": f"conv_{number:05}",
                "agent_id": AGENT if number % 2 else OTHER,
                "user_id": f"user-{number % 100}",
                "metadata": {
                    "start_time_unix_secs": 1_700_000_000 + number // 3 * 60,
                    "call_duration_secs": 9,
                },
                "conversation_initiation_client_data": {
                    "dynamic_variables": {"system__caller_id": f"+1612555{number % 100:04}", "visits": number}
                },
            }
            for number in range(10_000)
        )
        headers = {"xi-api-key": server.api_key}
        with httpx.Client(base_url=server.url, headers=headers, trust_env=False) as client:
            yield client


def pages(client: httpx.Client, **query: Any) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        more: dict[str, Any] = {"cursor": cursor} if cursor else {}
        page = client.get("/v1/convai/conversations", params={"page_size": 100, **query, **more}).json()
        found += [row["conversation_id"] for row in page["conversations"]]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            return found


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_list_has_every_conversation_once_in_order(archive: httpx.Client, direction: str) -> None:
    ids = [f"conv_{number:05}" for number in range(10_000)]
    assert pages(archive, sort_direction=direction) == (ids if direction == "asc" else ids[::-1])


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"agent_id": AGENT}, 5000),
        ({"user_id": "user-7"}, 100),
        ({"call_start_after_unix": 1_700_000_000 + 3300 * 60}, 100),
        ({"call_start_before_unix": 1_700_000_000}, 3),
        ({"dynamic_variable_params": "system__caller_id:eq:+16125550042"}, 100),
        ({"dynamic_variable_params": ["visits:gte:9990", "visits:lt:9995"]}, 5),
        ({"dynamic_variable_params": "visits:in:1,2,3"}, 3),
        ({"exclude_statuses": "done"}, 0),
        ({"tool_names": "recall_memory"}, 0),
    ],
)
def test_list_is_filtered(archive: httpx.Client, filters: dict[str, Any], count: int) -> None:
    assert len(pages(archive, **filters)) == count


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "nonsense"},
        {"cursor": "eyJhIjogMX0="},
        {"cursor": "WzFd"},
        {"dynamic_variable_params": 'a"b:eq:1'},
        {"dynamic_variable_params": "a:like:1"},
        {"call_start_after_unix": "yesterday"},
    ],
)
def test_filter_of_the_wrong_kind_is_refused(archive: httpx.Client, query: dict[str, str]) -> None:
    assert archive.get("/v1/convai/conversations", params=query).status_code == 422


def test_row_of_the_list_does_not_name_the_caller(archive: httpx.Client) -> None:
    page = archive.get("/v1/convai/conversations", params={"page_size": 1})
    assert "user-" not in page.text
    assert "+1612" not in page.text


def test_deleted_conversation_is_gone(workspace: Workspace, system: FakeSystem) -> None:
    call = run(workspace)
    server = system.elevenlabs
    path = f"/v1/convai/conversations/{call.conversation_id}"
    with httpx.Client(base_url=server.url, headers={"xi-api-key": server.api_key}, trust_env=False) as client:
        assert client.get(path).json()["conversation_id"] == call.conversation_id
        assert client.delete(path).status_code == 200
        assert client.get(path).status_code == 404


def test_faults_permissions_and_state_are_steered_over_http(system: FakeSystem) -> None:
    server = system.elevenlabs
    with httpx.Client(base_url=server.url, headers={"xi-api-key": server.api_key}, trust_env=False) as client:
        before = client.get("/_state").json()
        client.put("/_faults", json={"operation": "tools.list", "count": 1, "status": 429})
        assert [client.get("/v1/convai/tools").status_code for _ in range(2)] == [429, 200]
        client.put("/_keys", json={"reader": ["convai_read"]})
        refused = client.post("/v1/convai/tools", json={}, headers={"xi-api-key": "reader"})
        assert refused.json()["detail"]["status"] == "missing_permissions"
        assert client.get("/v1/workspace/webhooks", headers={"xi-api-key": "reader"}).status_code == 401
        assert client.get("/_state").json() == before
        assert [entry["status"] for entry in client.get("/_requests").json()] == [429, 200, 401, 401]
        assert client.put("/_keys", json={"reader": ["everything"]}).status_code == 400
        assert client.put("/_unknowns", json={"partial_webhooks": "guesses"}).status_code == 400


def test_workspace_survives_a_restart(tmp_path: Path) -> None:
    with FakeSystem() as system:
        first = Workspace(tmp_path)
        first.connect(system.endpoints)
        call = run(first)
        first.close()
        second = Workspace(tmp_path)
        assert second.store.conversation(call.conversation_id)
        assert run(second).accepted
        second.close()
