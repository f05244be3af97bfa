"""`amem doctor` names what is wrong: each cause is made alone, and is found alone, with its remedy."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.elevenlabs import WorkspaceServer
from local.elevenlabs.workspace import AGENTS, FETCHES, INITIATION
from local.mem0.server import Mem0StandIn
from ops.cli import main
from ops.doctor import CHECKS
from tests.ops.conftest import STAGE, deploy
from tests.unit.conftest import SECRET_NAME, Aws

NORA, BOOKS = AGENTS
CALLER, OTHER = "+16125550142", "+16125550187"


class Stage:
    """A connected stage, and what may happen to it."""

    def __init__(
        self,
        aws: Aws,
        mem0: Mem0StandIn,
        server: WorkspaceServer,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self.aws = aws
        self.mem0 = mem0
        self.server = server
        self.monkeypatch = monkeypatch
        self.capsys = capsys

    def send(self, method: str, path: str, body: object = None) -> Any:
        headers = {"xi-api-key": self.server.api_key}
        answer = httpx.request(method, f"{self.server.url}{path}", json=body, headers=headers)
        return answer.raise_for_status().json()

    @property
    def settings(self) -> dict[str, Any]:
        return dict(self.server.workspace.settings())

    def change_agent(self, change: object, agent_id: str = NORA) -> None:
        self.send("PATCH", f"/v1/convai/agents/{agent_id}", change)

    def change_prompt(self, **change: object) -> None:
        self.change_agent({"conversation_config": {"agent": {"prompt": change}}})

    def change_overrides(self, **change: object) -> None:
        self.change_agent({"platform_settings": {"overrides": change}})

    def change_webhooks(self, **change: object) -> None:
        self.send("PATCH", "/v1/convai/settings", {"webhooks": {**self.settings["webhooks"], **change}})

    def change_initiation(self, **change: object) -> None:
        self.send("PATCH", "/v1/convai/settings", {INITIATION: {**self.settings[INITIATION], **change}})

    @property
    def tool(self) -> dict[str, Any]:
        (tool,) = self.server.state()["tool"]
        return dict(tool)

    def change_schema(self, change: Callable[[dict[str, Any]], None]) -> None:
        config = self.tool["tool_config"]
        change(config["api_schema"])
        self.send("PATCH", f"/v1/convai/tools/{self.tool['id']}", {"tool_config": config})

    def change_secret(self, **change: object) -> None:
        values = json.loads(self.aws.secrets.get_secret_value(SecretId=SECRET_NAME)["SecretString"])
        self.aws.secrets.put_secret_value(SecretId=SECRET_NAME, SecretString=json.dumps(values | change))

    def change_webhook(self, **change: object) -> None:
        """Change what only ElevenLabs itself changes."""
        (webhook,) = self.server.workspace.store.documents("webhook")
        self.server.workspace.store.put("webhook", webhook["webhook_id"], {**webhook, **change})

    def look_up(self, **change: object) -> None:
        """An agent has looked something up."""
        execution = {
            "id": "exec_1",
            "tool_id": self.tool["id"],
            "tool_request_id": "req_1",
            "conversation_id": "conv_1",
            "agent_id": NORA,
            "branch_id": None,
            "timestamp": time.time() - 60,
            "latency_secs": 0.4,
            "is_error": False,
            "tool_call_details": {"body": json.dumps({"query": "dog", "user_id": CALLER})},
        }
        self.server.workspace.keep_execution(execution | change)
        call = {
            "agent_id": NORA,
            "conversation_id": "conv_1",
            "status": "done",
            "transcript": [],
            "metadata": {"start_time_unix_secs": int(time.time()) - 90},
            "conversation_initiation_client_data": {"dynamic_variables": {"system__caller_id": CALLER}},
        }
        self.server.workspace.seed([call])

    def run(self, *arguments: str) -> str:
        """What a command that succeeds writes."""
        assert main([arguments[0], "--stage", STAGE, *arguments[1:]]) == 0
        return self.capsys.readouterr().out

    def findings(self) -> list[dict[str, Any]]:
        """What doctor reports that is not ok."""
        main(["doctor", "--stage", STAGE, "--no-live", "--json"])
        found = [json.loads(line) for line in self.capsys.readouterr().out.splitlines()]
        return [finding for finding in found if finding["status"] != "ok"]


@pytest.fixture
def stage(
    aws: Aws,
    mem0: Mem0StandIn,
    elevenlabs: WorkspaceServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Stage:
    monkeypatch.chdir(tmp_path)
    deploy(aws, MEM0_HOST=mem0.url)
    connected = Stage(aws, mem0, elevenlabs, monkeypatch, capsys)
    connected.run("connect", "--all-agents", "--yes")
    return connected


def remove_signing_key(stage: Stage) -> None:
    stage.change_secret(ELEVENLABS_HMAC_KEY="")


def replace_mem0_key(stage: Stage) -> None:
    stage.change_secret(MEM0_API_KEY="another-key")


def name_another_project(stage: Stage) -> None:
    stage.change_secret(MEM0_PROJECT_ID="another-project")


def leave_a_dead_letter(stage: Stage) -> None:
    stage.aws.sqs.send_message(
        QueueUrl=stage.aws.dead_letters_url, MessageBody="x", MessageGroupId="a", MessageDeduplicationId="a"
    )


def hold_up_the_queue(stage: Stage) -> None:
    stage.aws.client("cloudwatch").put_metric_data(
        Namespace="AWS/SQS",
        MetricData=[
            {
                "MetricName": "ApproximateAgeOfOldestMessage",
                "Dimensions": [{"Name": "QueueName", "Value": "calls.fifo"}],
                "Value": 2000,
                "Unit": "Seconds",
            }
        ],
    )


def fail_an_extraction(stage: Stage) -> None:
    stage.mem0.set_faults({"operation": "infer", "fail": True})
    body = {"user_id": CALLER, "messages": [{"role": "user", "content": "My dog is ill."}], "infer": True}
    headers = {"Authorization": "Token local-mem0-key"}
    httpx.post(f"{stage.mem0.url}/v3/memories/add/", json=body, headers=headers).raise_for_status()
    assert stage.mem0.settle()


def end_the_subscription(stage: Stage) -> None:
    sns = stage.aws.client("sns")
    for subscription in sns.list_subscriptions()["Subscriptions"]:
        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])


def use_a_wrong_api_key(stage: Stage) -> None:
    stage.monkeypatch.setenv("ELEVENLABS_API_KEY", "wrong")


def take_a_permission_away(stage: Stage) -> None:
    stage.server.set_keys(half=["convai_read", "convai_write"])
    stage.monkeypatch.setenv("ELEVENLABS_API_KEY", "half")


def delete_an_agent(stage: Stage) -> None:
    stage.send("DELETE", f"/v1/convai/agents/{BOOKS}")


def ask_elsewhere_who_is_calling(stage: Stage) -> None:
    stage.change_initiation(url="https://elsewhere.example.com/client-data")


def remove_the_initiation_webhook(stage: Stage) -> None:
    stage.send("PATCH", "/v1/convai/settings", {INITIATION: None})


def send_no_key(stage: Stage) -> None:
    stage.change_initiation(request_headers={})


def change_the_workspace_key(stage: Stage) -> None:
    stage.change_secret(ELEVENLABS_WORKSPACE_KEY="a-new-workspace-key")


def switch_fetching_off(stage: Stage) -> None:
    stage.change_overrides(**{FETCHES: False})


def forbid_the_override(stage: Stage) -> None:
    stage.change_overrides(conversation_config_override={"agent": {"prompt": {"prompt": False}}})


def use_an_unknown_variable(stage: Stage) -> None:
    stage.change_agent({"conversation_config": {"agent": {"first_message": "Hello {{first_name}}!"}}})


def transfer_to_an_agent_with_an_unknown_variable(stage: Stage) -> None:
    config = {"conversation_config": {"agent": {"first_message": "This is {{department}}."}}}
    other = stage.send("POST", "/v1/convai/agents/create", {"name": "Other", **config})["agent_id"]
    transfer = {"params": {"system_tool_type": "transfer_to_agent", "transfers": [{"agent_id": other}]}}
    stage.change_prompt(built_in_tools={"transfer_to_agent": {"name": "transfer_to_agent", **transfer}})


def give_an_agent_its_own_webhook(stage: Stage) -> None:
    own = {INITIATION: {"url": "https://elsewhere.example.com", "request_headers": {}}}
    stage.change_agent({"platform_settings": {"workspace_overrides": own}})


def take_the_tool_away(stage: Stage) -> None:
    stage.change_prompt(tool_ids=[])


def leave_a_deleted_tool(stage: Stage) -> None:
    config = {"type": "client", "name": "open_door", "description": "Opens the door."}
    other = stage.send("POST", "/v1/convai/tools", {"tool_config": config})["id"]
    ours = stage.server.workspace.branch(NORA)["config"]["conversation_config"]["agent"]["prompt"]["tool_ids"]
    stage.change_prompt(tool_ids=[*ours, other])
    stage.send("DELETE", f"/v1/convai/tools/{other}?force=true")


def delete_the_tool(stage: Stage) -> None:
    stage.send("DELETE", f"/v1/convai/tools/{stage.tool['id']}?force=true")


def let_the_model_choose_the_caller(stage: Stage) -> None:
    def change(schema: dict[str, Any]) -> None:
        properties = schema["request_body_schema"]["properties"]
        properties["user_id"] = {"type": "string", "description": "The caller"}

    stage.change_schema(change)


def point_the_tool_elsewhere(stage: Stage) -> None:
    stage.change_schema(lambda schema: schema.update(url="https://elsewhere.example.com/retrieve"))


def require_the_call_token(stage: Stage) -> None:
    deploy(stage.aws, MEM0_HOST=stage.mem0.url, RETRIEVE_AUTH="call_token")


def fail_a_look_up(stage: Stage) -> None:
    stage.look_up(is_error=True, error_message="HTTP 500")


def look_up_slowly(stage: Stage) -> None:
    stage.look_up(latency_secs=9.0)


def look_up_somebody_else(stage: Stage) -> None:
    stage.look_up(tool_call_details={"body": json.dumps({"query": "dog", "user_id": OTHER})})


def deliver_calls_nowhere(stage: Stage) -> None:
    stage.change_webhooks(post_call_webhook_id=None)


def deliver_no_transcripts(stage: Stage) -> None:
    stage.change_webhooks(events=["call_initiation_failure"])


def sign_with_another_key(stage: Stage) -> None:
    stage.change_secret(ELEVENLABS_HMAC_KEY="another-signing-key")


def deliver_audio(stage: Stage) -> None:
    stage.change_webhooks(events=["transcript", "audio"])


def switch_the_webhook_off(stage: Stage) -> None:
    stage.change_webhook(is_disabled=True)


def let_the_platform_switch_it_off(stage: Stage) -> None:
    stage.change_webhook(is_auto_disabled=True)


def fail_a_delivery(stage: Stage) -> None:
    stage.change_webhook(
        most_recent_failure_error_code=500, most_recent_failure_timestamp=int(time.time()) - 60
    )


def take_the_number_away(stage: Stage) -> None:
    for number in stage.server.workspace.numbers(NORA):
        stage.server.workspace.store.put("number", number["phone_number_id"], {**number, "agent_id": None})


def keep_no_conversations(stage: Stage) -> None:
    stage.change_agent({"platform_settings": {"privacy": {"zero_retention_mode": True}}})


def begin_a_rotation(stage: Stage) -> None:
    stage.run("rotate", "workspace-key", "--yes")


def keep_an_agents_json(_stage: Stage) -> None:
    Path("agents.json").write_text(json.dumps({"agents": [{"id": NORA}]}))


def use_no_memories(stage: Stage) -> None:
    """The prompt mode is `variable`, and the prompt does not use the variable."""
    deploy(stage.aws, MEM0_HOST=stage.mem0.url, PROMPT_MODE="variable")
    stage.run("connect", "--yes")
    for agent_id in AGENTS:
        text = "Speak kindly." if agent_id == NORA else "You know: {{memory_context}}"
        stage.change_agent({"conversation_config": {"agent": {"prompt": {"prompt": text}}}}, agent_id)


MATRIX: dict[Callable[[Stage], None], str] = {
    remove_signing_key: "secret",
    replace_mem0_key: "mem0-key",
    name_another_project: "mem0-project",
    leave_a_dead_letter: "dead-letters",
    hold_up_the_queue: "queue",
    fail_an_extraction: "mem0-events",
    end_the_subscription: "alarms",
    use_a_wrong_api_key: "api-key",
    take_a_permission_away: "api-key",
    delete_an_agent: "agent",
    ask_elsewhere_who_is_calling: "initiation-webhook",
    remove_the_initiation_webhook: "no-webhook-to-fetch",
    send_no_key: "initiation-key",
    change_the_workspace_key: "initiation-key",
    switch_fetching_off: "agent-fetching",
    forbid_the_override: "agent-override",
    use_an_unknown_variable: "agent-variables",
    transfer_to_an_agent_with_an_unknown_variable: "agent-variables",
    use_no_memories: "agent-memories",
    give_an_agent_its_own_webhook: "agent-webhooks",
    take_the_tool_away: "agent-tool",
    leave_a_deleted_tool: "agent-tools-exist",
    delete_the_tool: "tool",
    point_the_tool_elsewhere: "tool",
    let_the_model_choose_the_caller: "tool-caller",
    require_the_call_token: "tool-token",
    fail_a_look_up: "tool-errors",
    look_up_slowly: "tool-latency",
    look_up_somebody_else: "tool-asked-for-others",
    deliver_calls_nowhere: "post-call-webhook",
    deliver_no_transcripts: "post-call-events",
    sign_with_another_key: "signing-key",
    deliver_audio: "audio-events",
    switch_the_webhook_off: "webhook-disabled",
    let_the_platform_switch_it_off: "webhook-disabled",
    fail_a_delivery: "webhook-failing",
    take_the_number_away: "phone-numbers",
    keep_no_conversations: "retention",
    begin_a_rotation: "rotation",
    keep_an_agents_json: "agents-json",
}


def test_connected_stage_is_all_right(stage: Stage) -> None:
    assert stage.findings() == []


@pytest.mark.parametrize(("cause", "check"), MATRIX.items(), ids=[cause.__name__ for cause in MATRIX])
def test_cause_is_the_one_finding(stage: Stage, cause: Callable[[Stage], None], check: str) -> None:
    cause(stage)
    findings = stage.findings()
    assert [finding["check"] for finding in findings] == [check], findings
    (finding,) = findings
    assert (finding["means"], finding["remedy"]) == (CHECKS[check].means, CHECKS[check].remedy)
    assert finding["seen"]


def test_exit_code_says_broken_or_not(stage: Stage) -> None:
    assert main(["doctor", "--stage", STAGE, "--no-live"]) == 0
    deliver_audio(stage)  # a warning
    assert main(["doctor", "--stage", STAGE, "--no-live"]) == 0
    switch_fetching_off(stage)
    assert main(["doctor", "--stage", STAGE, "--no-live"]) == 1


def test_stage_that_was_never_connected_is_broken(
    aws: Aws, mem0: Mem0StandIn, elevenlabs: WorkspaceServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert elevenlabs
    deploy(aws, MEM0_HOST=mem0.url)
    assert main(["doctor", "--stage", STAGE, "--no-live"]) == 1
    assert "this stage is not connected" in capsys.readouterr().out
