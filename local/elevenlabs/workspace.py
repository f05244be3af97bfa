"""The state of an ElevenLabs workspace, and its rules: what is used, what may be deleted, how calls go."""

import secrets
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Self
from uuid import uuid4

from pydantic import BaseModel, ConfigDict

from local.elevenlabs.agent import OWN_PROMPT, Agent, WebhookTool
from local.elevenlabs.errors import ApiError, not_found
from local.elevenlabs.requests import AgentConfig, ToolBody, Webhooks, merge, read
from local.elevenlabs.store import Document, Store
from local.endpoints import Endpoints

INITIATION = "conversation_initiation_client_data_webhook"
FETCHES = "enable_conversation_initiation_client_data_from_webhook"
# After so many failures in a row, with no success for so long, a webhook is switched off
# (elevenlabs.io/docs, *Webhooks*).
FAILURES = 10
FAILING_SECONDS = 7 * 24 * 3600
PLACEHOLDERS = (
    "caller_id",
    "memory_count",
    "memory_context",
    "returning_caller",
    "caller_name",
    "secret__memory_token",
)
MEMORY_PROMPT = """

What you know of the caller ({{caller_id}}, called before: {{returning_caller}}):
{{memory_context}}"""
AGENTS = {
    "agent_01lindenstreetvet": ("Nora", "+16515550100"),
    "agent_01papermoonbooks": ("Paper Moon assistant", "+16515550101"),
}
EVERY_EVENT = ["transcript", "audio", "call_initiation_failure"]


class Unknowns(BaseModel):
    """What ElevenLabs does not document: which of two ways it goes.

    Attributes:
        partial_webhooks: what a PATCH with a part of the settings' `webhooks` does to the rest of them.
        enabling_clears_auto_disable: whether a webhook that was switched off by its failures works again
            after a PATCH with `is_disabled` false.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    partial_webhooks: Literal["replaces", "merges"] = "replaces"
    enabling_clears_auto_disable: bool = True


class Workspace:
    """A workspace with two agents and their phone numbers, in which nothing is connected at first.

    Args:
        data_dir: where it is kept; None keeps it for this run only.

    Attributes:
        unknowns: how it behaves where that is not documented.
    """

    def __init__(self, data_dir: Path | None = None) -> None:
        self.store = Store(data_dir)
        self.unknowns = Unknowns()
        with self.store.transaction():
            if not self.store.documents("agent"):
                for agent_id, (name, number) in AGENTS.items():
                    self._invent_agent(agent_id, name, number)

    @classmethod
    def connected(cls, endpoints: Endpoints) -> Self:
        """A workspace of this run only that is connected to the system at `endpoints`."""
        workspace = cls()
        workspace.connect(endpoints)
        return workspace

    def connect(self, endpoints: Endpoints) -> None:
        """Connect all agents to a system, unless they are: webhooks, secret, tool, overrides."""
        with self.store.transaction():
            if (self.settings()[INITIATION] or {}).get("url") == endpoints.client_data_url:
                return
            webhook = self.new_webhook("AgenticMemory post-call", endpoints.post_call_url, endpoints.hmac_key)
            webhook["retry_enabled"] = True
            self.store.put("webhook", webhook["webhook_id"], webhook)
            secret_id = self.put_secret(None, "workspace_key", endpoints.workspace_key)["secret_id"]
            tool_id = self.put_tool(None, _memory_tool(endpoints.retrieve_url))["id"]
            header = {"X-Workspace-Key": {"secret_id": secret_id}}
            self.patch_settings(
                {
                    INITIATION: {"url": endpoints.client_data_url, "request_headers": header},
                    "webhooks": {"post_call_webhook_id": webhook["webhook_id"], "events": EVERY_EVENT},
                }
            )
            allowed = {"agent": {"prompt": {"prompt": True}, "first_message": True}}
            overrides = {FETCHES: True, "conversation_config_override": allowed}
            placeholders = {"dynamic_variable_placeholders": dict.fromkeys(PLACEHOLDERS, "")}
            for agent in self.store.documents("agent"):
                own = OWN_PROMPT.format(name=agent["name"])
                prompt = {"prompt": own + MEMORY_PROMPT, "tool_ids": [tool_id]}
                config = {"agent": {"prompt": prompt, "dynamic_variables": placeholders}}
                change = {"conversation_config": config, "platform_settings": {"overrides": overrides}}
                self.patch_agent(agent["agent_id"], None, change)

    def close(self) -> None:
        """Close its file."""
        self.store.close()

    # Webhooks, settings, secrets

    def new_webhook(self, name: str, url: str, key: str = "") -> Document:
        """Make a webhook, with its signing secret in `key`; retries are off."""
        webhook: Document = {
            "webhook_id": uuid4().hex,
            "name": name,
            "webhook_url": url,
            "is_disabled": False,
            "is_auto_disabled": False,
            "created_at_unix": int(time.time()),
            "auth_type": "hmac",
            "most_recent_failure_error_code": None,
            "most_recent_failure_timestamp": None,
            # Never returned:
            "key": key or f"wsec_{secrets.token_hex(32)}",
            "retry_enabled": False,
            "failures": 0,
            "last_success": 0.0,
        }
        self.store.put("webhook", webhook["webhook_id"], webhook)
        return webhook

    def webhook_usage(self, webhook_id: str) -> list[dict[str, str]]:
        """What a webhook is used by."""
        usage = []
        if _post_call(self.settings()) == webhook_id:
            usage.append({"usage_type": "ConvAI Settings"})
        if any(_post_call(_own_webhooks(branch)) == webhook_id for branch in self.store.documents("branch")):
            usage.append({"usage_type": "ConvAI Agent Settings"})
        return usage

    def note_delivery(self, webhook_id: str, *, accepted: bool, status: int | None) -> None:
        """Count a delivery; a webhook that fails for too long is switched off."""
        with self.store.transaction():
            webhook = self.store.get("webhook", webhook_id)
            if webhook is None:
                return
            now = time.time()
            if accepted:
                webhook |= {"failures": 0, "last_success": now}
            else:
                webhook["failures"] += 1
                webhook["most_recent_failure_error_code"] = status
                webhook["most_recent_failure_timestamp"] = int(now)
                if webhook["failures"] >= FAILURES and now - webhook["last_success"] > FAILING_SECONDS:
                    webhook["is_auto_disabled"] = True
            self.store.put("webhook", webhook_id, webhook)

    def settings(self) -> Document:
        """The settings for agents."""
        return self.store.get("settings", "") or {
            **Webhooks.model_validate({"webhooks": {}}).model_dump(),
            "can_use_mcp_servers": False,
            "rag_retention_period_days": 10,
            "conversation_embedding_retention_days": None,
            "default_livekit_stack": "standard",
        }

    def patch_settings(self, change: Mapping[str, Any]) -> Document:
        """Change the settings; their parts are replaced, or `webhooks` merged (see `Unknowns`)."""
        old = self.settings()
        new = {**old, **change}
        if self.unknowns.partial_webhooks == "merges" and change.get("webhooks"):
            new["webhooks"] = merge(old["webhooks"] or {}, change["webhooks"])
        webhooks = {name: new.get(name) for name in (INITIATION, "webhooks")}
        checked = {**new, **self._checked_webhooks(webhooks)}
        self.store.put("settings", "", checked)
        return checked

    def put_secret(self, secret_id: str | None, name: str, value: str) -> Document:
        """Keep a secret, a new one without an id."""
        found = self.store.get("secret", secret_id) if secret_id else None
        if secret_id and not found:
            raise not_found("Secret", secret_id)
        secret_id = secret_id or uuid4().hex[:20]
        self.store.put("secret", secret_id, {"secret_id": secret_id, "name": name, "value": value})
        return {"type": "stored", "secret_id": secret_id, "name": name}

    def secret_users(self, secret_id: str) -> dict[str, list[Any]]:
        """What uses a secret: `tools`, `agents`, `others`."""
        tools = [tool for tool in self.store.documents("tool") if _mentions(tool["tool_config"], secret_id)]
        agents = {
            branch["agent_id"]: branch
            for branch in self.store.documents("branch")
            if _mentions(branch["config"]["platform_settings"], secret_id)
        }
        others = _mentions(self.settings().get(INITIATION), secret_id)
        return {
            "tools": [dependent(tool["id"], tool["tool_config"]["name"]) for tool in tools],
            "agents": [self.dependent_agent(agent_id) for agent_id in agents],
            "others": ["conversation_initiation_webhook"] if others else [],
        }

    # Tools

    def put_tool(self, tool_id: str | None, body: object) -> Document:
        """Keep a tool, a new one without an id."""
        config = read(ToolBody, body).tool_config.model_dump()
        schema = config.get("api_schema") or {}
        for value in schema.get("request_headers", {}).values():
            self._check_secret(value)
        if config["type"] != "webhook":
            config.pop("api_schema")
        tool_id = tool_id or f"tool_{uuid4().hex[:26]}"
        tool = {"id": tool_id, "tool_config": config}
        self.store.put("tool", tool_id, tool)
        return tool

    def branches_with(self, tool_id: str) -> list[Document]:
        """The branches of agents that use a tool."""
        return [
            branch
            for branch in self.store.documents("branch")
            if tool_id in _prompt(branch["config"])["tool_ids"]
        ]

    # Agents

    def new_agent(self, name: str, config: object, agent_id: str = "") -> str:
        """Make an agent with its main branch; return its id."""
        agent_id = agent_id or f"agent_{uuid4().hex[:28]}"
        checked = self._checked_config(config)
        branch_id = f"agtbrch_{uuid4().hex[:28]}"
        now = int(time.time())
        times = {"created_at_unix_secs": now, "updated_at_unix_secs": now}
        self.store.put(
            "agent",
            agent_id,
            {"agent_id": agent_id, "name": name, "tags": [], "main_branch_id": branch_id, "metadata": times},
        )
        self.put_branch(agent_id, branch_id, "Main", checked, "Created")
        return agent_id

    def put_branch(  # noqa: PLR0913, PLR0917 - the fields of a branch
        self, agent_id: str, branch_id: str, name: str, config: Document, why: str, parent_branch_id: str = ""
    ) -> Document:
        """Make a branch of an agent, or commit to it: either makes a version."""
        now = int(time.time())
        branch = self.store.get("branch", branch_id) or {
            "id": branch_id,
            "name": name,
            "agent_id": agent_id,
            "description": "",
            "created_at": now,
            "is_archived": False,
            "current_live_percentage": 0.0 if parent_branch_id else 100.0,
            "parent_branch_id": parent_branch_id or None,
            "commits": 0,
            "version_id": None,
        }
        version_id = f"agtvrsn_{uuid4().hex[:28]}"
        version = {
            "id": version_id,
            "agent_id": agent_id,
            "branch_id": branch_id,
            "version_description": why,
            "seq_no_in_branch": branch["commits"],
            "time_committed_secs": now,
            "parents": {"in_branch_parent_id": branch["version_id"]},
            "config": config,
        }
        branch |= {"last_committed_at": now, "version_id": version_id, "config": config}
        branch["commits"] += 1
        self.store.put("version", version_id, version, agent_id)
        self.store.put("branch", branch_id, branch, agent_id)
        return branch

    def patch_agent(self, agent_id: str, branch_id: str | None, change: Mapping[str, Any]) -> Document:
        """Change an agent, or a branch of it: objects are merged, lists replaced."""
        agent, branch = self.agent(agent_id), self.branch(agent_id, branch_id)
        config = self._checked_config(
            merge(branch["config"], {name: change[name] for name in branch["config"] if name in change})
        )
        agent["metadata"]["updated_at_unix_secs"] = int(time.time())
        agent |= {name: change[name] for name in ("name", "tags") if change.get(name) is not None}
        self.store.put("agent", agent_id, agent)
        return self.put_branch(
            agent_id, branch["id"], branch["name"], config, str(change.get("version_description") or "")
        )

    def agent(self, agent_id: str) -> Document:
        """An agent without its configuration."""
        found = self.store.get("agent", agent_id)
        if not found:
            raise not_found("Agent", agent_id)
        return found

    def branch(self, agent_id: str, branch_id: str | None = None) -> Document:
        """A branch of an agent, by default the main one."""
        branch_id = branch_id or self.agent(agent_id)["main_branch_id"]
        found = self.store.get("branch", branch_id)
        if not found or found["agent_id"] != agent_id:
            raise not_found("Branch", branch_id)
        return found

    def delete_agent(self, agent_id: str) -> None:
        """Delete an agent; its phone numbers are left without one."""
        self.agent(agent_id)
        for kind in ("branch", "version"):
            for document in self.store.documents(kind, agent_id):
                self.store.delete(kind, document["id"])
        for number in self.numbers(agent_id):
            free = {**number, "agent_id": None, "branch_id": None}
            self.store.put("number", number["phone_number_id"], free)
        self.store.delete("agent", agent_id)

    def dependent_agent(self, agent_id: str) -> dict[str, Any]:
        """An agent as others' lists of what depends on them name it."""
        agent = self.agent(agent_id)
        return dependent(agent_id, agent["name"], agent["metadata"]["created_at_unix_secs"])

    def numbers(self, agent_id: str | None = None) -> list[Document]:
        """The phone numbers, of one agent or all."""
        numbers = self.store.documents("number")
        return [number for number in numbers if agent_id in (None, number["agent_id"])]

    # Calls

    def agent_in_call(self, agent_id: str, name: str, number: str, draw: float) -> Agent:
        """What decides how a call goes. An agent that is not there is made, set up like the first one.

        Args:
            agent_id: who takes the call.
            name: of an agent that is not there yet.
            number: that was called; it may belong to a branch.
            draw: from 0 to 1: which branch it is, where calls are split.
        """
        with self.store.transaction():
            if not self.store.get("agent", agent_id):
                first = next(iter(self.store.documents("agent")), None)
                config = self.branch(first["agent_id"])["config"] if first else {}
                self.new_agent(name, config, agent_id)
            branch = self._live_branch(agent_id, number, draw)
            return self._in_call(self.agent(agent_id), branch, number)

    def post_call_webhook(self, agent_id: str, branch_id: str) -> tuple[Document | None, Document]:
        """The webhook of an agent's calls (None if there is none), and the settings of its events."""
        branch = self.store.get("branch", branch_id)
        own = _own_webhooks(branch) if branch and branch["agent_id"] == agent_id else {}
        options = (own if _post_call(own) else self.settings())["webhooks"] or {}
        return self.store.get("webhook", options.get("post_call_webhook_id") or ""), options

    def signing_keys(self) -> list[str]:
        """The keys of all webhooks."""
        return [webhook["key"] for webhook in self.store.documents("webhook")]

    def signing_webhook(self) -> Document | None:
        """The workspace's own post-call webhook."""
        return self.store.get("webhook", _post_call(self.settings()) or "")

    def header_values(self, headers: Mapping[str, Any], variables: Mapping[str, object]) -> dict[str, str]:
        """The headers as they are sent, with secrets and variables filled in."""
        return {name: self._header_value(value, variables) for name, value in headers.items()}

    def keep_execution(self, execution: Document) -> None:
        """Keep the use of a tool."""
        self.store.put("execution", execution["id"], execution, execution["tool_id"])

    def seed(self, conversations: Iterable[Document]) -> None:
        """Keep past conversations: details as in `GET /v1/convai/conversations/{id}`."""
        self.store.put_conversations((summary(detail), detail) for detail in conversations)

    def _header_value(self, value: Any, variables: Mapping[str, object]) -> str:
        if isinstance(value, str):
            return value
        if "secret_id" in value:
            return str((self.store.get("secret", value["secret_id"]) or {}).get("value", ""))
        return str(variables.get(value.get("variable_name"), ""))

    def _live_branch(self, agent_id: str, number: str, draw: float) -> Document:
        for found in self.numbers(agent_id):
            if found["phone_number"] == number and found["branch_id"]:
                return self.branch(agent_id, found["branch_id"])
        branches = self.store.documents("branch", agent_id)
        share = 0.0
        for branch in branches:
            share += branch["current_live_percentage"] / 100
            if draw < share:
                return branch
        return self.branch(agent_id)

    def _in_call(self, agent: Document, branch: Document, number: str) -> Agent:
        config = branch["config"]
        section, overrides = config["conversation_config"]["agent"], config["platform_settings"]["overrides"]
        switches = overrides["conversation_config_override"]["agent"]
        allowed = {name for name in ("first_message", "language") if switches[name]}
        own = _own_webhooks(branch)
        initiation = own.get(INITIATION) or self.settings().get(INITIATION) or {}
        tool_ids = section["prompt"]["tool_ids"]
        tools = {tool_id: self.store.get("tool", tool_id) for tool_id in tool_ids}
        numbers = {found["phone_number"]: found["phone_number_id"] for found in self.numbers()}
        return Agent(
            agent_id=agent["agent_id"],
            name=agent["name"],
            branch_id=branch["id"],
            version_id=branch["version_id"],
            phone_number_id=numbers.get(number, ""),
            prompt=section["prompt"]["prompt"],
            first_message=section["first_message"],
            placeholders=section["dynamic_variables"]["dynamic_variable_placeholders"],
            overrides=frozenset(allowed | ({"prompt"} if switches["prompt"]["prompt"] else set())),
            fetches=overrides[FETCHES],
            initiation_url=initiation.get("url") or "",
            initiation_headers=initiation.get("request_headers") or {},
            tools=tuple(
                WebhookTool.of(tool["id"], tool["tool_config"])
                for tool in tools.values()
                if tool and tool["tool_config"]["type"] == "webhook"
            ),
            missing_tools=tuple(tool_id for tool_id, tool in tools.items() if not tool),
        )

    def _checked_webhooks(self, webhooks: object) -> dict[str, Any]:
        checked = read(Webhooks, webhooks).model_dump()
        for value in ((checked[INITIATION] or {}).get("request_headers") or {}).values():
            self._check_secret(value)
        webhook_id = _post_call(checked)
        if webhook_id and not self.store.get("webhook", webhook_id):
            raise not_found("Webhook", webhook_id)
        return checked

    def _checked_config(self, config: object) -> Document:
        checked = read(AgentConfig, config).model_dump()
        platform = checked["platform_settings"]
        platform["workspace_overrides"] = self._checked_webhooks(platform["workspace_overrides"])
        return checked

    def _check_secret(self, value: Any) -> None:
        secret_id = value.get("secret_id") if isinstance(value, dict) else None
        if secret_id and not self.store.get("secret", secret_id):
            raise not_found("Secret", secret_id)

    def _invent_agent(self, agent_id: str, name: str, number: str) -> None:
        prompt = {"prompt": OWN_PROMPT.format(name=name)}
        first_message = f"Hello, this is {name}. How can I help you?"
        agent = {"prompt": prompt, "first_message": first_message}
        self.new_agent(name, {"conversation_config": {"agent": agent}}, agent_id)
        number_id = f"phnum_{agent_id.removeprefix('agent_')}"
        self.store.put(
            "number",
            number_id,
            {
                "phone_number_id": number_id,
                "phone_number": number,
                "label": name,
                "provider": "twilio",
                "agent_id": agent_id,
                "branch_id": None,
            },
        )


def summary(detail: Mapping[str, Any]) -> Document:
    """A conversation's row in lists, which names neither caller nor user, as on the platform."""
    metadata, analysis = detail["metadata"], detail.get("analysis") or {}
    turns = detail["transcript"]
    calls = [call["tool_name"] for turn in turns for call in turn.get("tool_calls") or []]
    return {
        **{name: detail.get(name) for name in ("agent_id", "agent_name", "branch_id", "version_id")},
        "conversation_id": detail["conversation_id"],
        "start_time_unix_secs": metadata["start_time_unix_secs"],
        "call_duration_secs": metadata.get("call_duration_secs", 0),
        "message_count": sum(bool(turn.get("message")) for turn in turns),
        "status": detail["status"],
        "termination_reason": metadata.get("termination_reason"),
        "call_successful": analysis.get("call_successful", "unknown"),
        "transcript_summary": analysis.get("transcript_summary"),
        "call_summary_title": analysis.get("call_summary_title"),
        "main_language": metadata.get("main_language"),
        "conversation_initiation_source": metadata.get("conversation_initiation_source"),
        "direction": (metadata.get("phone_call") or {}).get("direction"),
        "tool_names": sorted(set(calls)),
    }


def dependent(id_: str, name: str, created: int = 0) -> dict[str, Any]:
    """Something as lists of what depends on another thing name it."""
    return {
        "type": "available",
        "id": id_,
        "name": name,
        "created_at_unix_secs": created,
        "access_level": "admin",
    }


def in_use(what: str, users: object) -> ApiError:
    """The refusal to delete what is used."""
    return ApiError(400, "in_use", f"{what} cannot be deleted while it is used: {users}")


def _prompt(config: Document) -> Document:
    prompt: Document = config["conversation_config"]["agent"]["prompt"]
    return prompt


def _own_webhooks(branch: Document) -> Document:
    own: Document = branch["config"]["platform_settings"]["workspace_overrides"]
    return own


def _post_call(webhooks: Mapping[str, Any]) -> str | None:
    return (webhooks.get("webhooks") or {}).get("post_call_webhook_id")


def _mentions(value: Any, secret_id: str) -> bool:
    if isinstance(value, dict):
        inner = value.values()
        return value.get("secret_id") == secret_id or any(_mentions(part, secret_id) for part in inner)
    return isinstance(value, list) and any(_mentions(part, secret_id) for part in value)


def _memory_tool(url: str) -> Document:
    query = {"type": "string", "description": "What to look for, in a few words."}
    properties = {"query": query, "user_id": {"type": "string", "dynamic_variable": "system__caller_id"}}
    return {
        "tool_config": {
            "type": "webhook",
            "name": "recall_memory",
            "description": "Looks up what this caller said in earlier calls.",
            "api_schema": {
                "url": url,
                "method": "POST",
                "request_headers": {"X-Memory-Token": {"variable_name": "secret__memory_token"}},
                "request_body_schema": {"type": "object", "required": ["query"], "properties": properties},
            },
        }
    }
