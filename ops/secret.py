"""The Secrets Manager secret with the five credentials: made, completed, and changed one key at a time."""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from botocore.exceptions import ClientError

from ops.deployment import Deployment
from ops.errors import OperatorError, cannot_start
from shared.credentials import KEYS

DEFAULT_NAME = "agentic-memory/credentials"
MEM0_HOST = "https://api.mem0.ai"


class Secret:
    """The secret of a stage. Values are never printed, and never part of an error.

    Args:
        deployment: whose account and region.
        name: of the secret.
    """

    def __init__(self, deployment: Deployment, name: str) -> None:
        self.name = name
        self._client = deployment.client("secretsmanager")

    def read(self) -> dict[str, Any] | None:
        """What it holds, by key; None if there is no such secret.

        Raises:
            OperatorError: if it is no JSON object, and so nothing that this command may change.
        """
        try:
            text = self._client.get_secret_value(SecretId=self.name).get("SecretString", "")
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise
        try:
            values = json.loads(text)
        except ValueError:
            values = None
        if not isinstance(values, dict):
            raise OperatorError(
                f"the secret {self.name} is no JSON object", remedy="delete it, or choose another name"
            )
        return values

    def write(self, values: Mapping[str, Any]) -> None:
        """Make the secret, or its next version."""
        text = json.dumps(values)
        try:
            self._client.put_secret_value(SecretId=self.name, SecretString=text)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            description = "Credentials of AgenticMemory: Mem0 and ElevenLabs"
            self._client.create_secret(Name=self.name, Description=description, SecretString=text)

    def keys(self, name: str) -> list[str]:
        """The keys that `name` holds: none, one, or several while they are rotated; the newest first."""
        value = (self.read() or {}).get(name)
        listed = value if isinstance(value, list) else [value]
        return [key for key in listed if isinstance(key, str) and key]

    def set_keys(self, name: str, keys: Sequence[str]) -> None:
        """Let `name` hold these keys, the newest first; everything else stays as it is."""
        values = self.read() or {}
        self.write(values | {name: keys[0] if len(keys) == 1 else list(keys)})


@dataclass(frozen=True)
class Completed:
    """What completing the secret does, key by key: `kept`, `asked for`, `filled in` or `made`."""

    values: Mapping[str, Any]
    outcome: Mapping[str, str]

    @property
    def changes(self) -> bool:
        """Whether anything would be written."""
        return set(self.outcome.values()) != {"kept"}


def complete(
    values: Mapping[str, Any] | None,
    *,
    mem0_host: str,
    replace: Sequence[str],
    ask: Callable[[], str],
) -> Completed:
    """The secret with everything in it that can be known before ElevenLabs is connected.

    Args:
        values: what it holds now; None if there is none.
        mem0_host: base URL of Mem0, which is asked for the organization and project of the API key.
        replace: keys that are made or asked for anew although they are there.
        ask: gives the Mem0 API key.

    Raises:
        OperatorError: if Mem0 refuses the key or cannot be reached.
    """
    before = dict(values or {})
    found: dict[str, Any] = {**dict.fromkeys(KEYS, ""), **before}
    outcome = {name: "kept" if found[name] or name in before else "empty" for name in KEYS}
    if "MEM0_API_KEY" in replace or not found["MEM0_API_KEY"]:
        found["MEM0_API_KEY"], outcome["MEM0_API_KEY"] = ask(), "asked for"
    owner = check_mem0_key(str(found["MEM0_API_KEY"]), mem0_host)
    for name, known in (("MEM0_ORG_ID", owner.get("org_id")), ("MEM0_PROJECT_ID", owner.get("project_id"))):
        if found[name] and found[name] != known and name not in replace:
            raise OperatorError(
                f"{name} in the secret is {found[name]}, but the Mem0 API key belongs to {known}",
                remedy=f"use a key of {found[name]}, or add --replace {name}",
            )
        if known and found[name] != known:
            found[name], outcome[name] = known, "filled in"
    if "ELEVENLABS_WORKSPACE_KEY" in replace or not found["ELEVENLABS_WORKSPACE_KEY"]:
        found["ELEVENLABS_WORKSPACE_KEY"], outcome["ELEVENLABS_WORKSPACE_KEY"] = new_key(), "made"
    return Completed(found, outcome)


def check_mem0_key(key: str, host: str) -> Mapping[str, Any]:
    """Whose API key it is: `{"org_id": …, "project_id": …}`.

    Raises:
        OperatorError: if Mem0 refuses it or cannot be reached.
    """
    if not key.isprintable() or not key.isascii() or " " in key or not key:
        raise cannot_start("that is no API key: it is empty or holds spaces or control characters")
    try:
        answer = httpx.get(
            f"{host}/v1/ping/", headers={"Authorization": f"Token {key}"}, timeout=15, trust_env=False
        )
    except httpx.HTTPError as error:
        raise OperatorError(f"Mem0 cannot be reached at {host}: {type(error).__name__}") from None
    if answer.status_code in (401, 403):
        raise OperatorError(
            f"Mem0 refuses the API key (HTTP {answer.status_code})",
            remedy="copy it again from https://app.mem0.ai, Settings, API keys",
        )
    if answer.status_code != httpx.codes.OK:
        raise OperatorError(f"Mem0 answered HTTP {answer.status_code}", remedy="try again later")
    try:
        owner = answer.json()
    except ValueError:
        owner = None
    if not isinstance(owner, dict):
        raise OperatorError(f"{host} does not answer like Mem0", remedy="check the setting mem0_host")
    return owner


def new_key() -> str:
    """A key that nobody can guess: 256 bits, safe in a header."""
    return secrets.token_urlsafe(32)
