"""ElevenLabs' management API over a workspace: paths, permissions, and the shapes of the answers.

Paths and shapes are those of the `elevenlabs` SDK 2.78.0.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from local.elevenlabs.conversations import conditions
from local.elevenlabs.errors import ApiError, InvalidRequestError, not_found
from local.elevenlabs.requests import NewWebhook, SecretBody, WebhookChange, read
from local.elevenlabs.store import Document
from local.elevenlabs.workspace import Workspace, in_use
from local.http_server import Request, Routes

CONVAI = "/v1/convai"
ROUTES = {
    "webhooks.list": ("GET", "/v1/workspace/webhooks"),
    "webhooks.create": ("POST", "/v1/workspace/webhooks"),
    "webhooks.update": ("PATCH", "/v1/workspace/webhooks/{id}"),
    "webhooks.delete": ("DELETE", "/v1/workspace/webhooks/{id}"),
    "settings.get": ("GET", f"{CONVAI}/settings"),
    "settings.update": ("PATCH", f"{CONVAI}/settings"),
    "secrets.list": ("GET", f"{CONVAI}/secrets"),
    "secrets.create": ("POST", f"{CONVAI}/secrets"),
    "secrets.get": ("GET", f"{CONVAI}/secrets/{{id}}"),
    "secrets.update": ("PATCH", f"{CONVAI}/secrets/{{id}}"),
    "secrets.delete": ("DELETE", f"{CONVAI}/secrets/{{id}}"),
    "secrets.dependencies": ("GET", f"{CONVAI}/secrets/{{id}}/dependencies/{{part}}"),
    "tools.list": ("GET", f"{CONVAI}/tools"),
    "tools.create": ("POST", f"{CONVAI}/tools"),
    "tools.get": ("GET", f"{CONVAI}/tools/{{id}}"),
    "tools.update": ("PATCH", f"{CONVAI}/tools/{{id}}"),
    "tools.delete": ("DELETE", f"{CONVAI}/tools/{{id}}"),
    "tools.dependent_agents": ("GET", f"{CONVAI}/tools/{{id}}/dependent-agents"),
    "tools.executions": ("GET", f"{CONVAI}/tools/{{id}}/executions"),
    "agents.list": ("GET", f"{CONVAI}/agents"),
    "agents.create": ("POST", f"{CONVAI}/agents/create"),
    "agents.get": ("GET", f"{CONVAI}/agents/{{id}}"),
    "agents.update": ("PATCH", f"{CONVAI}/agents/{{id}}"),
    "agents.delete": ("DELETE", f"{CONVAI}/agents/{{id}}"),
    "branches.list": ("GET", f"{CONVAI}/agents/{{id}}/branches"),
    "branches.create": ("POST", f"{CONVAI}/agents/{{id}}/branches"),
    "branches.get": ("GET", f"{CONVAI}/agents/{{id}}/branches/{{part}}"),
    "deployments.create": ("POST", f"{CONVAI}/agents/{{id}}/deployments"),
    "versions.get": ("GET", f"{CONVAI}/agents/{{id}}/versions/{{part}}"),
    "phone_numbers.list": ("GET", f"{CONVAI}/v2/phone-numbers"),
    "phone_numbers.get": ("GET", f"{CONVAI}/phone-numbers/{{id}}"),
    "phone_numbers.update": ("PATCH", f"{CONVAI}/phone-numbers/{{id}}"),
    "conversations.list": ("GET", f"{CONVAI}/conversations"),
    "conversations.get": ("GET", f"{CONVAI}/conversations/{{id}}"),
    "conversations.delete": ("DELETE", f"{CONVAI}/conversations/{{id}}"),
    "users.list": ("GET", f"{CONVAI}/users"),
}
PERMISSIONS = ("convai_read", "convai_write", "webhooks_write")
PAGE, MOST = 30, 100
MOODS = ("scored_conversation_count", "positive_count", "neutral_count", "negative_count")
NO_MOODS = dict.fromkeys((*MOODS, *(f"recent_{mood}" for mood in MOODS)), 0)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request: `id` and `part` are the path's parameters, `query` has all values of a name."""

    id: str = ""
    part: str = ""
    query: Mapping[str, list[str]]
    body: Document

    def one(self, name: str) -> str:
        """The last value of a name in the query; empty if there is none."""
        return self.query.get(name, [""])[-1]

    def number(self, name: str, default: int = 0) -> int:
        """A whole number in the query."""
        value = self.one(name) or str(default)
        if not value.isdecimal():
            raise _invalid(name, "not a number")
        return int(value)

    def size(self) -> int:
        """How many items a page has."""
        size = self.number("page_size", PAGE)
        if not 1 <= size <= MOST:
            raise _invalid("page_size", f"from 1 to {MOST}")
        return size

    def cursor(self, *kinds: type) -> list[Any]:
        """The place at which a page begins, values of these kinds; empty for the first."""
        text = self.one("cursor")
        try:
            place = json.loads(base64.urlsafe_b64decode(text)) if text else []
        except ValueError:
            place = None
        if not isinstance(place, list) or (text and [type(value) for value in place] != [*kinds]):
            raise _invalid("cursor", "not a cursor")
        return place


class Api:
    """The API over a workspace; `keys` are the accepted ones with their permissions."""

    def __init__(self, workspace: Workspace, keys: Mapping[str, Sequence[str]]) -> None:
        self.keys = dict(keys)
        self._workspace = workspace
        self._store = workspace.store
        self._routes = Routes(ROUTES)

    def operation(self, request: Request) -> str:
        """The operation's name in `ROUTES`; `unknown` if there is none."""
        found = self._routes.find(request.method, request.path)
        return found[0] if found else "unknown"

    def answer(self, request: Request) -> Any:
        """Do what a request asks for; return the body of the answer.

        Raises:
            ApiError: if it is refused.
        """
        found = self._routes.find(request.method, request.path)
        self._authorize(request, found[0] if found else "")
        if found is None:
            known = self._routes.has(request.path)
            raise ApiError(405 if known else 404, "not_found", "Method Not Allowed" if known else "Not Found")
        operation, parameters = found
        asked = Asked(
            **parameters,
            query=parse_qs(request.target.partition("?")[2], keep_blank_values=True),
            body=_body(request) if request.method in ("POST", "PATCH") else {},
        )
        action: Callable[[Asked], Any] = getattr(self, f"_{operation.replace('.', '_')}")
        with self._store.transaction():
            return action(asked)

    def _authorize(self, request: Request, operation: str) -> None:
        key = request.header("xi-api-key")
        if not key:
            raise ApiError(
                401,
                "needs_authorization",
                "Neither authorization header nor xi-api-key received, please provide one.",
            )
        if key not in self.keys:
            raise ApiError(401, "invalid_api_key", "Invalid API key")
        needed = "convai_read" if request.method == "GET" else "convai_write"
        needed = "webhooks_write" if operation.startswith("webhooks.") else needed
        if needed not in self.keys[key]:
            words = f"The API key you used is missing the permission {needed} to execute this operation."
            raise ApiError(401, "missing_permissions", words)

    # Webhooks

    def _webhooks_list(self, asked: Asked) -> Any:
        usages = asked.one("include_usages").lower() == "true"
        return {
            "webhooks": [
                self._webhook(webhook, usages=usages) for webhook in self._store.documents("webhook")
            ]
        }

    def _webhooks_create(self, asked: Asked) -> Any:
        settings = read(NewWebhook, asked.body).settings
        made = self._workspace.new_webhook(settings.name, settings.webhook_url)
        return {"webhook_id": made["webhook_id"], "webhook_secret": made["key"]}

    def _webhooks_update(self, asked: Asked) -> Any:
        change = read(WebhookChange, asked.body)
        webhook = self._get("webhook", asked.id, "Webhook")
        webhook |= {"name": change.name, "is_disabled": change.is_disabled}
        if change.retry_enabled is not None:
            webhook["retry_enabled"] = change.retry_enabled
        if not change.is_disabled and self._workspace.unknowns.enabling_clears_auto_disable:
            webhook |= {"is_auto_disabled": False, "failures": 0}
        self._store.put("webhook", asked.id, webhook)
        return {"status": "ok"}

    def _webhooks_delete(self, asked: Asked) -> Any:
        self._get("webhook", asked.id, "Webhook")
        if usage := self._workspace.webhook_usage(asked.id):
            raise in_use("A webhook", [entry["usage_type"] for entry in usage])
        self._store.delete("webhook", asked.id)
        return {"status": "ok"}

    def _webhook(self, webhook: Document, *, usages: bool) -> Document:
        hidden = ("key", "retry_enabled", "failures", "last_success")
        shown = {name: value for name, value in webhook.items() if name not in hidden}
        more = {"usage": self._workspace.webhook_usage(webhook["webhook_id"]), "events": []}
        return {**shown, **(more if usages else {"usage": None})}

    # Settings and secrets

    def _settings_get(self, _asked: Asked) -> Any:
        return self._workspace.settings()

    def _settings_update(self, asked: Asked) -> Any:
        return self._workspace.patch_settings(asked.body)

    def _secrets_list(self, asked: Asked) -> Any:
        secrets = [self._secret(secret) for secret in self._store.documents("secret")]
        if not asked.one("page_size"):
            return {"secrets": secrets, "next_cursor": None}
        page = _page(secrets, asked, "secrets")
        del page["has_more"]
        return page

    def _secrets_create(self, asked: Asked) -> Any:
        wanted = read(SecretBody, asked.body)
        return self._workspace.put_secret(None, wanted.name, wanted.value)

    def _secrets_get(self, asked: Asked) -> Any:
        return self._secret(self._get("secret", asked.id, "Secret"))

    def _secrets_update(self, asked: Asked) -> Any:
        wanted = read(SecretBody, asked.body)
        return self._workspace.put_secret(asked.id, wanted.name, wanted.value)

    def _secrets_delete(self, asked: Asked) -> Any:
        self._get("secret", asked.id, "Secret")
        users = self._workspace.secret_users(asked.id)
        if any(users.values()):
            raise in_use("A secret", [name for name, found in users.items() if found])
        self._store.delete("secret", asked.id)
        return {}

    def _secrets_dependencies(self, asked: Asked) -> Any:
        self._get("secret", asked.id, "Secret")
        users = {"phone_numbers": [], **self._workspace.secret_users(asked.id)}
        if asked.part not in ("tools", "agents", "phone_numbers"):
            raise _invalid("resource_type", "unknown")
        return {"dependencies": users[asked.part], "next_cursor": None}

    def _secret(self, secret: Document) -> Document:
        users = {"phone_numbers": [], "mcp_servers": [], **self._workspace.secret_users(secret["secret_id"])}
        named = {name: secret[name] for name in ("secret_id", "name")}
        return {"type": "stored", **named, "used_by": users}

    # Tools

    def _tools_list(self, asked: Asked) -> Any:
        tools = self._store.documents("tool")
        if search := asked.one("search"):
            tools = [tool for tool in tools if search.lower() in tool["tool_config"]["name"].lower()]
        if types := asked.query.get("types"):
            tools = [tool for tool in tools if tool["tool_config"]["type"] in types]
        if agent_id := asked.one("used_by_agent_id"):
            used = {
                tool_id
                for branch in self._store.documents("branch", agent_id)
                for tool_id in branch["config"]["conversation_config"]["agent"]["prompt"]["tool_ids"]
            }
            tools = [tool for tool in tools if tool["id"] in used]
        return _page([self._tool(tool) for tool in tools], asked, "tools")

    def _tools_create(self, asked: Asked) -> Any:
        return self._tool(self._workspace.put_tool(None, asked.body))

    def _tools_get(self, asked: Asked) -> Any:
        return self._tool(self._get("tool", asked.id, "Tool"))

    def _tools_update(self, asked: Asked) -> Any:
        self._get("tool", asked.id, "Tool")
        return self._tool(self._workspace.put_tool(asked.id, asked.body))

    def _tools_delete(self, asked: Asked) -> Any:
        self._get("tool", asked.id, "Tool")
        users = sorted({branch["agent_id"] for branch in self._workspace.branches_with(asked.id)})
        if users and asked.one("force").lower() != "true":
            raise in_use("A tool", users)
        self._store.delete("tool", asked.id)
        return {}

    def _tools_dependent_agents(self, asked: Asked) -> Any:
        self._get("tool", asked.id, "Tool")
        branches = self._workspace.branches_with(asked.id)
        names = {branch["agent_id"]: self._workspace.agent(branch["agent_id"])["name"] for branch in branches}
        page = _page([self._workspace.dependent_agent(agent_id) for agent_id in names], asked, "agents")
        page["branches"] = [
            {
                "agent_id": branch["agent_id"],
                "agent_name": names[branch["agent_id"]],
                "branch_id": branch["id"],
                "branch_name": branch["name"],
                "is_main": branch["parent_branch_id"] is None,
            }
            for branch in branches
        ]
        return page

    def _tools_executions(self, asked: Asked) -> Any:
        self._get("tool", asked.id, "Tool")
        found = self._store.documents("execution", asked.id)[::-1]  # newest first
        for name in ("agent_id", "branch_id"):
            if wanted := asked.one(name):
                found = [execution for execution in found if execution[name] == wanted]
        if wanted := asked.one("is_error"):
            found = [execution for execution in found if execution["is_error"] == (wanted.lower() == "true")]
        if start := asked.number("start_time"):
            found = [execution for execution in found if execution["timestamp"] >= start]
        if end := asked.number("end_time"):
            found = [execution for execution in found if execution["timestamp"] <= end]
        return _page(found, asked, "executions")

    def _tool(self, tool: Document) -> Document:
        executions = self._store.documents("execution", tool["id"])
        times = [execution["latency_secs"] for execution in executions]
        usage = {"total_calls": len(times), "avg_latency_secs": sum(times) / len(times) if times else 0.0}
        shown = {name: tool[name] for name in ("id", "tool_config")}
        return {**shown, "access_info": _access(), "usage_stats": usage, "response_mocks": None}

    # Agents

    def _agents_list(self, asked: Asked) -> Any:
        search = asked.one("search").lower()
        archived = asked.one("archived").lower() == "true"
        agents = [
            agent
            for agent in self._store.documents("agent")
            if search in agent["name"].lower() and not archived
        ]
        rows = []
        for agent in (agent for agent in agents if search in agent["name"].lower()):
            config = self._workspace.branch(agent["agent_id"])["config"]["conversation_config"]
            rows.append(
                {
                    **{name: agent[name] for name in ("agent_id", "name", "tags")},
                    **agent["metadata"],
                    "voice_id": config["tts"].get("voice_id", ""),
                    "access_info": _access(),
                    "last_call_time_unix_secs": None,
                    "archived": False,
                }
            )
        return _page(rows, asked, "agents")

    def _agents_create(self, asked: Asked) -> Any:
        config = {
            name: asked.body[name]
            for name in ("conversation_config", "platform_settings", "workflow")
            if name in asked.body
        }
        return {"agent_id": self._workspace.new_agent(str(asked.body.get("name") or "Untitled"), config)}

    def _agents_get(self, asked: Asked) -> Any:
        branch = self._workspace.branch(asked.id, asked.one("branch_id"))
        if version_id := asked.one("version_id"):
            version = self._version(asked.id, version_id)
            branch |= {"version_id": version_id, "config": version["config"], "id": version["branch_id"]}
        return self._agent(asked.id, branch)

    def _agents_update(self, asked: Asked) -> Any:
        return self._agent(
            asked.id, self._workspace.patch_agent(asked.id, asked.one("branch_id"), asked.body)
        )

    def _agents_delete(self, asked: Asked) -> Any:
        self._workspace.delete_agent(asked.id)
        return {}

    def _branches_list(self, asked: Asked) -> Any:
        self._workspace.agent(asked.id)
        branches = self._store.documents("branch", asked.id)
        meta = {"total": len(branches), "page": 1, "page_size": len(branches)}
        return {"meta": meta, "results": [_branch(branch) for branch in branches]}

    def _branches_create(self, asked: Asked) -> Any:
        version = self._version(asked.id, str(asked.body.get("parent_version_id") or ""))
        branch_id = f"agtbrch_{uuid4().hex[:28]}"
        made = self._workspace.put_branch(
            asked.id,
            branch_id,
            str(asked.body.get("name") or "Branch"),
            version["config"],
            str(asked.body.get("description") or ""),
            version["branch_id"],
        )
        return {"created_branch_id": branch_id, "created_version_id": made["version_id"]}

    def _branches_get(self, asked: Asked) -> Any:
        branch = _branch(self._workspace.branch(asked.id, asked.part))
        if parent := branch.pop("parent_branch_id"):
            branch["parent_branch"] = {"id": parent, "name": self._workspace.branch(asked.id, parent)["name"]}
        return branch

    def _deployments_create(self, asked: Asked) -> Any:
        """Split the traffic: each request names a branch and its percentage."""
        shares = {}
        for wanted in (asked.body.get("deployment_request") or {}).get("requests", []):
            branch = self._workspace.branch(asked.id, wanted["branch_id"])
            share = float((wanted.get("deployment_strategy") or {}).get("traffic_percentage") or 0)
            branch["current_live_percentage"] = shares[branch["id"]] = share
            self._store.put("branch", branch["id"], branch)
        return {"traffic_percentage_branch_id_map": shares}

    def _versions_get(self, asked: Asked) -> Any:
        version = self._version(asked.id, asked.part)
        del version["config"]
        return version

    def _version(self, agent_id: str, version_id: str) -> Document:
        self._workspace.agent(agent_id)
        version = self._get("version", version_id, "Version")
        if version["agent_id"] != agent_id:
            raise not_found("Version", version_id)
        return version

    def _agent(self, agent_id: str, branch: Document) -> Document:
        agent = self._workspace.agent(agent_id)
        return {
            **agent,
            **branch["config"],
            "phone_numbers": [self._number(number) for number in self._workspace.numbers(agent_id)],
            "whatsapp_accounts": [],
            "access_info": _access(),
            "branch_id": branch["id"],
            "version_id": branch["version_id"],
        }

    # Phone numbers

    def _phone_numbers_list(self, asked: Asked) -> Any:
        numbers = self._workspace.numbers(asked.one("agent_id") or None)
        for name in ("branch_id", "provider"):
            if wanted := asked.one(name):
                numbers = [number for number in numbers if number[name] == wanted]
        return _page([self._number(number) for number in numbers], asked, "phone_numbers")

    def _phone_numbers_get(self, asked: Asked) -> Any:
        return self._number(self._get("number", asked.id, "Phone number"))

    def _phone_numbers_update(self, asked: Asked) -> Any:
        number = self._get("number", asked.id, "Phone number")
        if asked.body.get("agent_id"):
            self._workspace.branch(asked.body["agent_id"], asked.body.get("branch_id"))
        number |= {
            name: asked.body[name] for name in ("agent_id", "branch_id", "label") if name in asked.body
        }
        self._store.put("number", asked.id, number)
        return self._number(number)

    def _number(self, number: Document) -> Document:
        agent = self._store.get("agent", number["agent_id"] or "")
        assigned = None
        if agent:
            named = {"agent_id": agent["agent_id"], "agent_name": agent["name"]}
            assigned = {**named, "environment": None, "branch_id": number["branch_id"]}
        shown = {name: number[name] for name in ("phone_number_id", "phone_number", "label", "provider")}
        return {**shown, "supports_inbound": True, "supports_outbound": True, "assigned_agent": assigned}

    # Conversations and users

    def _conversations_list(self, asked: Asked) -> Any:
        size = asked.size()
        ascending = asked.one("sort_direction") == "asc"
        wanted = conditions(asked.query)
        if cursor := asked.cursor(int, str):
            wanted.append((f"(start, id) {'>' if ascending else '<'} (?, ?)", cursor))
        found = self._store.summaries(wanted, most=size + 1, ascending=ascending)
        rows, more = found[:size], len(found) > size
        last = [rows[-1]["start_time_unix_secs"], rows[-1]["conversation_id"]] if more else None
        return {"conversations": rows, "next_cursor": _encode(last) if last else None, "has_more": more}

    def _conversations_get(self, asked: Asked) -> Any:
        found = self._store.conversation(asked.id)
        if found is None:
            raise not_found("Conversation", asked.id)
        return found

    def _conversations_delete(self, asked: Asked) -> Any:
        if not self._store.delete_conversation(asked.id):
            raise not_found("Conversation", asked.id)
        return {}

    def _users_list(self, asked: Asked) -> Any:
        search = asked.one("search")
        users = [
            {**user, "sentiment": NO_MOODS, "last_contact_agent_name": None}
            for user in self._store.users()
            if search in ("", user["user_id"])
        ]
        return _page(users, asked, "users")

    def _get(self, kind: str, id_: str, what: str) -> Document:
        found = self._store.get(kind, id_)
        if found is None:
            raise not_found(what, id_)
        return found


def _body(request: Request) -> Document:
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise InvalidRequestError({"loc": ["body"], "msg": "JSON decode error", "type": "json_invalid"})
    return body


def _page(items: Sequence[Document], asked: Asked, name: str) -> dict[str, Any]:
    """One page of a list; a cursor holds the place of the next item."""
    cursor, size = asked.cursor(int), asked.size()
    first = cursor[0] if cursor else 0
    last = first + size
    more = last < len(items)
    return {name: list(items[first:last]), "next_cursor": _encode([last]) if more else None, "has_more": more}


def _encode(place: Sequence[object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _invalid(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError({"loc": ["query", name], "msg": message, "type": "value_error"})


def _branch(branch: Document) -> Document:
    hidden = ("config", "commits", "version_id")
    return {
        **{name: value for name, value in branch.items() if name not in hidden},
        "protection_status": None,
        "access_info": _access(),
    }


def _access() -> Document:
    return {
        "is_creator": True,
        "creator_name": "Workspace admin",
        "creator_email": "admin@example.com",
        "role": "admin",
    }
