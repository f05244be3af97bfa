"""Settings: what is allowed, where values come from, and how a wrong one is reported."""

import json
import re
from typing import Any

import pytest
from pydantic import ValidationError

from post_call.redaction import CLASSES
from stacks.settings import RETENTION_DAYS, SECRETS, Settings, SettingsError
from tests.infra.conftest import KEY_ARN, ROOT


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().stage = "dev"


def test_readme_documents_every_setting_with_its_default() -> None:
    rows = [
        f"| `{key}` | {'empty' if field.default == '' else f'`{default(field.default)}`'} "
        f"| {' '.join(str(field.description).split())} |"
        for key, field in Settings.model_fields.items()
    ]
    table = "\n".join(["<!-- settings -->", "| key | default | meaning |", "|---|---|---|", *rows, ""])
    assert table in (ROOT / "README.md").read_text(), f"README.md should have this table:\n{table}"


def default(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@pytest.mark.parametrize(
    ("key", "given", "meant"),
    [
        ("stage", "dev-2", "dev-2"),
        ("credentials_secret", "team/voice.keys_1", "team/voice.keys_1"),
        ("credentials_key_arn", KEY_ARN, KEY_ARN),
        ("reserved_concurrency", "3", 3),
        ("reserved_concurrency", 1000, 1000),
        ("reserved_concurrency", "null", None),
        ("reserved_concurrency", None, None),
        ("log_retention_days", "30", 30),
        ("search_limit", 20, 20),
        ("search_limit", 1.0, 1),
        ("mem0_timeout_seconds", "1", 1),
        ("mem0_host", "https://mem0.example.com:8443/base", "https://mem0.example.com:8443/base"),
        ("memory_mb", "10240", 10240),
        ("architecture", "x86_64", "x86_64"),
        ("throttle_rate", "1", 1),
        ("throttle_burst", 5000, 5000),
        ("retrieve_throttle_rate", "5", 5),
        ("retrieve_throttle_burst", "null", None),
        ("prompt_mode", "variable", "variable"),
        ("on_memory_failure", "continue", "continue"),
        ("context_characters", "1000", 1000),
        ("memories_of_others", "attribute", "attribute"),
        ("default_country_code", "44", "44"),
        ("default_country_code", 1, "1"),
        ("default_country_code", "", ""),
        ("shared_numbers", "", ""),
        ("shared_numbers", [], ""),
        ("shared_numbers", "+16125550142", "+16125550142"),
        ("shared_numbers", "+16125550142, +447700900123", "+16125550142,+447700900123"),
        ("shared_numbers", '["+16125550142","+447700900123"]', "+16125550142,+447700900123"),
        ("shared_numbers", ["+16125550142", "+16125550142"], "+16125550142"),
        ("retrieve_auth", "call_token", "call_token"),
        ("unverified_callers_threshold", "1000", 1000),
        ("store_types", "semantic", "semantic"),
        ("factual_retention_days", None, None),
        ("factual_retention_days", "365", 365),
        ("semantic_retention_days", "null", None),
        ("semantic_retention_days", 1, 1),
        ("no_consent", "consent_given=false, may_store=no", "consent_given=false,may_store=no"),
        ("keep_spoken", "bank_account", "bank_account"),
        ("keep_spoken", ["bank_account", "national_id"], "bank_account,national_id"),
        ("alarm_email", "", ""),
        ("alarm_email", "voice-team@example.com", "voice-team@example.com"),
        ("snap_start", "true", True),
        ("snap_start", True, True),
        ("snap_start", "false", False),
    ],
)
def test_values_are_taken_as_text_and_as_json(key: str, given: object, meant: object) -> None:
    assert getattr(Settings.from_context({key: given}), key) == meant


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("stage", "Prod", "a lower-case letter, then up to 15"),
        ("stage", "", "a lower-case letter"),
        ("stage", "a2345678901234567", "up to 15"),
        ("stage", "dev\n", "a lower-case letter"),
        ("stage", 7, "a lower-case letter"),
        (
            "credentials_secret",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbCdEf",
            "not its ARN",
        ),
        ("credentials_secret", "", "the name of a Secrets Manager secret"),
        ("credentials_key_arn", KEY_ARN.replace("key/", "alias/"), "not of an alias"),
        ("credentials_key_arn", "1234abcd-12ab-34cd-56ef-1234567890ab", "the ARN of a KMS key"),
        ("reserved_concurrency", 0, "0 would stop all functions"),
        ("reserved_concurrency", "2", "a whole number from 3 to 1000"),
        ("reserved_concurrency", "none", "null, which reserves none, or a whole number"),
        ("reserved_concurrency", True, "null, which reserves none, or a whole number"),
        ("log_retention_days", 8, "one of 1, 3, 5, 7, 14"),
        ("log_retention_days", "forever", "one of 1, 3, 5, 7, 14"),
        ("search_limit", 0, "a whole number from 1 to 20"),
        ("search_limit", "three", "a whole number from 1 to 20"),
        ("search_limit", 2.5, "a whole number from 1 to 20"),
        ("mem0_timeout_seconds", 21, "a whole number from 1 to 20"),
        ("mem0_timeout_seconds", None, "a whole number from 1 to 20"),
        ("mem0_host", "http://api.mem0.ai", "an https:// URL"),
        ("mem0_host", "https://api.mem0.ai/", "without a slash at its end"),
        ("mem0_host", "https://user:key@api.mem0.ai", "an https:// URL"),
        ("memory_mb", 64, "a whole number from 128 to 10240"),
        ("architecture", "arm", "'arm64' or 'x86_64'"),
        ("architecture", ["arm64"], "'arm64' or 'x86_64'"),
        ("throttle_rate", 0, "a whole number from 1 to 10000"),
        ("throttle_burst", "5001", "a whole number from 1 to 5000"),
        ("retrieve_throttle_rate", 0, "null, which means throttle_rate, or a whole number from 1 to 10000"),
        ("search_limit", True, "a whole number from 1 to 20"),
        ("search_limit", 21, "a whole number from 1 to 20"),
        ("prompt_mode", "both", "'override' or 'variable'"),
        ("on_memory_failure", "", "'fail' or 'continue'"),
        ("context_characters", 999, "a whole number from 1000 to 50000"),
        ("default_country_code", "+1", "without '+'"),
        ("default_country_code", "044", "from '1' to '999'"),
        ("default_country_code", False, "from '1' to '999'"),
        ("shared_numbers", "16125550142", "in E.164, such as +16125550142"),
        ("shared_numbers", "+16125550142;+447700900123", "separated by commas"),
        ("shared_numbers", "+16125550142,", "in E.164"),
        ("shared_numbers", '["+16125550142"', "as a list or separated by commas"),
        ("shared_numbers", [16125550142], "in E.164"),
        ("shared_numbers", None, "in E.164"),
        ("shared_numbers", [f"+1612555{n:04}" for n in range(101)], "at most 100 phone numbers"),
        ("retrieve_auth", "token", "'none' or 'call_token'"),
        ("store_types", "none", "'both', 'factual' or 'semantic'"),
        ("factual_retention_days", 0, "null, which keeps them forever, or a whole number from 1 to 3650"),
        ("semantic_retention_days", "forever", "null, which keeps them forever"),
        ("memories_of_others", "tell", "'omit' or 'attribute'"),
        ("unverified_callers_threshold", 0, "a whole number from 1 to 100000"),
        ("no_consent", "consent_given", "pairs of a collected field and a value"),
        ("no_consent", "=no", "pairs of a collected field and a value"),
        ("no_consent", ",".join(f"field_{n}=no" for n in range(11)), "at most 10 pairs"),
        ("keep_spoken", "bank account", "classes of secrets"),
        ("keep_spoken", "bank_acount", "bank_account, passport"),
        ("alarm_email", "voice-team", "'' or one e-mail address"),
        ("alarm_email", "a@example.com,b@example.com", "'' or one e-mail address"),
        ("alarm_email", None, "'' or one e-mail address"),
        ("snap_start", "sometimes", "true or false"),
        ("snap_start", None, "true or false"),
    ],
)
def test_wrong_value_is_reported_with_its_key_and_what_is_allowed(
    key: str, value: object, allowed: str
) -> None:
    with pytest.raises(SettingsError) as error:
        Settings.from_context({key: value})
    assert f"{key}: {value!r} is not allowed; it must be " in str(error.value)
    assert allowed in str(error.value)


@pytest.mark.parametrize(
    ("key", "suggestion"),
    [
        ("stgae", "did you mean stage?"),
        ("reserved-concurrency", "did you mean reserved_concurrency?"),
        ("Search_Limit", "did you mean search_limit?"),
        ("colour", "the settings are stage, credentials_secret,"),
    ],
)
def test_unknown_key_is_an_error(key: str, suggestion: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(f"{key}: there is no such setting; {suggestion}")):
        Settings.from_context({key: 1})


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        Settings.from_context({"stage": "PROD", "memory": 1, "search_limit": 99})
    assert [line.split(":")[0] for line in str(error.value).splitlines()] == [
        "The settings are wrong",
        "  - memory",
        "  - search_limit",
        "  - stage",
    ]


@pytest.mark.parametrize(
    "key",
    [
        "@aws-cdk/core:checkSecretUsage",
        "aws:cdk:bundling-stacks",
        "availability-zones:account=123456789012:region=eu-west-1",
        "acknowledged-issue-numbers",
        "cli-telemetry",
    ],
)
def test_keys_of_cdk_itself_are_ignored(key: str) -> None:
    assert Settings.from_context({key: [1, 2]}) == Settings()


def test_every_period_that_cloudwatch_takes_is_allowed() -> None:
    for days in RETENTION_DAYS:
        assert Settings.from_context({"log_retention_days": days}).log_retention_days == days


@pytest.mark.parametrize(
    ("deadline", "answer", "work"), [(1, 15, 30), (5, 15, 30), (7, 15, 30), (20, 28, 50)]
)
def test_timeouts_leave_room_for_the_deadline_of_mem0(deadline: int, answer: int, work: int) -> None:
    settings = Settings(mem0_timeout_seconds=deadline)
    assert (settings.answer_seconds, settings.worker_seconds) == (answer, work)
    assert settings.answer_seconds < 30, "API Gateway waits no longer"


def test_null_of_cdk_json_is_not_lost_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    class Node:
        def get_all_context(self) -> dict[str, Any]:
            return {"stage": "dev"}  # jsii has dropped the null

    class App:
        node = Node()

    monkeypatch.setenv("CDK_CONTEXT_JSON", '{"stage": "dev", "reserved_concurrency": null}')
    settings = Settings.from_app(App())  # type: ignore[arg-type]
    assert (settings.stage, settings.reserved_concurrency) == ("dev", None)


def test_classes_of_secrets_are_those_that_post_call_replaces() -> None:
    assert tuple(CLASSES) == SECRETS
