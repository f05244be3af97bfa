"""The workspace webhook that delivers calls to PostCall, with its signing secret in Secrets Manager.

ElevenLabs makes the signing secret and shows it once; neither it nor the URL can be changed later. So a new
URL or a new secret means a new webhook. The old one is retired: its key stays valid for as long as ElevenLabs
may still deliver by it again.
"""

import time
from typing import Any

from ops.connect.state import NEW, Change, Context, fingerprint, only_one
from ops.errors import OperatorError

RETIRED_SECONDS = 3600
"""How long an old key stays valid. Deliveries are retried for about 40 minutes.
Source: ElevenLabs' documentation, "Webhooks"."""

_KEY = "ELEVENLABS_HMAC_KEY"


class PostCallWebhook:
    """The webhook of now."""

    title = "the post-call webhook"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._name = f"AgenticMemory {context.deployment.stage} post-call"
        self._url = context.deployment.output("PostCallUrl")

    def to_make(self) -> list[Change]:
        """See `Part`."""
        found = self._find()
        if found is None:
            return [
                Change(f"webhook {self._name}", None, self._url),
                Change(f"{_KEY} in {self._context.secret.name}", None, "its signing secret"),
                Change(f"retries of the webhook {self._name}", None, "on"),
            ]
        if not self._context.secret.keys(_KEY):
            raise OperatorError(
                f"ElevenLabs has the webhook {self._name}, but its signing secret is not in"
                f" {self._context.secret.name}, and ElevenLabs does not show it again",
                remedy="put it there, or run `amem rotate hmac-key`, which makes a new one",
            )
        changes = []
        if found.is_disabled or found.is_auto_disabled:
            changes.append(Change(f"webhook {found.name}", "switched off", "switched on"))
        if self._context.record.get("retries_of") != found.webhook_id:
            changes.append(Change(f"retries of the webhook {found.name}", "not known", "on"))
        return changes

    def make(self) -> None:
        """See `Part`."""
        context = self._context
        found = self._find()
        if found is None:
            webhook_id, name = self._create(), self._name
        else:
            webhook_id, name = found.webhook_id, found.name
            keys = context.secret.keys(_KEY)
            if "hmac_fingerprint" not in context.record and len(keys) == 1:
                context.note(hmac_fingerprint=fingerprint(keys[0]))
        # Retries are off in a new webhook, and whether they are on cannot be read.
        context.workspace.update_webhook(webhook_id, name=name)
        context.ids["webhook"] = webhook_id
        context.note(webhook_id=webhook_id, retries_of=webhook_id)

    def to_undo(self) -> list[Change]:
        """See `Part`."""
        return [Change(f"webhook {self._name}", self._url, None)] if self._find() else []

    def undo(self) -> None:
        """See `Part`. The signing key stays valid, for what ElevenLabs could not deliver yet."""
        if found := self._find():
            self._context.workspace.delete_webhook(found.webhook_id)
            retire(self._context, since=time.time())

    def _create(self) -> str:
        context = self._context
        keys = context.secret.keys(_KEY)
        if "creating" in context.record:  # a run was killed: what it made has a secret that may not be kept
            known = context.record["creating"]
            for webhook_id in self._candidates():
                context.workspace.delete_webhook(webhook_id)
            keys = [key for key in keys if fingerprint(key) in known]
        retire(context)
        context.note(creating=[fingerprint(key) for key in keys], webhook_id=None)
        webhook_id, key = context.workspace.create_webhook(self._name, self._url)
        context.secret.set_keys(_KEY, [key, *keys])  # before anything else: it is not shown again
        del context.record["creating"]
        context.note(webhook_id=webhook_id, hmac_fingerprint=fingerprint(key))
        return webhook_id

    def _find(self) -> Any:
        """The webhook as ElevenLabs has it; None if there is none, or only one that was not finished."""
        candidates = self._candidates()
        known = self._context.record.get("webhook_id")
        interrupted = "creating" in self._context.record
        found = None if interrupted else only_one(list(candidates), f"webhooks to {self._url}", known)
        self._context.ids["webhook"] = found or NEW
        return candidates[found] if found else None

    def _candidates(self) -> dict[str, Any]:
        """By id, the webhooks to our URL which bear our name or are in use, but for the retired ones."""
        context = self._context
        in_use = (context.workspace.settings().get("webhooks") or {}).get("post_call_webhook_id")
        retired = [old["webhook_id"] for old in context.record.get("retired", [])]
        return {
            webhook.webhook_id: webhook
            for webhook in context.workspace.webhooks()
            if webhook.webhook_url == self._url
            and (webhook.name == self._name or webhook.webhook_id == in_use)
            and webhook.webhook_id not in retired
        }


def retire(context: Context, *, since: float = 0, every_key: bool = False) -> None:
    """Note that the webhook of now and its signing key are replaced, or will be.

    Args:
        context: whose record holds the webhook.
        since: when it was replaced, in unix seconds; 0 until that has happened.
        every_key: whether all keys go that are valid now, also those of a webhook that was made by hand.
    """
    webhook_id = context.record.get("webhook_id")
    if not webhook_id:
        return
    entries = {old["webhook_id"]: old for old in context.record.get("retired", [])}
    keys = {context.record.get("hmac_fingerprint"), *entries.get(webhook_id, {}).get("keys", ())} - {None}
    if every_key:
        keys |= {fingerprint(key) for key in context.secret.keys(_KEY)}
    entries[webhook_id] = {"webhook_id": webhook_id, "keys": sorted(keys), "since": since}
    context.note(retired=list(entries.values()))


class RetiredWebhooks:
    """Webhooks that were replaced: they go when ElevenLabs delivers nothing by them any more."""

    title = "the webhooks that were replaced"

    def __init__(self, context: Context) -> None:
        self._context = context

    def to_make(self) -> list[Change]:
        """See `Part`."""
        return [
            Change(f"webhook {old['webhook_id']}", "in use", "replaced: it goes in an hour")
            if not old["since"]
            else Change(f"webhook {old['webhook_id']} and its signing key", "replaced", None)
            for old in self._retired()
            if not old["since"] or _is_over(old)
        ]

    def make(self) -> None:
        """See `Part`."""
        context, now = self._context, time.time()
        context.note(retired=[old if old["since"] else {**old, "since": now} for old in self._retired()])
        over = [old for old in self._retired() if _is_over(old)]
        self._delete_webhooks(over)
        for old in over:
            keys = context.secret.keys(_KEY)
            left = [key for key in keys if fingerprint(key) not in old["keys"]]
            if left and left != keys:
                context.secret.set_keys(_KEY, left)
            context.note(retired=[entry for entry in self._retired() if entry != old])

    def to_undo(self) -> list[Change]:
        """See `Part`."""
        there = self._there()
        return [
            Change(f"webhook {old['webhook_id']}", "replaced", None)
            for old in self._retired()
            if old["webhook_id"] in there
        ]

    def undo(self) -> None:
        """See `Part`."""
        self._delete_webhooks(self._retired())

    def _retired(self) -> list[dict[str, Any]]:
        return list(self._context.record.get("retired", []))

    def _there(self) -> set[str]:
        return {webhook.webhook_id for webhook in self._context.workspace.webhooks()}

    def _delete_webhooks(self, entries: list[dict[str, Any]]) -> None:
        there = self._there() if entries else set()
        for old in entries:
            if old["webhook_id"] in there:
                self._context.workspace.delete_webhook(old["webhook_id"])


def _is_over(old: dict[str, Any]) -> bool:
    return bool(old["since"]) and time.time() - float(old["since"]) >= RETIRED_SECONDS
