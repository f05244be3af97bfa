"""Settings: what is allowed, where values come from, and how a wrong one is told."""

import dataclasses
import re
from typing import Any

import pytest

from stacks.rules import RETENTION_DAYS
from stacks.settings import Settings, SettingsError


def test_defaults_are_those_of_the_documentation() -> None:
    assert dataclasses.asdict(Settings.from_context({})) == {
        "stage": "prod",
        "credentials_secret": "agentic-memory/credentials",
        "reserved_concurrency": 10,
        "log_retention_days": 7,
        "search_limit": 3,
        "mem0_timeout_seconds": 5,
        "mem0_host": "https://api.mem0.ai",
        "memory_mb": 512,
        "architecture": "arm64",
        "throttle_rate": 50,
        "throttle_burst": 100,
        "prompt_mode": "override",
        "on_memory_failure": "fail",
        "context_characters": 6000,
        "default_country_code": "",
        "shared_numbers": "",
        "retrieve_auth": "none",
        "store_types": "both",
        "factual_retention_days": None,
        "semantic_retention_days": None,
        "alarm_email": "",
        "snap_start": False,
    }


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().stage = "dev"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("key", "given", "meant"),
    [
        ("stage", "dev-2", "dev-2"),
        ("credentials_secret", "team/voice.keys_1", "team/voice.keys_1"),
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
        ("prompt_mode", "variable", "variable"),
        ("on_memory_failure", "continue", "continue"),
        ("context_characters", "1000", 1000),
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
        ("store_types", "semantic", "semantic"),
        ("factual_retention_days", None, None),
        ("factual_retention_days", "365", 365),
        ("semantic_retention_days", "null", None),
        ("semantic_retention_days", 1, 1),
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
        ("reserved_concurrency", 0, "0 would stop all functions"),
        ("reserved_concurrency", "2", "a whole number from 3 to 1000"),
        ("reserved_concurrency", "none", "null, or a whole number"),
        ("reserved_concurrency", True, "null, or a whole number"),
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
        ("prompt_mode", "both", "'override' or 'variable'"),
        ("on_memory_failure", "", "'fail' or 'continue'"),
        ("context_characters", 999, "a whole number from 1000 to 50000"),
        ("default_country_code", "+1", "without '+'"),
        ("default_country_code", "044", "from '1' to '999'"),
        ("default_country_code", False, "from '1' to '999'"),
        ("shared_numbers", "16125550142", "in E.164, such as +16125550142"),
        ("shared_numbers", "+16125550142;+447700900123", "with commas between them"),
        ("shared_numbers", "+16125550142,", "in E.164"),
        ("shared_numbers", '["+16125550142"', "as a JSON list"),
        ("shared_numbers", [16125550142], "in E.164"),
        ("shared_numbers", None, "in E.164"),
        ("shared_numbers", ["+16125550142"] * 101, "at most 100 phone numbers"),
        ("retrieve_auth", "token", "'none' or 'call_token'"),
        ("store_types", "none", "'both' or 'factual' or 'semantic'"),
        ("factual_retention_days", 0, "null, which keeps them for ever, or a whole number from 1 to 3650"),
        ("semantic_retention_days", "for ever", "null, which keeps them for ever"),
        ("alarm_email", "voice-team", "'' or one e-mail address"),
        ("alarm_email", "a@example.com,b@example.com", "'' or one e-mail address"),
        ("alarm_email", None, "'' or one e-mail address"),
        ("snap_start", "yes", "true or false"),
        ("snap_start", 1, "true or false"),
    ],
)
def test_wrong_value_is_told_with_its_key_and_what_is_allowed(key: str, value: object, allowed: str) -> None:
    with pytest.raises(SettingsError) as told:
        Settings.from_context({key: value})
    assert f"{key}: {value!r} is not allowed; it must be " in str(told.value)
    assert allowed in str(told.value)


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


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as told:
        Settings.from_context({"stage": "PROD", "memory": 1, "search_limit": 99})
    assert [line.split(":")[0] for line in str(told.value).splitlines()] == [
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
def test_keys_of_cdk_itself_are_passed_over(key: str) -> None:
    assert Settings.from_context({key: [1, 2]}) == Settings()


def test_every_period_that_cloudwatch_takes_is_allowed() -> None:
    for days in RETENTION_DAYS:
        assert Settings.from_context({"log_retention_days": days}).log_retention_days == days


@pytest.mark.parametrize(
    ("reservation", "worker"), [(None, 5), (3, 2), (4, 2), (5, 2), (10, 5), (11, 5), (100, 50)]
)
def test_worker_stays_below_the_reservation(reservation: int | None, worker: int) -> None:
    assert Settings(reserved_concurrency=reservation).worker_concurrency == worker
    assert reservation is None or worker < reservation


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
