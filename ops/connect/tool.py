"""The webhook tool with which an agent looks memories up."""

from collections.abc import Mapping
from typing import Any

from ops.connect.state import NEW, Change, Context, Exactly, differences, only_one

TIMEOUT_SECONDS = 10
"""How long the agent waits for a look-up; ElevenLabs' own default is 20."""

_DESCRIPTION = (
    "Looks up what this caller said in earlier calls. Use it when the caller refers to something said before,"
    " or when knowing it would help now: names, preferences, appointments, orders, problems."
)
_QUERY = "What to look for, in a few words of the caller's language, such as: the dog's allergy"


class RetrieveTool:
    """The tool, with the caller's number bound by the platform: the model cannot choose it."""

    title = "the tool that looks memories up"

    def __init__(self, context: Context) -> None:
        self._context = context
        stage = context.deployment.stage
        self._name = "recall_memory" if stage == "prod" else f"recall_memory_{stage.replace('-', '_')}"
        self._url = context.deployment.output("RetrieveUrl")

    def config(self) -> dict[str, Any]:
        """The `tool_config`, as ElevenLabs wants it."""
        headers: dict[str, Any] = {}
        if self._context.deployment.environment.retrieve_auth == "call_token":
            headers["X-Memory-Token"] = {"variable_name": "secret__memory_token"}
        return {
            "type": "webhook",
            "name": self._name,
            "description": _DESCRIPTION,
            "response_timeout_secs": TIMEOUT_SECONDS,
            "tool_error_handling_mode": "summarized",
            "api_schema": {
                "url": self._url,
                "method": "POST",
                "content_type": "application/json",
                "request_headers": headers,
                "request_body_schema": {
                    "type": "object",
                    "required": ["query", "user_id"],
                    "properties": {
                        "query": {"type": "string", "description": _QUERY},
                        "user_id": {"type": "string", "dynamic_variable": "system__caller_id"},
                    },
                },
            },
        }

    def to_make(self) -> list[Change]:
        """See `Part`."""
        found = self.find()
        if not found:
            return [Change(f"tool {self._name}", None, self._url)]
        wanted = self.config()
        schema = wanted["api_schema"]
        schema["request_headers"] = Exactly(schema["request_headers"])
        properties = schema["request_body_schema"]["properties"]
        # A property that also has a description would be filled in by the model.
        exact = {name: Exactly(value) for name, value in properties.items()}
        schema["request_body_schema"]["properties"] = Exactly(exact)
        return list(differences(f"tool {self._name}", found["tool_config"], wanted))

    def make(self) -> None:
        """See `Part`."""
        workspace, body = self._context.workspace, {"tool_config": self.config()}
        if found := self.find():
            tool_id = str(found["id"])
            workspace.send("PATCH", f"/v1/convai/tools/{tool_id}", body)
        else:
            tool_id = str(workspace.send("POST", "/v1/convai/tools", body)["id"])
        self._context.ids["tool"] = tool_id
        self._context.note(tool_id=tool_id)

    def to_undo(self) -> list[Change]:
        """See `Part`."""
        return [Change(f"tool {self._name}", self._url, None)] if self.find() else []

    def undo(self) -> None:
        """See `Part`."""
        if found := self.find():
            self._context.workspace.delete(f"/v1/convai/tools/{found['id']}")

    def find(self) -> Mapping[str, Any] | None:
        """The tool as ElevenLabs has it; None if there is none yet."""
        known = self._context.record.get("tool_id")
        named = {
            str(tool["id"]): tool
            for tool in self._context.workspace.tools()
            if tool["id"] == known or self._is_ours(tool.get("tool_config") or {})
        }
        found = only_one(list(named), f"tools named {self._name}", known)
        self._context.ids["tool"] = found or NEW
        return named[found] if found else None

    def _is_ours(self, config: Mapping[str, Any]) -> bool:
        return config.get("name") == self._name and (config.get("api_schema") or {}).get("url") == self._url
