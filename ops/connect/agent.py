"""One agent, or one branch of it: asks who is calling, may be told, and can look memories up."""

from collections.abc import Mapping
from typing import Any

from ops.connect.settings import of_others, wanted_webhooks
from ops.connect.state import Change, Context, differences
from ops.errors import OperatorError

PLACEHOLDERS = {
    "caller_id": "",
    "memory_count": "0",
    "memory_context": "",
    "returning_caller": "no",
    "caller_name": "",
    "secret__memory_token": "",
}
"""A default for each dynamic variable that ClientData answers, for calls in which it is not asked."""

_FLAG = "enable_conversation_initiation_client_data_from_webhook"


class Agent:
    """An agent's settings. One request makes them all so: the flag never stands without a URL.

    Args:
        context: what all parts work with.
        agent_id: which agent.
        branch_id: which branch of it; empty for the main one.
        own_webhooks: whether the agent has webhooks of its own, because the workspace's are another system's.
    """

    def __init__(
        self, context: Context, agent_id: str, *, branch_id: str = "", own_webhooks: bool = False
    ) -> None:
        self._context = context
        self._id = agent_id
        self._which = {"branch_id": branch_id} if branch_id else {}
        self._own_webhooks = own_webhooks
        self._key = f"{agent_id}@{branch_id}" if branch_id else agent_id
        self.title = f"the agent {self._key}"

    def to_make(self) -> list[Change]:
        """See `Part`."""
        agent = self._read()
        return list(differences(self._key, agent, self._wanted(agent)))

    def make(self) -> None:
        """See `Part`."""
        agent = self._read()
        wanted = self._wanted(agent)
        before = self._context.record.get("agents_before", {})
        if self._key not in before:
            known = {
                "flag": bool(_overrides(agent).get(_FLAG)),
                "prompt": _prompt_allowed(agent),
                "placeholders": sorted(_placeholders(agent)),
                "webhooks": _at(agent, "platform_settings").get("workspace_overrides"),
            }
            self._context.note(agents_before={**before, self._key: known})
        self._send(wanted, why="AgenticMemory: connected")

    def to_undo(self) -> list[Change]:
        """See `Part`."""
        agent = self._read()
        back = self._back(agent)
        gone = set(_placeholders(agent)) - set(self._left(agent)) if self._before() else set()
        changes = [Change(f"{self._key}.placeholders", ", ".join(sorted(gone)), None)] if gone else []
        return [*differences(self._key, agent, back), *changes]

    def undo(self) -> None:
        """See `Part`."""
        agent = self._read()
        self._send(self._back(agent), why="AgenticMemory: disconnected")
        # Whether an object in a PATCH replaces the one that is there is not documented: read it back.
        agent = self._read()
        gone = set(_placeholders(agent)) - set(self._left(agent))
        if self._before() and gone:
            nothing = {**self._left(agent), **dict.fromkeys(gone)}
            self._send(_with_placeholders({}, nothing), why="AgenticMemory: disconnected")

    def _wanted(self, agent: Mapping[str, Any]) -> dict[str, Any]:
        tools, ours = _tools(agent), self._context.ids["tool"]
        overrides: dict[str, Any] = {_FLAG: True}
        if self._context.deployment.environment.prompt_mode == "override":
            overrides |= _allow_prompt(allowed=True)
        elif self._before().get("prompt") is False:  # the mode was another one when it was allowed
            overrides |= _allow_prompt(allowed=False)
        platform: dict[str, Any] = {"overrides": overrides}
        if self._own_webhooks:
            current = _at(agent, "platform_settings", "workspace_overrides")
            if others := of_others(self._context, current):
                raise OperatorError(
                    f"{self.title} uses {others}",
                    remedy="remove it from the agent in ElevenLabs, or leave the agent out",
                )
            platform["workspace_overrides"] = wanted_webhooks(self._context, current)
        changes: dict[str, Any] = {"platform_settings": platform}
        changes["conversation_config"] = {
            "agent": {"prompt": {"tool_ids": tools if ours in tools else [*tools, ours]}}
        }
        return _with_placeholders(changes, {**PLACEHOLDERS, **_placeholders(agent)})

    def _back(self, agent: Mapping[str, Any]) -> dict[str, Any]:
        """What was there before; of lists and objects that others add to, only ours goes."""
        before = self._before()
        tools = [tool for tool in _tools(agent) if tool != self._context.ids["tool"]]
        changes: dict[str, Any] = {"conversation_config": {"agent": {"prompt": {"tool_ids": tools}}}}
        if not before:  # it was as it should be when it was connected
            return changes
        overrides: dict[str, Any] = {_FLAG: before["flag"]}
        if not before["prompt"] and _prompt_allowed(agent):
            overrides |= _allow_prompt(allowed=False)
        platform: dict[str, Any] = {"overrides": overrides}
        current = _at(agent, "platform_settings", "workspace_overrides")
        if self._own_webhooks and not of_others(self._context, current):
            platform["workspace_overrides"] = before["webhooks"]
        changes["platform_settings"] = platform
        return _with_placeholders(changes, self._left(agent))

    def _left(self, agent: Mapping[str, Any]) -> dict[str, Any]:
        """The placeholders without those that we added and nobody has given another value."""
        known = self._before().get("placeholders", [])
        return {
            name: value
            for name, value in _placeholders(agent).items()
            if name in known or PLACEHOLDERS.get(name, object()) != value
        }

    def _before(self) -> dict[str, Any]:
        before: dict[str, Any] = self._context.record.get("agents_before", {}).get(self._key, {})
        return before

    def _read(self) -> dict[str, Any]:
        return self._context.workspace.agent(self._id, **self._which)

    def _send(self, changes: Mapping[str, Any], *, why: str) -> None:
        self._context.workspace.update_agent(self._id, changes, why=why, **self._which)


def live_branches(context: Context, agent_id: str) -> list[str]:
    """The branches of an agent that calls reach: an empty id for the main one, and those with traffic."""
    return [
        "",
        *(
            str(branch["id"])
            for branch in context.workspace.branches(agent_id)
            if branch.get("current_live_percentage") and branch.get("parent_branch_id")
        ),
    ]


def _at(value: Mapping[str, Any], *path: str) -> dict[str, Any]:
    """The object at `path`; an empty one if it is not there."""
    for name in path:
        value = value.get(name) or {}
    return dict(value)


def _tools(agent: Mapping[str, Any]) -> list[str]:
    return list(_at(agent, "conversation_config", "agent", "prompt").get("tool_ids") or [])


def _placeholders(agent: Mapping[str, Any]) -> dict[str, Any]:
    return _at(agent, "conversation_config", "agent", "dynamic_variables", "dynamic_variable_placeholders")


def _with_placeholders(changes: dict[str, Any], placeholders: Mapping[str, Any]) -> dict[str, Any]:
    """`changes` of an agent, with its placeholders."""
    agent = changes.setdefault("conversation_config", {}).setdefault("agent", {})
    agent["dynamic_variables"] = {"dynamic_variable_placeholders": dict(placeholders)}
    return changes


def _overrides(agent: Mapping[str, Any]) -> dict[str, Any]:
    return _at(agent, "platform_settings", "overrides")


def _allow_prompt(*, allowed: bool) -> dict[str, Any]:
    return {"conversation_config_override": {"agent": {"prompt": {"prompt": allowed}}}}


def _prompt_allowed(agent: Mapping[str, Any]) -> bool:
    return bool(_at(_overrides(agent), "conversation_config_override", "agent", "prompt").get("prompt"))
