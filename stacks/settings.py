"""The settings of a deployment: what a user may change, what is allowed, and what happens otherwise.

They are CDK context: `-c stage=dev` on the command line (always text) or the "context" of cdk.json (JSON).
What each may be is in stacks/rules.py.
Every wrong value is reported at once, with its key, the value and what is allowed. It refuses keys that it
does not know, because a misspelt setting that is silently ignored is found out in production.
"""

import difflib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

from stacks.rules import RULES

if TYPE_CHECKING:
    from constructs import IConstruct


class SettingsError(Exception):
    """One or more settings are wrong; the message lists each with its value and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A checked set of settings.

    Attributes:
        stage: names every resource, so that several stages live side by side in one account.
        credentials_secret: name of the Secrets Manager secret with the keys of Mem0 and ElevenLabs.
        reserved_concurrency: instances that each function may have and that nobody else can take; None
            reserves none.
        log_retention_days: how long logs are kept.
        search_limit: memories that Retrieve returns at most.
        mem0_timeout_seconds: deadline of one request to Mem0.
        mem0_host: base URL of Mem0's API.
        memory_mb: memory of each function; its share of a CPU grows with it.
        architecture: "arm64" or "x86_64".
        throttle_rate: requests per second that each API takes.
        throttle_burst: requests that may come at once on top.
        prompt_mode: "override" replaces the agent's prompt, "variable" only fills `{{memory_context}}`.
        on_memory_failure: "fail" answers 500 when Mem0 fails before a call, "continue" lets the call go on
            without.
        context_characters: length that the memories take in the prompt at most.
        default_country_code: calling code for numbers without one, such as "1"; "" takes only international
            ones.
        shared_numbers: numbers that belong to many people, in E.164 with commas between them: such a caller
            is nobody.
        retrieve_auth: "none" lets Retrieve believe the `user_id` that it is sent, "call_token" demands the
            token that ClientData gave out for this call.
        store_types: which memories a call leaves: "both", "factual" or "semantic".
        factual_retention_days: days after which a factual memory expires; None keeps them for ever.
        semantic_retention_days: the same for semantic memories.
        alarm_email: who is told of alarms; "" nobody.
        snap_start: whether ClientData and Retrieve start from a snapshot of a published version.
    """

    stage: str = "prod"
    credentials_secret: str = "agentic-memory/credentials"  # noqa: S105 -- a name, not a secret
    reserved_concurrency: int | None = 10
    log_retention_days: int = 7
    search_limit: int = 3
    mem0_timeout_seconds: int = 5
    mem0_host: str = "https://api.mem0.ai"
    memory_mb: int = 512
    architecture: str = "arm64"
    throttle_rate: int = 50
    throttle_burst: int = 100
    prompt_mode: str = "override"
    on_memory_failure: str = "fail"
    context_characters: int = 6000
    default_country_code: str = ""
    shared_numbers: str = ""
    retrieve_auth: str = "none"
    store_types: str = "both"
    factual_retention_days: int | None = None
    semantic_retention_days: int | None = None
    alarm_email: str = ""
    snap_start: bool = False

    @classmethod
    def from_app(cls, app: "IConstruct") -> Self:
        """The settings of a CDK app, from all its context.

        A JSON null gets lost on its way from the CDK command line through jsii, and would silently turn
        `"reserved_concurrency": null` into its default. It is taken from where the command line wrote it.

        Raises:
            SettingsError: as from_context.
        """
        written = json.loads(os.environ.get("CDK_CONTEXT_JSON") or "{}")
        nulls = {key: None for key, value in written.items() if value is None}
        return cls.from_context({**nulls, **app.node.get_all_context()})

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> Self:
        """The settings in `context`, whose values may be text (`-c`) or JSON (cdk.json).

        Keys of CDK itself are passed over.

        Raises:
            SettingsError: naming every unknown key and every value that is not allowed.
        """
        known = [field.name for field in fields(cls)]
        values: dict[str, Any] = {}
        wrong: list[str] = []
        for key, value in context.items():
            if key in known:
                try:
                    values[key] = RULES[key](value)
                except ValueError as error:
                    wrong.append(f"{key}: {value!r} is not allowed; it must be {error}")
            elif not _belongs_to_cdk(key):
                wrong.append(f"{key}: there is no such setting; {_suggestion(key, known)}")
        if wrong:
            raise SettingsError(
                "The settings are wrong:\n" + "\n".join(f"  - {line}" for line in sorted(wrong))
            )
        return cls(**values)

    @property
    def worker_concurrency(self) -> int:
        """How many instances of PostCall the queue may use at once.

        Below the reservation, so that remembering calls never takes the instances that accept new ones.
        Lambda takes no less than 2.
        """
        return 5 if self.reserved_concurrency is None else max(2, self.reserved_concurrency // 2)

    @property
    def answer_seconds(self) -> int:
        """Timeout of ClientData and Retrieve: Mem0's deadline, a cold start and the secret; under 30 s."""
        return max(15, self.mem0_timeout_seconds + 8)

    @property
    def worker_seconds(self) -> int:
        """Timeout of PostCall: two requests to Mem0, one after the other, may each use up their deadline."""
        return max(30, 2 * self.mem0_timeout_seconds + 10)


def _belongs_to_cdk(key: str) -> bool:
    """Feature flags and cached look-ups are marked by punctuation; two plain names come from CDK's CLI."""
    return any(mark in key for mark in ":/@") or key in ("acknowledged-issue-numbers", "cli-telemetry")


def _suggestion(key: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(key.lower().replace("-", "_"), known, n=1)
    return f"did you mean {close[0]}?" if close else f"the settings are {', '.join(known)}"
