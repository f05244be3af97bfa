"""The settings of a deployment, with their checks, defaults and documentation.

They are CDK context: `-c stage=dev` on the command line (always text) or the "context" of cdk.json (JSON).
The table in README.md repeats the text below each setting; a test compares the two.
"""

import difflib
import json
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stacks.setting_checks import check, list_of, matching, whole_number, whole_or_null

if TYPE_CHECKING:
    from constructs import IConstruct

# The periods that CloudWatch Logs takes.
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545),
    *(731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


class SettingsError(Exception):
    """One or more settings are wrong; the message lists each with its value and what is allowed."""


SECRETS = (
    "card_number",
    "security_code",
    "one_time_code",
    "pin",
    "password",
    "national_id",
    "bank_account",
    "passport",
    "driver_license",
    "tax_number",
    "insurance_number",
)
"""The classes of secrets that PostCall replaces."""


class Settings(BaseModel):
    """A checked set of settings."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    stage: Annotated[
        str,
        matching(
            r"[a-z][a-z0-9-]{0,15}",
            "a lower-case letter, then up to 15 lower-case letters, digits or hyphens",
        ),
    ] = "prod"
    """Part of every name. Two stages can exist in one account"""

    credentials_secret: Annotated[
        str,
        matching(
            r"[A-Za-z0-9/_+=.@-]{1,512}",
            "the name of a Secrets Manager secret, not its ARN: letters, digits and /_+=.@-",
        ),
    ] = "agentic-memory/credentials"  # noqa: S105 -- a name, not a secret
    """The name of the secret in Secrets Manager"""

    credentials_key_arn: Annotated[
        str,
        matching(
            r"|arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]{1,64}",
            "'' or the ARN of a KMS key, such as arn:aws:kms:eu-west-1:123456789012:key/…, not of an alias",
        ),
    ] = ""
    """The ARN of the KMS key that encrypts the secret, if it is one of your own. The key's policy must let
    IAM policies of the account grant its use"""

    reserved_concurrency: Annotated[
        int | None,
        whole_or_null(
            3,
            1000,
            "reserves none",
            ": the queue takes at least 2 instances of PostCall and must leave one for new calls; 0 would "
            "stop all functions",
        ),
    ] = 10
    """Instances of each function; `null` reserves none"""

    log_retention_days: Annotated[
        int,
        check(
            f"one of {', '.join(map(str, RETENTION_DAYS))}, the periods that CloudWatch Logs supports",
            RETENTION_DAYS.__contains__,
        ),
    ] = 7
    """How long CloudWatch keeps the logs"""

    search_limit: Annotated[int, whole_number(1, 20)] = 3
    """How many memories Retrieve returns at most"""

    mem0_timeout_seconds: Annotated[int, whole_number(1, 20)] = 5
    """The deadline of a whole call to Mem0"""

    mem0_host: Annotated[
        str,
        matching(
            r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*[A-Za-z0-9._~-])?",
            "an https:// URL without a slash at its end (Mem0's key must not travel unencrypted)",
        ),
    ] = "https://api.mem0.ai"
    """The base URL of Mem0's API"""

    memory_mb: Annotated[int, whole_number(128, 10_240)] = 512
    """Memory of each function; its share of a CPU grows with it"""

    architecture: Literal["arm64", "x86_64"] = "arm64"
    """`arm64` or `x86_64`"""

    throttle_rate: Annotated[int, whole_number(1, 10_000)] = 50
    """Requests per second that each API lets through"""

    throttle_burst: Annotated[int, whole_number(1, 5_000)] = 100
    """Requests at once that each API lets through"""

    retrieve_throttle_rate: Annotated[int | None, whole_or_null(1, 10_000, "means throttle_rate")] = None
    """The same as `throttle_rate`, for Retrieve alone; `null`: as the others"""

    retrieve_throttle_burst: Annotated[int | None, whole_or_null(1, 5_000, "means throttle_burst")] = None
    """The same as `throttle_burst`, for Retrieve alone; `null`: as the others"""

    prompt_mode: Literal["override", "variable"] = "override"
    """`override` replaces the agent's prompt with the persona and the memories; `variable` leaves it alone,
    and it uses `{{memory_context}}`"""

    on_memory_failure: Literal["fail", "continue"] = "fail"
    """What ClientData does without Mem0: `fail` answers 500, `continue` answers 200 as for an unknown
    caller"""

    context_characters: Annotated[int, whole_number(1000, 50_000)] = 6000
    """The longest that the memories in the prompt may be"""

    memories_of_others: Literal["omit", "attribute"] = "omit"
    """Memories of a call from the same number whose collected caller name differs from the newest: `omit`
    leaves them out, `attribute` says whose call they come from"""

    default_country_code: Annotated[
        str,
        Field(coerce_numbers_to_str=True),
        matching(r"|[1-9][0-9]{0,2}", "'' or a calling code from '1' to '999', without '+'"),
    ] = ""
    """The country (`1`, `44`) of numbers that come without one. Empty: such a caller is anonymous"""

    # All environment variables of a function share 4 kB, and a number takes up to 17 bytes of it.
    shared_numbers: Annotated[
        str, *list_of(r"\+[1-9][0-9]{6,14}", "phone numbers in E.164, such as +16125550142", most=100)
    ] = ""
    """Numbers that belong to many people, such as switchboards: `+16125550142,+447700900123`. Such a caller
    is anonymous"""

    retrieve_auth: Literal["none", "call_token"] = "none"
    """`call_token`: Retrieve answers only with the token that ClientData gave out for this call"""

    unverified_callers_threshold: Annotated[int, whole_number(1, 100_000)] = 100
    """Different callers whom Retrieve may answer without a call token in five minutes before an alarm is
    raised"""

    store_types: Literal["both", "factual", "semantic"] = "both"
    """Which memories a call leaves: `both`, `factual` or `semantic`"""

    factual_retention_days: Annotated[int | None, whole_or_null(1, 3650, "keeps them forever")] = None
    """Days from the call after which Mem0 no longer returns a factual memory; `null`: never"""

    semantic_retention_days: Annotated[int | None, whole_or_null(1, 3650, "keeps them forever")] = None
    """Days from the call after which Mem0 no longer returns a semantic memory; `null`: never"""

    no_consent: Annotated[
        str,
        *list_of(
            r"[A-Za-z0-9_.-]{1,64}=[^,=\x00-\x1f\x7f]{1,40}",
            "pairs of a collected field and a value, such as consent_given=false",
            most=10,
        ),
    ] = ""
    """Collected fields and the values that mean "do not remember me": `consent_given=false,may_store=no`. A
    call with one of them leaves no memory"""

    keep_spoken: Annotated[
        str, *list_of("|".join(SECRETS), f"classes of secrets: {', '.join(SECRETS)}", most=len(SECRETS))
    ] = ""
    """Classes of secrets that are not replaced before a call is stored: `bank_account,national_id`"""

    # Not proof of an address: SNS sends it a question, and only a yes makes it a subscriber.
    alarm_email: Annotated[
        str, matching(r"|[^@\s]{1,64}@[^@\s]{1,189}\.[^@\s.]{1,63}", "'' or one e-mail address")
    ] = ""
    """Who is notified of alarms. AWS first sends a mail with a link that must be followed"""

    snap_start: Annotated[bool, check("true or false")] = False
    """`true` starts ClientData and Retrieve from a snapshot. It is charged for each published version"""

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

        Keys of CDK itself are ignored.

        Raises:
            SettingsError: naming every unknown key and every value that is not allowed.
        """
        known = cls.model_fields
        wrong = [
            f"{key}: there is no such setting; {_suggestion(key, known)}"
            for key in context
            if key not in known and not _belongs_to_cdk(key)
        ]
        try:
            settings = cls.model_validate({key: context[key] for key in known if key in context})
        except ValidationError as error:
            for found in error.errors():
                allowed = found["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
                wrong.append(f"{found['loc'][0]}: {found['input']!r} is not allowed; it must be {allowed}")
        if wrong:
            raise SettingsError(
                "The settings are wrong:\n" + "\n".join(f"  - {line}" for line in sorted(wrong))
            )
        return settings

    @property
    def worker_concurrency(self) -> int:
        """How many instances of PostCall the queue may use at once.

        Below the reservation, so that remembering calls never takes the instances that accept new ones.
        Lambda takes no less than 2. Without a reservation, half of the smallest quota of an account.
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
