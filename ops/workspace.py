"""An ElevenLabs workspace, as the operator's commands use it.

The official SDK is used for webhooks and secrets. Agents, tools, settings and conversations go as plain JSON:
a field that the SDK of today does not model must survive being read and written back, and a past conversation
is fed to PostCall's code as it was sent.
"""

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from typing import Any, Self
from urllib.parse import quote

import httpx
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.core.request_options import RequestOptions
from elevenlabs.types import WebhookHmacSettings, WorkspaceWebhookResponseModel

from ops.errors import OperatorError, cannot_start

BASE_URL = "https://api.elevenlabs.io"

_TIMEOUT = 30
_NOT_AGAIN = RequestOptions(max_retries=0)  # creating has no idempotency key, and the SDK would retry a POST
_PAGE = 100
_TRIES = 5  # of a reading request, when ElevenLabs is busy
_LONGEST_WAIT = 30.0
_BUSY = (429, 500, 502, 503, 504)


class WorkspaceError(OperatorError):
    """ElevenLabs refused, or did not answer.

    Attributes:
        status: of the HTTP response; 0 without one.
    """

    def __init__(self, message: str, *, status: int = 0, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.status = status


class Workspace:
    """One workspace, seen with one API key.

    Every method raises `WorkspaceError` if ElevenLabs refuses or does not answer.

    Args:
        api_key: of ElevenLabs.
        base_url: the API's address; residency workspaces have one of their own.

    Attributes:
        backoff: seconds that a request waits when ElevenLabs is busy, doubled with each try.
    """

    def __init__(self, api_key: str, base_url: str = BASE_URL) -> None:
        self.base_url = base_url.rstrip("/")
        self.backoff = 0.5
        self._http = httpx.Client(
            base_url=self.base_url, headers={"xi-api-key": api_key}, timeout=_TIMEOUT, trust_env=False
        )
        self._sdk = ElevenLabs(api_key=api_key, base_url=self.base_url, httpx_client=self._http)

    @classmethod
    def from_environment(cls) -> Self:
        """The workspace of `ELEVENLABS_API_KEY`, at `ELEVENLABS_BASE_URL`.

        Raises:
            OperatorError: if there is no key.
        """
        key = os.environ.get("ELEVENLABS_API_KEY", "").strip()
        if not key:
            raise cannot_start(
                "ELEVENLABS_API_KEY is not set",
                "make a key with the permissions convai_read, convai_write and webhooks_write in ElevenLabs "
                "(Developers, API keys) and export it",
            )
        return cls(key, os.environ.get("ELEVENLABS_BASE_URL") or BASE_URL)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # Webhooks and secrets, by the SDK

    def webhooks(self) -> list[WorkspaceWebhookResponseModel]:
        """The workspace's webhooks, with what uses them if the key may see that."""
        with _own_errors():
            return self._sdk.webhooks.list(include_usages=True).webhooks

    def create_webhook(self, name: str, url: str) -> tuple[str, str]:
        """Make an HMAC webhook. Returns its id and its secret, which is shown here and never again."""
        with _own_errors():
            made = self._sdk.webhooks.create(
                settings=WebhookHmacSettings(name=name, webhook_url=url), request_options=_NOT_AGAIN
            )
        return made.webhook_id, made.webhook_secret or ""

    def update_webhook(self, webhook_id: str, *, name: str, retry_enabled: bool = True) -> None:
        """Switch a webhook on, with or without retries. Its URL and its secret cannot be changed."""
        with _own_errors():
            self._sdk.webhooks.update(webhook_id, is_disabled=False, name=name, retry_enabled=retry_enabled)

    def delete_webhook(self, webhook_id: str) -> None:
        """Delete a webhook that nothing uses."""
        with _own_errors():
            self._sdk.webhooks.delete(webhook_id)

    def secrets(self) -> dict[str, str]:
        """The workspace's secrets: names by id. Values cannot be read.

        Two secrets may have one name.
        """
        found: dict[str, str] = {}
        cursor: str | None = None
        with _own_errors():
            while True:
                page = self._sdk.conversational_ai.secrets.list(page_size=_PAGE, cursor=cursor)
                found |= {secret.secret_id: secret.name for secret in page.secrets}
                cursor = page.next_cursor
                if not cursor:
                    return found

    def create_secret(self, name: str, value: str) -> str:
        """Keep `value` in the workspace. Returns the secret's id."""
        with _own_errors():
            made = self._sdk.conversational_ai.secrets.create(
                name=name, value=value, request_options=_NOT_AGAIN
            )
        return str(made.secret_id)

    def update_secret(self, secret_id: str, *, name: str, value: str) -> None:
        """Change a secret's value in place: whatever refers to it uses the new one."""
        with _own_errors():
            self._sdk.conversational_ai.secrets.update(secret_id, name=name, value=value)

    def delete_secret(self, secret_id: str) -> None:
        """Delete a secret that nothing uses."""
        with _own_errors():
            self._sdk.conversational_ai.secrets.delete(secret_id)

    # Agents, tools, settings and conversations, as JSON

    def agents(self) -> Iterator[Mapping[str, Any]]:
        """All agents that the key sees: `{"agent_id", "name", …}`."""
        return self.pages("/v1/convai/agents", "agents")

    def agent(self, agent_id: str, **which: str) -> dict[str, Any]:
        """An agent with its whole configuration; `branch_id` or `version_id` say which."""
        return self.get(f"/v1/convai/agents/{_segment(agent_id)}", which)

    def update_agent(self, agent_id: str, changes: Mapping[str, Any], *, why: str, **which: str) -> None:
        """Change an agent: objects are merged, lists and values replaced. `why` describes the new version."""
        path = f"/v1/convai/agents/{_segment(agent_id)}"
        self.send("PATCH", path, {**changes, "version_description": why}, which)

    def branches(self, agent_id: str) -> list[Mapping[str, Any]]:
        """The branches of an agent: `{"id", "current_live_percentage", "parent_branch_id", …}`."""
        try:
            return list(
                self.get(f"/v1/convai/agents/{_segment(agent_id)}/branches", {"limit": _PAGE}).get(
                    "results", []
                )
            )
        except WorkspaceError as error:
            if error.status == httpx.codes.NOT_FOUND:
                return []
            raise

    def tools(self) -> Iterator[Mapping[str, Any]]:
        """All tools: `{"id", "tool_config", …}`."""
        return self.pages("/v1/convai/tools", "tools")

    def settings(self) -> dict[str, Any]:
        """The workspace's settings for agents."""
        return self.get("/v1/convai/settings")

    def update_settings(self, changes: Mapping[str, Any]) -> None:
        """Change the settings. Send an object whole: whether a part of one clears the rest is not known."""
        self.send("PATCH", "/v1/convai/settings", changes)

    def conversations(self, **filters: str | int) -> Iterator[Mapping[str, Any]]:
        """Past conversations in brief: `{"conversation_id", "agent_id", "start_time_unix_secs", …}`."""
        return self.pages("/v1/convai/conversations", "conversations", **filters)

    def conversation(self, conversation_id: str) -> dict[str, Any]:
        """A past conversation: the `data` of its post-call webhook, but for what was deleted since."""
        return self.get(f"/v1/convai/conversations/{_segment(conversation_id)}")

    def delete_conversation(self, conversation_id: str) -> None:
        """Delete a past conversation."""
        self.delete(f"/v1/convai/conversations/{_segment(conversation_id)}")

    def get(self, path: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The JSON object at `path`."""
        value = self._answer("GET", path, None, parameters)
        if not isinstance(value, dict):
            raise WorkspaceError(f"ElevenLabs answered GET {path} with no JSON object")
        return value

    def send(
        self, method: str, path: str, body: Mapping[str, Any], parameters: Mapping[str, Any] | None = None
    ) -> Any:
        """Send `body` to `path` once; what was answered."""
        return self._answer(method, path, body, parameters)

    def delete(self, path: str) -> None:
        """Delete what is at `path`."""
        self._answer("DELETE", path, None, None)

    def pages(self, path: str, name: str, **parameters: str | int) -> Iterator[Mapping[str, Any]]:
        """The items of a list, page by page."""
        cursor = None
        while True:
            page = self.get(
                path, {"page_size": _PAGE, **parameters, **({"cursor": cursor} if cursor else {})}
            )
            yield from page.get(name, [])
            cursor = page.get("next_cursor")
            if not cursor or page.get("has_more") is False:
                return

    def _answer(
        self, method: str, path: str, body: Mapping[str, Any] | None, parameters: Mapping[str, Any] | None
    ) -> Any:
        try:
            response = self._request(method, path, body, parameters)
        except httpx.HTTPError as error:
            raise _unreachable(self.base_url, error) from None
        try:
            value = response.json() if response.content else None
        except ValueError:
            value = response.text[:200]
        if response.is_error:
            raise refusal(response.status_code, value, f"{method} {path}")
        return value

    def _request(
        self, method: str, path: str, body: Mapping[str, Any] | None, parameters: Mapping[str, Any] | None
    ) -> httpx.Response:
        """Send a request: once, unless it only reads, and ElevenLabs is busy or the connection breaks."""
        for attempt in range(1, _TRIES):
            wait = self.backoff * 2**attempt
            try:
                response = self._http.request(method, path, json=body, params=dict(parameters or {}))
            except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
                if method != "GET" or isinstance(error, httpx.ConnectError):
                    raise
            else:
                if method != "GET" or response.status_code not in _BUSY:
                    return response
                asked = response.headers.get("retry-after", "")
                wait = float(asked) if asked.isdecimal() else wait
            time.sleep(min(wait, _LONGEST_WAIT))
        return self._http.request(method, path, json=body, params=dict(parameters or {}))


def _segment(id_: str) -> str:
    """An id as one segment of a path, whatever it holds."""
    return quote(id_, safe="")


@contextlib.contextmanager
def _own_errors() -> Iterator[None]:
    """The SDK's errors as ours."""
    try:
        yield
    except ApiError as error:
        raise refusal(error.status_code or 0, error.body, "the request") from None
    except httpx.HTTPError as error:
        raise _unreachable("its address", error) from None


def _unreachable(where: str, error: Exception) -> WorkspaceError:
    remedy = "check the network; a residency workspace needs its own ELEVENLABS_BASE_URL"
    return WorkspaceError(f"ElevenLabs cannot be reached at {where}: {type(error).__name__}", remedy=remedy)


def refusal(status: int, body: object, what: str) -> WorkspaceError:
    """What an error of ElevenLabs means, with the permission that is missing by its name.

    Source: the statuses and texts of elevenlabs/cli issue 80 and VapiAI/docs PR 1198.
    """
    detail = body.get("detail") if isinstance(body, dict) else body
    kind = detail.get("status") if isinstance(detail, dict) else ""
    text = str(detail.get("message") if isinstance(detail, dict) else detail or "")[:300]
    remedy = ""
    if kind == "missing_permissions":
        remedy = "give the API key that permission in ElevenLabs (Developers, API keys), or use another key"
    elif status in (401, 403):
        remedy = "check ELEVENLABS_API_KEY, and ELEVENLABS_BASE_URL for a residency workspace"
    elif status == 404:  # noqa: PLR2004
        remedy = "is ELEVENLABS_API_KEY of the workspace that has it?"
    elif status == 429 or status >= 500:  # noqa: PLR2004
        remedy = "try again in a minute"
    return WorkspaceError(f"ElevenLabs refused {what} (HTTP {status}): {text}", status=status, remedy=remedy)
