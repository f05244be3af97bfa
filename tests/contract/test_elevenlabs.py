"""What this project relies on of ElevenLabs' management API, of the stand-in and of the real service.

What is not documented is a test named `test_unknown_...`: it accepts both answers, and records what it saw.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import httpx
import pytest

from local.elevenlabs import Call, CallScript, ElevenLabs, ToolUse, Turn, WorkspaceServer, platform
from local.elevenlabs.workspace import FAILURES, FETCHES
from local.http_server import HttpServer, Request, Response, json_response, message
from tests.contract.conftest import LIVE, PREFIX

AGENTS, TOOLS, SECRETS = "/v1/convai/agents", "/v1/convai/tools", "/v1/convai/secrets"
SETTINGS, WEBHOOKS = "/v1/convai/settings", "/v1/workspace/webhooks"
CONVERSATIONS = "/v1/convai/conversations"
HOOK = "https://example.com/agentic-memory-contract"


class Scratch:
    """Makes things in the workspace; what it made goes in the end, newest first."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.undo = ExitStack()
        self.name = f"{PREFIX}{uuid4().hex[:8]}"

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Send a request that must succeed; return what was answered."""
        answer = self.client.request(method, path, json=body, params=query)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        return answer.json() if answer.content else None

    def refused(self, method: str, path: str, body: Any = None, **query: Any) -> int:
        """Send a request that must be refused; return the status."""
        answer = self.client.request(method, path, json=body, params=query)
        assert answer.is_client_error, f"{method} {path}: {answer.status_code}"
        return answer.status_code

    def _made(self, path: str) -> None:
        self.undo.callback(self.client.delete, path)

    def webhook(self) -> tuple[str, str]:
        """Make a webhook; return its id and its secret."""
        settings = {"auth_type": "hmac", "name": self.name, "webhook_url": HOOK}
        made = self.call("POST", WEBHOOKS, {"settings": settings})
        self._made(f"{WEBHOOKS}/{made['webhook_id']}")
        return made["webhook_id"], made["webhook_secret"]

    def secret(self) -> str:
        """Make a secret; return its id."""
        made = self.call("POST", SECRETS, {"type": "new", "name": self.name, "value": "scratch-value"})
        self._made(f"{SECRETS}/{made['secret_id']}")
        return str(made["secret_id"])

    def tool(self, **changes: Any) -> str:
        """Make a tool; return its id."""
        made = self.call("POST", TOOLS, {"tool_config": self.config(**changes)})
        self._made(f"{TOOLS}/{made['id']}?force=true")
        return str(made["id"])

    def config(self, headers: Any = None, **changes: Any) -> dict[str, Any]:
        """A tool's configuration."""
        query = {"type": "string", "description": "What to look for"}
        user = {"type": "string", "dynamic_variable": "system__caller_id"}
        schema = {
            "url": HOOK,
            "method": "POST",
            "request_headers": headers or {},
            "request_body_schema": {
                "type": "object",
                "required": ["query"],
                "properties": {"query": query, "user_id": user},
            },
        }
        base = {"type": "webhook", "name": self.name, "description": "Scratch.", "api_schema": schema}
        return {**base, **changes}

    def agent(self, tool_ids: list[str] | None = None, **platform: Any) -> str:
        """Make an agent; return its id."""
        prompt = {"prompt": "You are a test.", "tool_ids": tool_ids or []}
        config = {"agent": {"prompt": prompt, "first_message": "Hello {{name}}"}}
        placeholders = {"dynamic_variable_placeholders": {"name": "you"}}
        config["agent"]["dynamic_variables"] = placeholders
        body = {"name": self.name, "conversation_config": config, "platform_settings": platform}
        agent_id = str(self.call("POST", f"{AGENTS}/create", body)["agent_id"])
        self._made(f"{AGENTS}/{agent_id}")
        return agent_id


@pytest.fixture
def scratch(elevenlabs: httpx.Client) -> Iterator[Scratch]:
    made = Scratch(elevenlabs)
    with made.undo:
        yield made


def without_key(elevenlabs: httpx.Client, **headers: str) -> httpx.Response:
    return httpx.get(f"{elevenlabs.base_url}{AGENTS}", headers=headers, trust_env=False)


def test_request_needs_a_key(elevenlabs: httpx.Client) -> None:
    assert without_key(elevenlabs).status_code == 401
    wrong = without_key(elevenlabs, **{"xi-api-key": "wrong"})
    assert wrong.status_code == 401
    assert wrong.json()["detail"]["status"]


def test_secret_of_a_webhook_is_shown_once(scratch: Scratch) -> None:
    webhook_id, key = scratch.webhook()
    assert key
    answer = scratch.client.get(WEBHOOKS, params={"include_usages": True})
    (found,) = [row for row in answer.json()["webhooks"] if row["webhook_id"] == webhook_id]
    assert key not in answer.text
    assert (found["name"], found["webhook_url"]) == (scratch.name, HOOK)
    assert (found["is_disabled"], found["is_auto_disabled"], found["auth_type"]) == (False, False, "hmac")
    assert not found["usage"]
    assert "retry_enabled" not in found


def test_webhook_is_switched_off_and_renamed_but_keeps_its_url(scratch: Scratch) -> None:
    webhook_id, _ = scratch.webhook()
    body = {"is_disabled": True, "name": f"{scratch.name}_b", "retry_enabled": True}
    scratch.call("PATCH", f"{WEBHOOKS}/{webhook_id}", {**body, "webhook_url": "https://example.com/other"})
    rows = scratch.call("GET", WEBHOOKS)["webhooks"]
    (found,) = [row for row in rows if row["webhook_id"] == webhook_id]
    assert (found["is_disabled"], found["name"], found["webhook_url"]) == (True, body["name"], HOOK)
    scratch.refused("PATCH", f"{WEBHOOKS}/{webhook_id}", {"retry_enabled": True})


def test_webhook_in_use_is_not_deleted(scratch: Scratch) -> None:
    webhook_id, _ = scratch.webhook()
    scratch.agent(
        workspace_overrides={"webhooks": {"post_call_webhook_id": webhook_id, "events": ["transcript"]}}
    )
    scratch.refused("DELETE", f"{WEBHOOKS}/{webhook_id}")
    rows = scratch.call("GET", WEBHOOKS, include_usages=True)["webhooks"]
    (found,) = [row for row in rows if row["webhook_id"] == webhook_id]
    assert [usage["usage_type"] for usage in found["usage"]] == ["ConvAI Agent Settings"]


def test_webhook_that_does_not_exist_is_404(scratch: Scratch) -> None:
    assert scratch.refused("DELETE", f"{WEBHOOKS}/{uuid4().hex}") == 404


def test_settings_have_both_webhooks(scratch: Scratch) -> None:
    settings = scratch.call("GET", SETTINGS)
    assert {"conversation_initiation_client_data_webhook", "webhooks"} <= settings.keys()


def test_unknown_partial_change_of_webhooks_replaces_or_merges(
    scratch: Scratch, saw: Callable[[object], None]
) -> None:
    before = scratch.call("GET", SETTINGS)["webhooks"] or {}
    if before.get("post_call_webhook_id"):
        pytest.skip("the workspace has a post-call webhook, and calls may come in")
    scratch.undo.callback(scratch.client.patch, SETTINGS, json={"webhooks": before})
    webhook_id, _ = scratch.webhook()
    scratch.undo.callback(scratch.client.patch, SETTINGS, json={"webhooks": before})
    whole = {**before, "post_call_webhook_id": webhook_id, "events": ["transcript", "audio"]}
    scratch.call("PATCH", SETTINGS, {"webhooks": whole})
    scratch.call("PATCH", SETTINGS, {"webhooks": {"events": ["transcript"]}})
    after = scratch.call("GET", SETTINGS)["webhooks"]
    assert after["events"] == ["transcript"]
    assert after["post_call_webhook_id"] in (None, webhook_id)
    saw("merges" if after["post_call_webhook_id"] else "replaces")


def test_secret_keeps_its_id_and_shows_no_value(scratch: Scratch) -> None:
    secret_id = scratch.secret()
    body = {"type": "update", "name": f"{scratch.name}_b", "value": "scratch-value-2"}
    assert scratch.call("PATCH", f"{SECRETS}/{secret_id}", body)["secret_id"] == secret_id
    listed = scratch.client.get(SECRETS)
    (found,) = [row for row in listed.json()["secrets"] if row["secret_id"] == secret_id]
    assert found["name"] == f"{scratch.name}_b"
    assert "scratch-value" not in listed.text


def test_secret_in_use_is_not_deleted(scratch: Scratch) -> None:
    secret_id = scratch.secret()
    tool_id = scratch.tool(headers={"X-Key": {"secret_id": secret_id}})
    scratch.refused("DELETE", f"{SECRETS}/{secret_id}")
    dependencies = scratch.call("GET", f"{SECRETS}/{secret_id}/dependencies/tools")["dependencies"]
    assert [row["id"] for row in dependencies] == [tool_id]


def test_two_secrets_may_have_one_name(scratch: Scratch) -> None:
    assert scratch.secret() != scratch.secret()


def test_tool_keeps_what_it_was_sent(scratch: Scratch) -> None:
    tool_id = scratch.tool(response_timeout_secs=10)
    config = scratch.call("GET", f"{TOOLS}/{tool_id}")["tool_config"]
    properties = config["api_schema"]["request_body_schema"]["properties"]
    assert properties["user_id"]["dynamic_variable"] == "system__caller_id"
    assert not properties["user_id"].get("description")
    assert (config["response_timeout_secs"], config["api_schema"]["method"]) == (10, "POST")


def test_property_has_one_source(scratch: Scratch) -> None:
    config = scratch.config()
    both = {"type": "string", "description": "Who", "dynamic_variable": "system__caller_id"}
    config["api_schema"]["request_body_schema"]["properties"]["user_id"] = both
    assert scratch.refused("POST", TOOLS, {"tool_config": config}) in (400, 422)


@pytest.mark.parametrize("seconds", [4, 301])
def test_timeout_of_a_tool_has_limits(scratch: Scratch, seconds: int) -> None:
    config = scratch.config(response_timeout_secs=seconds)
    assert scratch.refused("POST", TOOLS, {"tool_config": config}) in (400, 422)


def test_tool_in_use_is_deleted_by_force_only(scratch: Scratch) -> None:
    tool_id = scratch.tool()
    agent_id = scratch.agent([tool_id])
    scratch.refused("DELETE", f"{TOOLS}/{tool_id}")
    users = scratch.call("GET", f"{TOOLS}/{tool_id}/dependent-agents")["agents"]
    assert [row["id"] for row in users] == [agent_id]
    listed = scratch.call("GET", TOOLS, used_by_agent_id=agent_id, page_size=100)["tools"]
    assert [row["id"] for row in listed] == [tool_id]
    scratch.call("DELETE", f"{TOOLS}/{tool_id}", force=True)


def test_new_tool_has_no_executions(scratch: Scratch) -> None:
    page = scratch.call("GET", f"{TOOLS}/{scratch.tool()}/executions")
    assert (page["executions"], page["has_more"]) == ([], False)


def test_list_goes_on_at_the_cursor(scratch: Scratch) -> None:
    made = {scratch.tool(name=f"{scratch.name}_{number}") for number in range(3)}
    seen, cursor = [], None
    while True:
        query: dict[str, Any] = {"cursor": cursor} if cursor else {}
        page = scratch.call("GET", TOOLS, search=scratch.name, page_size=2, **query)
        seen += [row["id"] for row in page["tools"]]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
    assert sorted(seen) == sorted(made)


def test_new_agent_fetches_nothing_and_allows_nothing(scratch: Scratch) -> None:
    agent = scratch.call("GET", f"{AGENTS}/{scratch.agent()}")
    overrides = agent["platform_settings"]["overrides"]
    assert overrides["enable_conversation_initiation_client_data_from_webhook"] is False
    allowed = (overrides.get("conversation_config_override") or {}).get("agent") or {}
    assert not (allowed.get("prompt") or {}).get("prompt")


def test_change_of_an_agent_merges_objects_and_replaces_lists(scratch: Scratch) -> None:
    first, second = scratch.tool(), scratch.tool(name=f"{scratch.name}_b")
    path = f"{AGENTS}/{scratch.agent([first])}"
    placeholders = {"dynamic_variable_placeholders": {"other": "x"}}
    section = {"prompt": {"tool_ids": [second]}, "dynamic_variables": placeholders}
    before = scratch.call("GET", path)
    scratch.call("PATCH", path, {"conversation_config": {"agent": section}, "version_description": "scratch"})
    after = scratch.call("GET", path)
    agent = after["conversation_config"]["agent"]
    assert agent["prompt"]["tool_ids"] == [second]
    assert agent["prompt"]["prompt"] == "You are a test."
    assert agent["first_message"] == "Hello {{name}}"
    assert agent["dynamic_variables"]["dynamic_variable_placeholders"]["other"] == "x"
    assert after["platform_settings"]["overrides"] == before["platform_settings"]["overrides"]
    assert after["branch_id"] == before["branch_id"]


def test_unknown_null_takes_a_placeholder_away_or_not(
    scratch: Scratch, saw: Callable[[object], None]
) -> None:
    path = f"{AGENTS}/{scratch.agent()}"
    nothing = {"dynamic_variable_placeholders": {"name": None}}
    body = {"conversation_config": {"agent": {"dynamic_variables": nothing}}}
    answer = scratch.client.patch(path, json=body)
    assert answer.status_code in (200, 422)
    agent = scratch.call("GET", path)["conversation_config"]["agent"]
    left = agent["dynamic_variables"]["dynamic_variable_placeholders"]
    saw(f"{answer.status_code}, left: {left}")


def test_main_branch_is_live(scratch: Scratch) -> None:
    path = f"{AGENTS}/{scratch.agent()}"
    agent = scratch.call("GET", path)
    (branch,) = scratch.call("GET", f"{path}/branches")["results"]
    assert branch["id"] == agent["main_branch_id"]
    assert branch["current_live_percentage"] == 100
    assert not branch["parent_branch_id"]


def test_branch_has_a_configuration_of_its_own(scratch: Scratch) -> None:
    path = f"{AGENTS}/{scratch.agent()}"
    version_id = scratch.call("GET", path)["version_id"]
    body = {"parent_version_id": version_id, "name": "trial", "description": "scratch"}
    branch_id = scratch.call("POST", f"{path}/branches", body)["created_branch_id"]
    change = {"conversation_config": {"agent": {"first_message": "Trial"}}}
    scratch.call("PATCH", path, change, branch_id=branch_id)
    messages = [
        scratch.call("GET", path, **which)["conversation_config"]["agent"]["first_message"]
        for which in ({"branch_id": branch_id}, {}, {"version_id": version_id})
    ]
    assert messages == ["Trial", "Hello {{name}}", "Hello {{name}}"]


def test_agent_that_does_not_exist_is_404(scratch: Scratch) -> None:
    assert scratch.refused("GET", f"{AGENTS}/agent_{uuid4().hex[:28]}") == 404


def test_phone_numbers_are_listed_by_agent(scratch: Scratch) -> None:
    page = scratch.call("GET", "/v1/convai/v2/phone-numbers", agent_id=scratch.agent())
    assert page["phone_numbers"] == []


def test_conversations_are_listed_by_agent_and_time(scratch: Scratch) -> None:
    now = int(time.time())
    query = {"call_start_after_unix": now - 3600, "call_start_before_unix": now, "sort_direction": "asc"}
    page = scratch.call("GET", CONVERSATIONS, agent_id=scratch.agent(), page_size=100, **query)
    assert (page["conversations"], page["has_more"]) == ([], False)


@pytest.mark.parametrize("size", [0, 101])
def test_page_has_a_largest_size(scratch: Scratch, size: int) -> None:
    assert scratch.refused("GET", CONVERSATIONS, page_size=size) in (400, 422)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_conversation_that_does_not_exist_is_404(scratch: Scratch, method: str) -> None:
    assert scratch.refused(method, f"{CONVERSATIONS}/conv_{uuid4().hex[:28]}") == 404


def test_users_are_searched_by_their_exact_id(scratch: Scratch) -> None:
    assert scratch.call("GET", "/v1/convai/users", search=scratch.name)["users"] == []


def test_unknown_agent_is_guarded_against_changes_at_the_same_time_or_not(
    scratch: Scratch, saw: Callable[[object], None]
) -> None:
    path = f"{AGENTS}/{scratch.agent()}"
    tag = scratch.client.get(path).headers.get("etag")
    answer = scratch.client.patch(path, json={"name": scratch.name}, headers={"If-Match": '"another"'})
    assert answer.status_code in (200, 409, 412)
    saw(f"ETag: {tag}; a change of another version: {answer.status_code}")


def test_unknown_cursor_is_valid_for_a_while(scratch: Scratch, saw: Callable[[object], None]) -> None:
    """For a minute: `backfill` may take as long for a page, and asks by time instead."""
    for number in range(3):
        scratch.tool(name=f"{scratch.name}_{number}")
    query: dict[str, Any] = {"search": scratch.name, "page_size": 2}
    cursor = scratch.call("GET", TOOLS, **query)["next_cursor"]
    if LIVE:
        time.sleep(60)  # what is asked is how long it lives
    answer = scratch.client.get(TOOLS, params={**query, "cursor": cursor})
    assert answer.status_code in (200, 400, 404, 422)
    saw(answer.status_code)


@pytest.fixture
def conversation(scratch: Scratch, workspace_server: WorkspaceServer | None) -> dict[str, Any]:
    """A finished conversation: the newest of the workspace, which is only read; or one of the stand-in."""
    if workspace_server:
        data = {
            "agent_id": scratch.agent(),
            "conversation_id": f"conv_{uuid4().hex[:28]}",
            "status": "done",
            "transcript": [],
            "metadata": {"start_time_unix_secs": int(time.time()) - 60},
            "conversation_initiation_client_data": {
                "dynamic_variables": {"system__caller_id": "+16125550142"}
            },
        }
        workspace_server.workspace.seed([data])
    rows = scratch.call("GET", CONVERSATIONS, page_size=1)["conversations"]
    if not rows:
        pytest.skip("the workspace has no conversation yet")
    found: dict[str, Any] = scratch.call("GET", f"{CONVERSATIONS}/{rows[0]['conversation_id']}")
    return found


def test_unknown_first_second_of_a_listing_is_part_of_it_or_not(
    scratch: Scratch, conversation: dict[str, Any], saw: Callable[[object], None]
) -> None:
    start = conversation["metadata"]["start_time_unix_secs"]
    query: dict[str, Any] = {"agent_id": conversation["agent_id"], "page_size": 100}
    query["call_start_after_unix"] = start
    ids = [row["conversation_id"] for row in scratch.call("GET", CONVERSATIONS, **query)["conversations"]]
    saw("included" if conversation["conversation_id"] in ids else "left out")
    query["call_start_after_unix"] = start - 1
    ids = [row["conversation_id"] for row in scratch.call("GET", CONVERSATIONS, **query)["conversations"]]
    assert conversation["conversation_id"] in ids


def test_unknown_conversations_are_found_by_the_callers_number_or_not(
    scratch: Scratch, conversation: dict[str, Any], saw: Callable[[object], None]
) -> None:
    """`forget --elevenlabs` asks by user id and by number, and looks at each conversation itself."""
    data = conversation.get("conversation_initiation_client_data") or {}
    number = (data.get("dynamic_variables") or {}).get("system__caller_id")
    if not number:
        pytest.skip("the newest conversation has no caller's number")
    query: dict[str, Any] = {"dynamic_variable_params": f"system__caller_id:eq:{number}", "page_size": 100}
    answer = scratch.client.get(CONVERSATIONS, params=query)
    assert answer.status_code in (200, 400, 422)
    ids = [row["conversation_id"] for row in answer.json().get("conversations", [])]
    saw(f"{answer.status_code}, {'found' if conversation['conversation_id'] in ids else 'not found'}")


def test_unknown_test_of_an_agent_may_set_the_callers_number_or_not(
    scratch: Scratch, saw: Callable[[object], None]
) -> None:
    """A test is made here and not run, so it costs no credits."""
    if not LIVE:
        pytest.skip("the stand-in runs no tests of agents")
    path = "/v1/convai/agent-testing"
    body = {
        "type": "llm",
        "name": scratch.name,
        "chat_history": [{"role": "user", "message": "Hello.", "time_in_call_secs": 1}],
        "success_condition": "The agent says hello.",
        "success_examples": [{"response": "Hello.", "type": "success"}],
        "failure_examples": [{"response": "Go away.", "type": "failure"}],
        "dynamic_variables": {"system__caller_id": "+12025550173"},
    }
    answer = scratch.client.post(f"{path}/create", json=body)
    assert answer.status_code in (200, 400, 422)
    if answer.is_success:
        scratch.call("DELETE", f"{path}/{answer.json()['id']}")
    saw(answer.status_code)


class Phone:
    """Places calls in the stand-in, to an agent that asks a server of the test who is calling.

    Attributes:
        reply: what the initiation webhook answers.
    """

    def __init__(self, scratch: Scratch, server: WorkspaceServer) -> None:
        self.scratch = scratch
        self.server = server
        self.reply = json_response(
            200, {"type": "conversation_initiation_client_data", "dynamic_variables": {"name": "you"}}
        )
        self._hook = HttpServer(self._answer, name="hook", port=0, error=message)
        scratch.undo.callback(self._hook.stop)
        config = scratch.config(name="look_up")
        config["api_schema"]["url"] = f"{self._hook.url}/tool"
        self.tool_id = str(scratch.call("POST", TOOLS, {"tool_config": config})["id"])
        scratch.undo.callback(scratch.client.delete, f"{TOOLS}/{self.tool_id}?force=true")
        initiation = {"url": f"{self._hook.url}/initiation", "request_headers": {}}
        self.agent_id = scratch.agent(
            [self.tool_id],
            overrides={FETCHES: True},
            workspace_overrides={"conversation_initiation_client_data_webhook": initiation},
        )

    def call(self, caller_id: str = "+16125550142") -> Call:
        """A call in which the agent looks something up."""
        used = ToolUse(name="look_up", arguments={"query": "the dog"})
        script = CallScript(
            kind="phone",
            caller_id=caller_id,
            agent_id=self.agent_id,
            start=int(time.time()) - 60,
            turns=(Turn(role="user", message="Do you remember my dog?"), Turn(role="agent", tool=used)),
        )
        with ElevenLabs(self.server.workspace, sleep=lambda _seconds: None) as elevenlabs:
            return elevenlabs.run_call(script)

    def _answer(self, request: Request) -> Response:
        return self.reply if request.path == "/initiation" else json_response(200, {"memories": []})


@pytest.fixture
def phone(scratch: Scratch, workspace_server: WorkspaceServer | None) -> Phone:
    if workspace_server is None:
        pytest.skip("needs a phone call, which no program can make")
    return Phone(scratch, workspace_server)


def test_unknown_caller_of_a_tool_when_the_number_is_withheld(
    phone: Phone, saw: Callable[[object], None]
) -> None:
    call = phone.call("anonymous")
    (execution,) = phone.scratch.call("GET", f"{TOOLS}/{phone.tool_id}/executions")["executions"]
    sent = json.loads(execution["tool_call_details"]["body"]).get("user_id")
    assert not call.problem
    assert sent in (None, "", "anonymous")
    saw(repr(sent))


def test_unknown_user_id_of_the_initiation_reply_is_kept_or_not(
    phone: Phone, saw: Callable[[object], None]
) -> None:
    reply = {"type": "conversation_initiation_client_data", "dynamic_variables": {"name": "you"}}
    phone.reply = json_response(200, {**reply, "user_id": "somebody"})
    call = phone.call()
    kept = phone.scratch.call("GET", f"{CONVERSATIONS}/{call.conversation_id}").get("user_id")
    assert not call.problem
    assert kept in (None, "somebody")
    saw(repr(kept))


def test_unknown_time_for_which_the_initiation_webhook_is_waited_for(
    phone: Phone, monkeypatch: pytest.MonkeyPatch, saw: Callable[[object], None]
) -> None:
    monkeypatch.setattr(platform, "INITIATION_SECONDS", 0.1)
    phone.reply = Response(status=200, headers=(), body=b"{}", send=lambda *_: time.sleep(0.5))
    problem = phone.call().problem
    assert problem
    saw(problem)


def test_unknown_webhook_that_its_failures_switched_off_is_switched_on_again_by_a_change_or_not(
    scratch: Scratch, workspace_server: WorkspaceServer | None, saw: Callable[[object], None]
) -> None:
    if workspace_server is None:
        pytest.skip("needs ten failed deliveries and a week without a success")
    webhook_id, _ = scratch.webhook()
    for _ in range(FAILURES):
        workspace_server.workspace.note_delivery(webhook_id, accepted=False, status=500)

    def is_off() -> bool:
        rows = scratch.call("GET", WEBHOOKS)["webhooks"]
        (found,) = [row for row in rows if row["webhook_id"] == webhook_id]
        return bool(found["is_auto_disabled"])

    assert is_off()
    scratch.call("PATCH", f"{WEBHOOKS}/{webhook_id}", {"is_disabled": False, "name": scratch.name})
    saw("stays off" if is_off() else "is on")
