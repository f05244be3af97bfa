"""Checks of the ElevenLabs workspace: what `amem connect` would change, and what it cannot see."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ops.connect import Change, Connection, Context
from ops.connect.agent import PLACEHOLDERS
from ops.connect.settings import INITIATION, WEBHOOKS
from ops.connect.state import NEW, fingerprint
from ops.connect.tool import TIMEOUT_SECONDS
from ops.doctor.findings import Finding
from ops.errors import OperatorError
from ops.workspace import WorkspaceError

_DAY = 24 * 3600
_LOOK_UPS = 50  # of the newest, whose errors and times are looked at
_COMPARED = 10  # of these, whose caller is compared with the call's
_SLOW = 0.95
_SHARE_OF_TIMEOUT = 0.5

# Which check a change belongs to, by what changes; the first that fits counts.
_CHANGES = (
    (r"secret ", "initiation-key"),
    (r"webhook .* (in use|replaced)$", "rotation"),
    (r"webhook .* switched off$", "webhook-disabled"),
    (r"webhook ", "post-call-webhook"),
    (r"retries of .* not known$", "webhook-retries"),
    (rf".*\.{INITIATION}\.url ", "initiation-webhook"),
    (rf".*\.{INITIATION}\.", "initiation-key"),
    (rf".*\.{WEBHOOKS}\.post_call_webhook_id ", "post-call-webhook"),
    (rf".*\.{WEBHOOKS}\.", "post-call-events"),
    (r"tool .*\.properties\.user_id", "tool-caller"),
    (r"tool .*\.request_headers\.", "tool-token"),
    (r"tool ", "tool"),
    (r".*\.enable_conversation_initiation_client_data_from_webhook ", "agent-fetching"),
    (r".*\.conversation_config_override\.", "agent-override"),
    (r".*\.tool_ids ", "agent-tool"),
    (r".*placeholders", "agent-variables"),
    (r"", "drift"),
)

# What follows from another finding is not a finding of its own.
_FOLLOWS = {
    "no-webhook-to-fetch": ("initiation-webhook", "initiation-key"),
    "initiation-webhook": ("initiation-key",),
    "post-call-webhook": ("post-call-events", "webhook-retries", "webhook-disabled", "webhook-failing"),
    "webhook-disabled": ("webhook-failing",),
    "tool": ("agent-tools-exist", "agent-tool"),
    "agent": ("agent-tool", "agent-variables", "phone-numbers"),
}

_CHECKS = (
    "connected",
    "agent",
    "initiation-webhook",
    "no-webhook-to-fetch",
    "initiation-key",
    "agent-fetching",
    "agent-override",
    "agent-variables",
    "agent-memories",
    "agent-webhooks",
    "agent-tool",
    "agent-tools-exist",
    "tool",
    "tool-caller",
    "tool-token",
    "tool-errors",
    "tool-latency",
    "tool-asked-for-others",
    "post-call-webhook",
    "post-call-events",
    "signing-key",
    "audio-events",
    "webhook-disabled",
    "webhook-failing",
    "webhook-retries",
    "phone-numbers",
    "retention",
    "rotation",
    "drift",
    "agents-json",
)
"""The checks of this module, in the order in which they are shown."""


def check_workspace(context: Context) -> Iterator[Finding]:
    """Check everything that a connection is made of; one cause is one finding."""
    try:
        context.workspace.settings()
        context.workspace.webhooks()  # which needs a permission of its own
        agents = [str(agent["agent_id"]) for agent in context.workspace.agents()]
    except WorkspaceError as error:
        yield Finding("api-key", str(error))
        return
    yield Finding("api-key", f"sees {len(agents)} agents at {context.workspace.base_url}", ok=True)
    if not context.record.get("agents"):
        yield Finding("connected", "this stage is not connected")
        return
    seen: dict[str, list[str]] = {}
    for check, line in _WorkspaceCheck(context).problems():
        seen.setdefault(check, []).append(line)
    for check, followers in _FOLLOWS.items():
        if check in seen:
            for follower in followers:
                seen.pop(follower, None)
    for check in _CHECKS:
        lines = list(dict.fromkeys(seen.get(check, ())))
        more = f"; and {len(lines) - 3} more" if len(lines) > 3 else ""  # noqa: PLR2004 - a readable line
        yield Finding(check, "; ".join(lines[:3]) + more, ok=not lines)


def agents_in_file(agents: list[str]) -> list[str]:
    """The agents that an `agents.json` of ElevenLabs' CLI here would push over what connect changed."""
    try:
        managed = json.dumps(json.loads(Path("agents.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return []
    return [agent for agent in agents if agent in managed]


class _WorkspaceCheck:
    """One look at a workspace. Each method yields the name of a check and what was seen there."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._workspace = context.workspace
        self._settings = context.workspace.settings()
        self._tools = {str(tool["id"]): tool for tool in context.workspace.tools()}
        self._agents: dict[str, dict[str, Any]] = {}

    def problems(self) -> Iterator[tuple[str, str]]:
        """Everything that is not as it should be."""
        for agent_id in self._context.record["agents"]:
            try:
                self._agents[agent_id] = self._workspace.agent(agent_id)
            except WorkspaceError as error:
                yield "agent", f"{agent_id}: {error}"
        yield from self._plan()
        yield from self._webhook()
        for agent_id, agent in self._agents.items():
            yield from self._agent(agent_id, agent)
        yield from self._look_ups()
        if named := agents_in_file(self._context.record["agents"]):
            yield "agents-json", f"agents.json here holds {', '.join(named)}"
        if self._context.record.get("rotating"):
            yield "rotation", "the old workspace key is still valid"

    def _plan(self) -> Iterator[tuple[str, str]]:
        """What `amem connect` would change."""
        if not self._agents:
            return
        try:
            connection = Connection(self._context)
            for part in connection.parts(list(self._agents)):
                for change in part.to_make():
                    if NEW not in str(change.after):  # follows from what has to be made first
                        yield _check_of(change), change.as_line()
        except WorkspaceError as error:
            yield "drift", str(error)
        except OperatorError as error:  # more than one candidate, or a key that is lost
            if self._context.secret.keys("ELEVENLABS_HMAC_KEY"):
                yield "drift", str(error)

    def _webhook(self) -> Iterator[tuple[str, str]]:
        record = self._context.record
        stored = {fingerprint(key) for key in self._context.secret.keys("ELEVENLABS_HMAC_KEY")}
        if stored and record.get("hmac_fingerprint") and record["hmac_fingerprint"] not in stored:
            yield "signing-key", "the key in Secrets Manager is another than the webhook signs with"
        if "audio" in ((self._settings.get(WEBHOOKS) or {}).get("events") or []):
            yield "audio-events", "the workspace delivers transcript and audio"
        for webhook in self._workspace.webhooks():
            failed = webhook.most_recent_failure_timestamp
            if webhook.webhook_id == record.get("webhook_id") and failed and time.time() - failed < _DAY:
                code = webhook.most_recent_failure_error_code or "no answer"
                yield "webhook-failing", f"the newest delivery failed with {code}, {_ago(failed)}"

    def _agent(self, agent_id: str, agent: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        platform = agent.get("platform_settings") or {}
        own = platform.get("workspace_overrides") or {}
        urls = [(settings.get(INITIATION) or {}).get("url") for settings in (own, self._settings)]
        fetches = "enable_conversation_initiation_client_data_from_webhook"
        if (platform.get("overrides") or {}).get(fetches) and not any(urls):
            yield "no-webhook-to-fetch", f"{agent_id} fetches, and there is no webhook"
        if self._context.record.get("scope") == "workspace":
            url, webhook_id = urls[0], (own.get(WEBHOOKS) or {}).get("post_call_webhook_id")
            if url and url != self._context.deployment.output("ClientDataUrl"):
                yield "agent-webhooks", f"{agent_id} asks {url} who is calling"
            if webhook_id and webhook_id != self._context.record.get("webhook_id"):
                yield "agent-webhooks", f"{agent_id} delivers calls to the webhook {webhook_id}"
        yield from self._variables(agent_id, agent)
        prompt = _config(agent).get("prompt") or {}
        mode = self._context.deployment.environment.prompt_mode
        if mode == "variable" and "memory_context" not in _variables_in(prompt.get("prompt")):
            yield "agent-memories", f"the prompt of {agent_id} has no {{{{memory_context}}}}"
        for tool_id in prompt.get("tool_ids") or []:
            if tool_id not in self._tools:
                yield "agent-tools-exist", f"{agent_id} uses {tool_id}, which does not exist"
        privacy = platform.get("privacy") or {}
        if privacy.get("zero_retention_mode") or privacy.get("retention_days") == 0:
            yield "retention", f"ElevenLabs keeps no conversation of {agent_id}"
        numbers = self._workspace.pages(
            "/v1/convai/v2/phone-numbers", "phone_numbers", agent_id=agent_id, page_size=1
        )
        if next(iter(numbers), None) is None:
            yield "phone-numbers", f"{agent_id} has none"

    def _variables(self, agent_id: str, agent: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Variables without a value, in the agent's own texts and tools and in those it may transfer to."""
        given = set(PLACEHOLDERS) | _placeholders(agent)
        for target_id in [agent_id, *_transfers(agent)]:
            target = agent if target_id == agent_id else self._target(target_id)
            config = _config(target)
            tools = [
                self._tools.get(tool_id) for tool_id in (config.get("prompt") or {}).get("tool_ids") or []
            ]
            used = _variables_in(config.get("first_message"), (config.get("prompt") or {}).get("prompt"))
            used |= set().union(*(_variables_of_tool(tool) for tool in tools if tool))
            missing = (
                {name for name in used if not name.startswith("system__")} - given - _placeholders(target)
            )
            if missing:
                where = "" if target_id == agent_id else f", which {agent_id} transfers to,"
                yield "agent-variables", f"{target_id}{where} uses {', '.join(sorted(missing))}"

    def _target(self, agent_id: str) -> dict[str, Any]:
        try:
            return self._workspace.agent(agent_id)
        except WorkspaceError:
            return {}

    def _look_ups(self) -> Iterator[tuple[str, str]]:
        """What became of the agents' look-ups of the last day."""
        tool_id = self._context.record.get("tool_id")
        if tool_id not in self._tools:
            return
        pages = self._workspace.pages(
            f"/v1/convai/tools/{tool_id}/executions", "executions", start_time=int(time.time() - _DAY)
        )
        look_ups = [execution for execution, _ in zip(pages, range(_LOOK_UPS), strict=False)]
        if failed := [look_up for look_up in look_ups if look_up.get("is_error")]:
            message = str(failed[0].get("error_message") or failed[0].get("error_type") or "")[:120]
            yield "tool-errors", f"{len(failed)} of {len(look_ups)} failed: {message}"
        times = sorted(float(look_up.get("latency_secs") or 0) for look_up in look_ups)
        if times and (slow := times[int(_SLOW * (len(times) - 1))]) > _SHARE_OF_TIMEOUT * TIMEOUT_SECONDS:
            yield "tool-latency", f"95 % within {slow:.1f} s, of {TIMEOUT_SECONDS} s that the agent waits"
        for look_up in look_ups[:_COMPARED]:
            asked = _asked_for(look_up)
            caller = self._caller_of(str(look_up.get("conversation_id")))
            if asked and caller and asked != caller:
                yield (
                    "tool-asked-for-others",
                    f"a look-up in {look_up.get('conversation_id')} was for another",
                )

    def _caller_of(self, conversation_id: str) -> str:
        """What the platform held for the caller's number; empty if it is not known any more."""
        try:
            call = self._workspace.conversation(conversation_id)
        except WorkspaceError:
            return ""
        data = call.get("conversation_initiation_client_data") or {}
        return str((data.get("dynamic_variables") or {}).get("system__caller_id") or "")


def _check_of(change: Change) -> str:
    what = f"{change.what} {change.before if isinstance(change.before, str) else ''}"
    return next(check for pattern, check in _CHANGES if re.match(pattern, what))


def _config(agent: Mapping[str, Any]) -> dict[str, Any]:
    return dict((agent.get("conversation_config") or {}).get("agent") or {})


def _placeholders(agent: Mapping[str, Any]) -> set[str]:
    variables = _config(agent).get("dynamic_variables") or {}
    return set(variables.get("dynamic_variable_placeholders") or {})


def _transfers(agent: Mapping[str, Any]) -> list[str]:
    """The agents that this one may transfer a call to."""
    built_in = (_config(agent).get("prompt") or {}).get("built_in_tools") or {}
    parameters = (built_in.get("transfer_to_agent") or {}).get("params") or {}
    return [
        str(transfer["agent_id"]) for transfer in parameters.get("transfers") or [] if "agent_id" in transfer
    ]


def _variables_in(*texts: object) -> set[str]:
    return {name for text in texts for name in re.findall(r"\{\{\s*(\w+)\s*\}\}", str(text or ""))}


def _variables_of_tool(tool: Mapping[str, Any]) -> set[str]:
    """The dynamic variables that a webhook tool sends."""
    found: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, Mapping):
            found.update(str(value[key]) for key in ("dynamic_variable", "variable_name") if value.get(key))
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    schema = (tool.get("tool_config") or {}).get("api_schema") or {}
    walk(schema)
    return found | _variables_in(schema.get("url"))


def _asked_for(look_up: Mapping[str, Any]) -> str:
    """Whose memories a look-up asked for; empty if the record does not tell."""
    body = (look_up.get("tool_call_details") or {}).get("body")
    try:
        value = json.loads(body) if isinstance(body, str) else body
    except ValueError:
        return ""
    return str(value.get("user_id") or "") if isinstance(value, Mapping) else ""


def _ago(at: float) -> str:
    return f"{max(0, time.time() - at) / 60:.0f} minutes ago"
