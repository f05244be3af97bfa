"""The two webhooks of the workspace's settings, which all agents share that have none of their own."""

from collections.abc import Mapping
from typing import Any

from ops.connect.state import Change, Context, differences

TRANSCRIPT = "transcript"
INITIATION = "conversation_initiation_client_data_webhook"
WEBHOOKS = "webhooks"


def wanted_webhooks(context: Context, current: Mapping[str, Any]) -> dict[str, Any]:
    """Where ElevenLabs asks who is calling, and where it delivers calls.

    Args:
        context: with the ids of the secret and of the webhook.
        current: the settings of the workspace, or the overrides of an agent: other events than ours stay.
    """
    known = dict(current.get(WEBHOOKS) or {})
    events = list(known.get("events") or [])
    return {
        INITIATION: {
            "url": context.deployment.output("ClientDataUrl"),
            "request_headers": {"X-Workspace-Key": {"secret_id": context.ids["secret"]}},
        },
        # Whole, because it is not known whether a part of it would clear the rest.
        WEBHOOKS: {
            **known,
            "post_call_webhook_id": context.ids["webhook"],
            "events": events if TRANSCRIPT in events else [*events, TRANSCRIPT],
            "transcript_format": "json",
            "exclude_transcript": False,
        },
    }


def of_others(context: Context, current: Mapping[str, Any]) -> str:
    """What of `current` (see `wanted_webhooks`) another system uses; empty if it is free or ours."""
    url = (current.get(INITIATION) or {}).get("url")
    ours = context.record.get("initiation_url")
    if url and url not in (context.deployment.output("ClientDataUrl"), ours):
        return f"the conversation initiation webhook {url}"
    webhook_id = (current.get(WEBHOOKS) or {}).get("post_call_webhook_id")
    retired = [old["webhook_id"] for old in context.record.get("retired", [])]
    if webhook_id and webhook_id not in (
        context.record.get("webhook_id"),
        context.ids.get("webhook"),
        *retired,
    ):
        return f"the post-call webhook {webhook_id}"
    return ""


class WorkspaceSettings:
    """The workspace's own webhooks are ours."""

    title = "the webhooks of the workspace"

    def __init__(self, context: Context) -> None:
        self._context = context

    def to_make(self) -> list[Change]:
        """See `Part`."""
        settings = self._context.workspace.settings()
        return list(differences("settings", settings, wanted_webhooks(self._context, settings)))

    def make(self) -> None:
        """See `Part`."""
        settings = self._context.workspace.settings()
        if "settings_before" not in self._context.record:
            before = {name: settings.get(name) for name in (INITIATION, WEBHOOKS)}
            self._context.note(settings_before=before)
        self._context.workspace.update_settings(wanted_webhooks(self._context, settings))
        self._context.note(initiation_url=self._context.deployment.output("ClientDataUrl"))

    def to_undo(self) -> list[Change]:
        """See `Part`."""
        return list(differences("settings", self._context.workspace.settings(), self._before()))

    def undo(self) -> None:
        """See `Part`."""
        self._context.workspace.update_settings(self._before())

    def _before(self) -> dict[str, Any]:
        """What was there before, of that which is ours now: what was changed since by others stays."""
        before = self._context.record.get("settings_before")
        if before is None or of_others(self._context, self._context.workspace.settings()):
            return {}
        return dict(before)
