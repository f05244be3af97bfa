"""What each setting may be: parsers that turn a value of the CDK context, text or JSON, into the setting.

Each takes the value and returns the checked setting, or raises ValueError with what is allowed, to be read
after "it must be". They refuse to repair: a value that is nearly right is told to the person who wrote it.
"""

import json
import re
from collections.abc import Callable
from typing import Any

Rule = Callable[[Any], Any]

# The periods that CloudWatch Logs takes.
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545),
    *(731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
# All environment variables of a function share 4 kB, and a number takes up to 17 bytes of it.
MOST_SHARED_NUMBERS = 100


def _integer(low: int, high: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,9}", value):
            value = int(value)
        elif isinstance(value, float) and value.is_integer():
            value = int(value)  # JavaScript, which reads cdk.json, knows one kind of number
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return value

    return parse


def _one_of(*allowed: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if value not in allowed:
            raise ValueError(" or ".join(repr(each) for each in allowed))
        return str(value)

    return parse


def _text(pattern: str, allowed: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(allowed)
        return value

    return parse


def _flag(value: Any) -> bool:
    flag = {"true": True, "false": False}.get(value) if isinstance(value, str) else value
    if not isinstance(flag, bool):
        raise ValueError("true or false")  # noqa: TRY004 -- as every rule does
    return flag


def _retention(value: Any) -> int:
    try:
        days = _integer(min(RETENTION_DAYS), max(RETENTION_DAYS))(value)
    except ValueError:
        days = 0
    if days not in RETENTION_DAYS:
        raise ValueError(
            f"one of {', '.join(map(str, RETENTION_DAYS))}, the periods that CloudWatch Logs knows"
        )
    return days


def _reservation(value: Any) -> int | None:
    if value is None or value == "null":
        return None
    try:
        return _integer(3, 1000)(value)
    except ValueError:
        raise ValueError(
            "null, or a whole number from 3 to 1000: the queue takes at least 2 instances of PostCall and "
            "must leave one for new calls; 0 would stop all functions"
        ) from None


def _expiry(value: Any) -> int | None:
    if value is None or value == "null":
        return None
    try:
        return _integer(1, 3650)(value)
    except ValueError as error:
        raise ValueError(f"null, which keeps them for ever, or {error}") from None


def _numbers(value: Any) -> str:
    """Numbers as a list, as a JSON list or with commas between them, to numbers with commas between them."""
    allowed = (
        f"at most {MOST_SHARED_NUMBERS} phone numbers in E.164, such as +16125550142, as a JSON list or with "
        "commas between them"
    )
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError(allowed) from None
    if isinstance(value, str):
        value = [each.strip() for each in value.split(",")] if value.strip() else []
    if not isinstance(value, list | tuple) or len(value) > MOST_SHARED_NUMBERS:
        raise ValueError(allowed)
    number = _text(r"\+[1-9][0-9]{6,14}", allowed)
    return ",".join(dict.fromkeys(number(each) for each in value))


def _country_code(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = f"{value:g}"
    return _text(r"|[1-9][0-9]{0,2}", "'' or a calling code from '1' to '999', without '+'")(value)


RULES: dict[str, Rule] = {
    "stage": _text(
        r"[a-z][a-z0-9-]{0,15}",
        "a lower-case letter, then up to 15 lower-case letters, digits or hyphens",
    ),
    "credentials_secret": _text(
        r"[A-Za-z0-9/_+=.@-]{1,512}",
        "the name of a Secrets Manager secret, not its ARN: letters, digits and /_+=.@-",
    ),
    "reserved_concurrency": _reservation,
    "log_retention_days": _retention,
    "search_limit": _integer(1, 20),
    "mem0_timeout_seconds": _integer(1, 20),
    "mem0_host": _text(
        r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*[A-Za-z0-9._~-])?",
        "an https:// URL without a slash at its end (Mem0's key must not travel unencrypted)",
    ),
    "memory_mb": _integer(128, 10240),
    "architecture": _one_of("arm64", "x86_64"),
    "throttle_rate": _integer(1, 10_000),
    "throttle_burst": _integer(1, 5_000),
    "prompt_mode": _one_of("override", "variable"),
    "on_memory_failure": _one_of("fail", "continue"),
    "context_characters": _integer(1000, 50_000),
    "default_country_code": _country_code,
    "shared_numbers": _numbers,
    "retrieve_auth": _one_of("none", "call_token"),
    "store_types": _one_of("both", "factual", "semantic"),
    "factual_retention_days": _expiry,
    "semantic_retention_days": _expiry,
    # Looked at, not proven: SNS sends it a question, and only a yes makes it a subscriber.
    "alarm_email": _text(r"|[^@\s]{1,64}@[^@\s]{1,189}\.[^@\s.]{1,63}", "'' or one e-mail address"),
    "snap_start": _flag,
}
