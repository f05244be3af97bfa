"""`amem connect` sets ElevenLabs up, `amem disconnect` takes it back; killed anywhere, they end the same."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.elevenlabs import ElevenLabs, WorkspaceServer, load_script
from local.elevenlabs.workspace import AGENTS
from local.http_server import HttpServer, json_response, message
from ops.cli import main
from ops.connect.agent import PLACEHOLDERS
from tests.ops.conftest import STAGE, URLS, deploy
from tests.ops.kill import kill_at
from tests.unit.conftest import SECRET_NAME, Aws

NORA, BOOKS = AGENTS


def amem(*arguments: str) -> int:
    return main([*arguments, "--stage", STAGE, *(["--yes"] if arguments[0] != "doctor" else [])])


def patch(server: WorkspaceServer, path: str, body: object) -> None:
    headers = {"xi-api-key": server.api_key}
    httpx.patch(f"{server.url}{path}", json=body, headers=headers).raise_for_status()


def settings(server: WorkspaceServer) -> dict[str, Any]:
    found: dict[str, Any] = server.workspace.settings()
    return found


def agent(server: WorkspaceServer, agent_id: str) -> dict[str, Any]:
    found: dict[str, Any] = server.workspace.branch(agent_id)["config"]
    return found


def signing_keys(aws: Aws) -> list[str]:
    value = json.loads(aws.secrets.get_secret_value(SecretId=SECRET_NAME)["SecretString"])[
        "ELEVENLABS_HMAC_KEY"
    ]
    return value if isinstance(value, list) else [value]


def made(server: WorkspaceServer) -> dict[str, Any]:
    """What is in the workspace, without ids and keys that are new each time."""
    state = server.state()
    ids = {
        document[name]: f"{kind} {number}"
        for kind, name in (("webhook", "webhook_id"), ("secret", "secret_id"), ("tool", "id"))
        for number, document in enumerate(state[kind])
    }
    text = json.dumps(state, sort_keys=True)
    for id_, name in ids.items():
        text = text.replace(id_, name)
    value: dict[str, Any] = json.loads(text)
    for webhook in value["webhook"]:
        del webhook["key"], webhook["created_at_unix"]
    return value


def test_connect_sets_everything_that_a_call_needs(elevenlabs: WorkspaceServer, aws: Aws) -> None:
    assert amem("connect", "--all-agents") == 0
    state = elevenlabs.state()
    (webhook,), (secret,), (tool,) = state["webhook"], state["secret"], state["tool"]
    assert (webhook["webhook_url"], webhook["retry_enabled"]) == (URLS["PostCallUrl"], True)
    assert webhook["key"] == signing_keys(aws)[0]
    assert secret["value"] == "local-workspace-key"
    initiation = settings(elevenlabs)["conversation_initiation_client_data_webhook"]
    assert initiation["url"] == URLS["ClientDataUrl"]
    assert initiation["request_headers"] == {"X-Workspace-Key": {"secret_id": secret["secret_id"]}}
    assert settings(elevenlabs)["webhooks"]["post_call_webhook_id"] == webhook["webhook_id"]
    assert "transcript" in settings(elevenlabs)["webhooks"]["events"]
    schema = tool["tool_config"]["api_schema"]
    assert schema["url"] == URLS["RetrieveUrl"]
    user_id = schema["request_body_schema"]["properties"]["user_id"]
    assert user_id["dynamic_variable"] == "system__caller_id"
    assert not user_id.get("description")
    for agent_id in AGENTS:
        config = agent(elevenlabs, agent_id)
        overrides = config["platform_settings"]["overrides"]
        assert overrides["enable_conversation_initiation_client_data_from_webhook"] is True
        assert overrides["conversation_config_override"]["agent"]["prompt"]["prompt"] is True
        assert not overrides["conversation_config_override"]["agent"].get("first_message")
        assert config["conversation_config"]["agent"]["prompt"]["tool_ids"] == [tool["id"]]


def test_second_run_has_nothing_to_do(
    elevenlabs: WorkspaceServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert amem("connect", "--all-agents") == 0
    before = elevenlabs.state()
    capsys.readouterr()
    assert amem("connect") == 0
    assert "nothing to do" in capsys.readouterr().err
    assert elevenlabs.state() == before


def test_dry_run_shows_the_plan_and_changes_nothing(
    elevenlabs: WorkspaceServer, capsys: pytest.CaptureFixture[str]
) -> None:
    before = elevenlabs.state()
    assert main(["connect", "--stage", STAGE, "--agent", NORA, "--dry-run"]) == 0
    shown = capsys.readouterr()
    assert f"+ webhook AgenticMemory {STAGE} post-call: {URLS['PostCallUrl']}" in shown.out
    assert "this was a dry run" in shown.err
    assert elevenlabs.state() == before


def test_no_secret_is_shown(
    elevenlabs: WorkspaceServer, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    assert amem("connect", "--all-agents") == 0
    shown = "".join(capsys.readouterr())
    assert not any(key in shown for key in ("local-workspace-key", elevenlabs.api_key, *signing_keys(aws)))


def test_disconnect_puts_back_what_was_there(elevenlabs: WorkspaceServer) -> None:
    patch(
        elevenlabs,
        f"/v1/convai/agents/{NORA}",
        {
            "conversation_config": {
                "agent": {"dynamic_variables": {"dynamic_variable_placeholders": {"shop": "Linden"}}}
            }
        },
    )
    before = elevenlabs.state()
    assert amem("connect", "--all-agents") == 0
    assert elevenlabs.state() != before
    assert amem("disconnect") == 0
    assert elevenlabs.state() == before


def test_what_others_added_meanwhile_stays(elevenlabs: WorkspaceServer) -> None:
    assert amem("connect", "--agent", NORA) == 0
    headers = {"xi-api-key": elevenlabs.api_key}
    config = {"type": "client", "name": "open_door", "description": "Opens the door."}
    other = httpx.post(f"{elevenlabs.url}/v1/convai/tools", json={"tool_config": config}, headers=headers)
    tools = agent(elevenlabs, NORA)["conversation_config"]["agent"]["prompt"]["tool_ids"]
    change = {"agent": {"prompt": {"tool_ids": [*tools, other.json()["id"]]}}}
    patch(elevenlabs, f"/v1/convai/agents/{NORA}", {"conversation_config": change})
    assert amem("connect") == 0
    assert len(agent(elevenlabs, NORA)["conversation_config"]["agent"]["prompt"]["tool_ids"]) == 2
    assert amem("disconnect") == 0
    left = agent(elevenlabs, NORA)["conversation_config"]["agent"]["prompt"]["tool_ids"]
    assert left == [other.json()["id"]]


def test_workspace_with_other_webhooks_is_connected_by_agent(elevenlabs: WorkspaceServer) -> None:
    other = {
        "conversation_initiation_client_data_webhook": {
            "url": "https://crm.example.com",
            "request_headers": {},
        }
    }
    patch(elevenlabs, "/v1/convai/settings", other)
    before = settings(elevenlabs)
    assert amem("connect", "--agent", NORA) == 0
    assert settings(elevenlabs) == before
    own = agent(elevenlabs, NORA)["platform_settings"]["workspace_overrides"]
    assert own["conversation_initiation_client_data_webhook"]["url"] == URLS["ClientDataUrl"]
    assert own["webhooks"]["post_call_webhook_id"]
    assert amem("disconnect") == 0
    own = agent(elevenlabs, NORA)["platform_settings"]["workspace_overrides"]
    assert not own["conversation_initiation_client_data_webhook"]
    assert elevenlabs.state()["webhook"] == []


def test_other_webhooks_are_not_replaced_when_asked_for(
    elevenlabs: WorkspaceServer, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {
        "conversation_initiation_client_data_webhook": {
            "url": "https://crm.example.com",
            "request_headers": {},
        }
    }
    patch(elevenlabs, "/v1/convai/settings", other)
    assert amem("connect", "--agent", NORA, "--scope", "workspace") == 1
    assert "https://crm.example.com already" in capsys.readouterr().err


def test_missing_permission_is_named(
    elevenlabs: WorkspaceServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    elevenlabs.set_keys(reader=["convai_read"])
    monkeypatch.setenv("ELEVENLABS_API_KEY", "reader")
    assert amem("connect", "--agent", NORA) == 1
    assert "webhooks_read" in (shown := capsys.readouterr().err) or "webhooks_write" in shown


def test_two_tools_of_our_name_are_ambiguous(
    elevenlabs: WorkspaceServer, capsys: pytest.CaptureFixture[str]
) -> None:
    headers = {"xi-api-key": elevenlabs.api_key}
    for _ in range(2):
        schema = {"url": URLS["RetrieveUrl"], "method": "POST"}
        config = {
            "type": "webhook",
            "name": f"recall_memory_{STAGE}",
            "description": "x",
            "api_schema": schema,
        }
        httpx.post(
            f"{elevenlabs.url}/v1/convai/tools", json={"tool_config": config}, headers=headers
        ).raise_for_status()
    assert amem("connect", "--agent", NORA) == 1
    assert "2 tools named recall_memory" in capsys.readouterr().err


def test_prompt_mode_variable_allows_no_override(elevenlabs: WorkspaceServer, aws: Aws) -> None:
    deploy(aws, PROMPT_MODE="variable")
    assert amem("connect", "--agent", NORA) == 0
    overrides = agent(elevenlabs, NORA)["platform_settings"]["overrides"]
    assert not overrides["conversation_config_override"]["agent"]["prompt"]["prompt"]


def test_call_token_is_a_header_of_the_tool(elevenlabs: WorkspaceServer, aws: Aws) -> None:
    deploy(aws, RETRIEVE_AUTH="call_token")
    assert amem("connect", "--agent", NORA) == 0
    (tool,) = elevenlabs.state()["tool"]
    header = tool["tool_config"]["api_schema"]["request_headers"]["X-Memory-Token"]
    assert header == {"variable_name": "secret__memory_token"}


@pytest.mark.parametrize("partial", ["replaces", "merges"])
def test_either_meaning_of_a_partial_change_is_fine(elevenlabs: WorkspaceServer, partial: str) -> None:
    httpx.put(f"{elevenlabs.url}/_unknowns", json={"partial_webhooks": partial}).raise_for_status()
    before = elevenlabs.state()
    assert amem("connect", "--all-agents") == 0
    assert amem("connect") == 0
    assert amem("disconnect") == 0
    assert elevenlabs.state() == before


def test_agents_json_that_would_undo_it_is_warned_of(
    elevenlabs: WorkspaceServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert elevenlabs
    monkeypatch.chdir(tmp_path)
    (tmp_path / "agents.json").write_text(json.dumps({"agents": [{"id": BOOKS}]}))
    assert amem("connect", "--agent", NORA) == 0
    assert "agents.json" not in capsys.readouterr().err
    assert amem("connect", "--agent", BOOKS) == 0
    assert f"agents.json here belongs to ElevenLabs' CLI and holds {BOOKS}" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["webhooks", "secrets"])
def test_two_of_a_name_are_ambiguous(
    elevenlabs: WorkspaceServer, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    assert amem("connect", "--agent", NORA, "--dry-run") == 0
    workspace = elevenlabs.workspace
    for _ in range(2):
        if kind == "webhooks":
            workspace.new_webhook(f"AgenticMemory {STAGE} post-call", URLS["PostCallUrl"])
        else:
            workspace.put_secret(None, f"agentic_memory_{STAGE}_workspace_key", "value")
    before = elevenlabs.state()
    assert amem("connect", "--agent", NORA) == 1
    assert f"the workspace has 2 {kind}" in capsys.readouterr().err
    assert elevenlabs.state() == before


@pytest.fixture
def client_data(monkeypatch: pytest.MonkeyPatch, aws: Aws) -> Iterator[HttpServer]:
    """Answers as ClientData does for somebody who never called."""
    variables = {**PLACEHOLDERS, "caller_id": "+16125550142"}
    override = {"agent": {"prompt": {"prompt": "You know nothing of the caller."}}}
    reply = {
        "type": "conversation_initiation_client_data",
        "dynamic_variables": variables,
        "conversation_config_override": override,
    }
    server = HttpServer(lambda _: json_response(200, reply), name="client-data", port=0, error=message)
    monkeypatch.setitem(URLS, "ClientDataUrl", f"{server.url}/client-data")
    deploy(aws)
    yield server
    server.stop()


@pytest.mark.parametrize("scope", ["workspace", "agents"])
def test_call_in_between_never_fails(
    elevenlabs: WorkspaceServer, client_data: HttpServer, monkeypatch: pytest.MonkeyPatch, scope: str
) -> None:
    """Neither while agents are connected nor while they are disconnected, wherever that stands still."""
    assert client_data
    script = replace(load_script(Path("local/calls/maria-first.json")), agent_id=NORA)
    told = set[bool]()
    with ElevenLabs(elevenlabs.workspace, sleep=lambda _seconds: None) as platform:
        for command in (["connect", "--agent", NORA, "--scope", scope], ["disconnect"]):
            killed, number = True, 0
            while killed:
                number += 1  # more each time, so that it comes to its end
                killed = kill_at(number, monkeypatch, sent=True, command=partial(amem, *command))
                call = platform.start_call(script)
                assert not call.problem, command
                told.add(call.initiation_reply is not None)
    assert told == {True, False}


@pytest.mark.parametrize("sent", [False, True])
def test_connect_killed_at_any_request_ends_the_same(
    elevenlabs: WorkspaceServer, aws: Aws, monkeypatch: pytest.MonkeyPatch, *, sent: bool
) -> None:
    empty = elevenlabs.state()
    assert amem("connect", "--agent", NORA) == 0
    expected = made(elevenlabs)
    assert amem("disconnect") == 0
    killed, number = True, 0
    while killed:
        number += 1
        killed = kill_at(number, monkeypatch, sent=sent, command=lambda: amem("connect", "--agent", NORA))
        if killed:
            assert amem("connect", "--agent", NORA) == 0, number
        assert made(elevenlabs) == expected, number
        assert elevenlabs.state()["webhook"][0]["key"] in signing_keys(aws), number
        assert amem("disconnect") == 0
        assert elevenlabs.state() == empty, number
    assert number > 10
