"""MemoryStack: what is deployed, who may use what, and what an update keeps."""

import json
import re
from typing import Any

import pytest

from tests.infra.conftest import KEY_ARN, Synthesise
from tests.infra.deployed import Deployed

ENDPOINTS = ("ClientData", "Retrieve", "PostCall")
COMMON = {
    "MEM0_DIR": "/tmp/.mem0",  # noqa: S108 -- inside Lambda
    "MEM0_TELEMETRY": "False",
    "MEM0_HOST": "https://api.mem0.ai",
    "MEM0_SEARCH_LIMIT": "3",
    "MEM0_TIMEOUT": "5",
    "CREDENTIALS_SECRET": "agentic-memory/credentials",
    "DEFAULT_COUNTRY_CODE": "",
    "SHARED_NUMBERS": "",
}
OWN = {
    "ClientData": {
        "PROMPT_MODE": "override",
        "ON_MEMORY_FAILURE": "fail",
        "CONTEXT_CHARACTERS": "6000",
        "MEMORIES_OF_OTHERS": "omit",
    },
    "Retrieve": {"RETRIEVE_AUTH": "none", "MEMORIES_OF_OTHERS": "omit"},
    "PostCall": {
        "CALL_QUEUE_URL": "<CallQueueCalls>",
        "DEAD_LETTER_QUEUE_URL": "<CallQueueDeadLetters>",
        "LEDGER_TABLE": "<LedgerTable>",
        "TRIES": "5",
        "STORE_TYPES": "both",
        "FACTUAL_RETENTION_DAYS": "",
        "SEMANTIC_RETENTION_DAYS": "",
        "NO_CONSENT": "",
        "KEEP_SPOKEN": "",
    },
}
SECRET = (
    "arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>"
    ":secret:agentic-memory/credentials-??????"
)


def environment(of: Deployed, owner: str) -> dict[str, str]:
    found: dict[str, str] = of.of(owner, "Lambda::Function").properties["Environment"]["Variables"]
    return found


def test_there_are_exactly_three_functions_and_no_custom_resource(deployed: Deployed) -> None:
    names = [function.properties["FunctionName"] for function in deployed.all("Lambda::Function")]
    assert sorted(names) == [
        "agentic-memory-prod-client-data",
        "agentic-memory-prod-post-call",
        "agentic-memory-prod-retrieve",
    ]
    assert not [
        type_ for type_ in deployed.types if type_.startswith("Custom::") or "CustomResource" in type_
    ]


def test_nothing_else_is_deployed(deployed: Deployed) -> None:
    types = {type_.removeprefix("AWS::") for type_ in deployed.types}
    assert {type_: len(deployed.all(type_)) for type_ in types} == {
        "ApiGatewayV2::Api": 3,
        "ApiGatewayV2::Integration": 3,
        "ApiGatewayV2::Route": 3,
        "ApiGatewayV2::Stage": 3,
        "CloudWatch::Alarm": 25,
        "CloudWatch::Dashboard": 1,
        "DynamoDB::Table": 1,
        "IAM::Policy": 3,
        "IAM::Role": 3,
        "KMS::Key": 1,
        "Lambda::EventSourceMapping": 1,
        "Lambda::Function": 3,
        "Lambda::LayerVersion": 1,
        "Lambda::Permission": 3,
        "Logs::LogGroup": 6,
        "Logs::MetricFilter": 3,
        "SNS::Topic": 1,
        "SNS::TopicPolicy": 1,
        "SQS::Queue": 2,
        "SQS::QueuePolicy": 2,
    }


def test_update_replaces_nothing_that_has_a_url_a_fixed_name_or_data(deployed: Deployed) -> None:
    """A new logical id would give ElevenLabs dead URLs, empty the ledger, or fail because a name is taken."""
    assert set(deployed.raw["Resources"]) >= {
        *("ClientDataApiF264D305", "ClientDataStage2E8DD527", "ClientDataRoute6250EC3E"),
        *("RetrieveApi6FB07900", "RetrieveStage6F6643E6", "RetrieveRoute430C234D"),
        *("PostCallApiF7AA6A1B", "PostCallStage3FC9B347", "PostCallRoute4D0A39C2"),
        *("ClientDataFunctionC56019F0", "RetrieveFunction17DAF0E3", "PostCallFunctionC7B6DB3F"),
        *("ClientDataLog9BD6FBA3", "RetrieveLogEB8642E0", "PostCallLog47954416"),
        *("ClientDataAccessLog2A84C41C", "RetrieveAccessLogD9D86AFD", "PostCallAccessLog204D32EF"),
        *("CallQueueCallsC8CD0A33", "CallQueueDeadLetters5D95EC0C", "LedgerTable9343E4AA"),
        *("AlarmsTopic3A2DFEBA", "AlarmsDeadLetters20E28703", "DashboardPage39A80FD2"),
    }


@pytest.mark.parametrize("owner", ENDPOINTS)
def test_environment_is_exactly_this(deployed: Deployed, owner: str) -> None:
    assert environment(deployed, owner) == COMMON | OWN[owner]


@pytest.mark.parametrize("owner", ENDPOINTS)
def test_function_may_only_do_what_it_does(deployed: Deployed, owner: str) -> None:
    calls, dead_letters, ledger = "<CallQueueCalls.Arn>", "<CallQueueDeadLetters.Arn>", "<LedgerTable.Arn>"
    of_post_call = {
        "sqs:SendMessage": [calls, dead_letters],
        "sqs:ReceiveMessage": [calls],
        "sqs:DeleteMessage": [calls],
        "sqs:ChangeMessageVisibility": [calls],
        "sqs:GetQueueAttributes": [calls],
        "dynamodb:GetItem": [ledger],
        "dynamodb:UpdateItem": [ledger],
    }
    assert deployed.grants(owner) == {
        "logs:CreateLogStream": [f"<{owner}Log.Arn>"],
        "logs:PutLogEvents": [f"<{owner}Log.Arn>"],
        "xray:PutTelemetryRecords": ["*"],
        "xray:PutTraceSegments": ["*"],
        "secretsmanager:GetSecretValue": [SECRET],
        **(of_post_call if owner == "PostCall" else {}),
    }
    assert not any("Condition" in statement for statement in deployed.statements(owner))


@pytest.mark.parametrize("owner", ENDPOINTS)
def test_key_of_the_secret_may_be_used_through_secrets_manager_alone(
    everything: Deployed, owner: str
) -> None:
    (conditional,) = (statement for statement in everything.statements(owner) if "Condition" in statement)
    assert conditional == {
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": KEY_ARN,
        "Condition": {"StringEquals": {"kms:ViaService": "secretsmanager.<AWS::Region>.<AWS::URLSuffix>"}},
    }


@pytest.mark.parametrize(("owner", "seconds"), [("ClientData", 15), ("Retrieve", 15), ("PostCall", 30)])
def test_timeouts(deployed: Deployed, owner: str, seconds: int) -> None:
    assert deployed.of(owner, "Lambda::Function").properties["Timeout"] == seconds


def test_outputs_are_what_an_engineer_and_the_commands_need(deployed: Deployed) -> None:
    host = "execute-api.<AWS::Region>.<AWS::URLSuffix>"
    environment = json.loads(deployed.outputs["Environment"])
    for owner in ("ClientData", "Retrieve", "PostCall"):
        variables = deployed.of(owner, "Lambda::Function").properties["Environment"]["Variables"]
        assert (
            environment.items()
            >= {name: value for name, value in variables.items() if not str(value).startswith("<")}.items()
        )
    assert {name: value for name, value in deployed.outputs.items() if name != "Environment"} == {
        "ClientDataUrl": f"https://<ClientDataApi>.{host}/client-data",
        "RetrieveUrl": f"https://<RetrieveApi>.{host}/retrieve",
        "PostCallUrl": f"https://<PostCallApi>.{host}/post-call",
        "CallQueueUrl": "<CallQueueCalls>",
        "DeadLetterQueueUrl": "<CallQueueDeadLetters>",
        "LedgerTable": "<LedgerTable>",
        "AlarmTopicArn": "<AlarmsTopic>",
    }


def test_no_secret_is_in_the_template(deployed: Deployed) -> None:
    written = json.dumps(deployed.raw)
    for key in (
        "MEM0_API_KEY",
        "MEM0_ORG_ID",
        "MEM0_PROJECT_ID",
        "ELEVENLABS_WORKSPACE_KEY",
        "ELEVENLABS_HMAC_KEY",
    ):
        assert key not in written
    assert "{{resolve:" not in written, "a dynamic reference puts the value into what CloudFormation keeps"
    assert not re.search(r"\bm0-[A-Za-z0-9]{8}|\bsk_|\bwsec_", written)


def test_template_has_a_description(deployed: Deployed) -> None:
    assert deployed.raw["Description"] == "AgenticMemory (prod): voice agents that remember their callers"


@pytest.fixture(scope="module")
def dev(synthesise: Synthesise) -> Deployed:
    """What is deployed with other settings than the default ones."""
    return synthesise(
        stage="dev",
        credentials_secret="team/voice",
        reserved_concurrency="7",
        log_retention_days=30,
        search_limit=5,
        mem0_timeout_seconds=9,
        mem0_host="https://mem0.example.com",
        memory_mb=1024,
        architecture="x86_64",
        throttle_rate=20,
        throttle_burst=40,
        retrieve_throttle_rate=4,
        retrieve_throttle_burst=8,
        prompt_mode="variable",
        on_memory_failure="continue",
        context_characters=1900,
        memories_of_others="attribute",
        default_country_code="44",
        shared_numbers=["+16125550142", "+447700900123"],
        retrieve_auth="call_token",
        store_types="factual",
        factual_retention_days=730,
        semantic_retention_days="90",
        no_consent="consent_given=false",
        keep_spoken="bank_account,national_id",
    )


def test_settings_reach_the_environment(dev: Deployed) -> None:
    common = COMMON | {
        "MEM0_HOST": "https://mem0.example.com",
        "MEM0_SEARCH_LIMIT": "5",
        "MEM0_TIMEOUT": "9",
        "CREDENTIALS_SECRET": "team/voice",
        "DEFAULT_COUNTRY_CODE": "44",
        "SHARED_NUMBERS": "+16125550142,+447700900123",
    }
    assert environment(dev, "ClientData") == common | {
        "PROMPT_MODE": "variable",
        "ON_MEMORY_FAILURE": "continue",
        "CONTEXT_CHARACTERS": "1900",
        "MEMORIES_OF_OTHERS": "attribute",
    }
    assert environment(dev, "Retrieve") == common | {
        "RETRIEVE_AUTH": "call_token",
        "MEMORIES_OF_OTHERS": "attribute",
    }
    assert environment(dev, "PostCall") == common | OWN["PostCall"] | {
        "STORE_TYPES": "factual",
        "FACTUAL_RETENTION_DAYS": "730",
        "SEMANTIC_RETENTION_DAYS": "90",
        "NO_CONSENT": "consent_given=false",
        "KEEP_SPOKEN": "bank_account,national_id",
    }


def test_settings_reach_the_resources(dev: Deployed) -> None:
    function = dev.of("ClientData", "Lambda::Function").properties
    assert (function["MemorySize"], function["Architectures"], function["Timeout"]) == (1024, ["x86_64"], 17)
    assert dev.grants("Retrieve")["secretsmanager:GetSecretValue"] == [
        SECRET.replace("agentic-memory/credentials", "team/voice")
    ]
    for function_resource in dev.all("Lambda::Function"):
        assert function_resource.properties["ReservedConcurrentExecutions"] == 7
    for group in dev.all("Logs::LogGroup"):
        assert group.properties["RetentionInDays"] == 30
    assert dev.all("Lambda::LayerVersion")[0].properties["CompatibleArchitectures"] == ["x86_64"]


def throttles(of: Deployed) -> dict[str, Any]:
    return {
        owner: of.of(owner, "ApiGatewayV2::Stage").properties["DefaultRouteSettings"] for owner in ENDPOINTS
    }


def test_throttle_of_retrieve_can_be_set_apart(dev: Deployed, synthesise: Synthesise) -> None:
    others = {"ThrottlingRateLimit": 20, "ThrottlingBurstLimit": 40}
    own = {"ThrottlingRateLimit": 4, "ThrottlingBurstLimit": 8}
    assert throttles(dev) == {"ClientData": others, "Retrieve": own, "PostCall": others}
    as_the_others = throttles(synthesise(throttle_rate=20, throttle_burst=40))
    assert as_the_others == dict.fromkeys(ENDPOINTS, others)


def test_null_reserves_nothing(synthesise: Synthesise) -> None:
    for function in synthesise(reserved_concurrency=None).all("Lambda::Function"):
        assert "ReservedConcurrentExecutions" not in function.properties


def test_two_stages_can_exist_in_one_account(deployed: Deployed, dev: Deployed) -> None:
    def names(of: Deployed) -> set[str]:
        """The names that must be unique in an account; those left to CloudFormation are."""
        within_another = {"AWS::IAM::Policy", "AWS::ApiGatewayV2::Stage"}
        return {
            value
            for type_ in of.types - within_another
            for resource in of.all(type_.removeprefix("AWS::"))
            for key, value in resource.properties.items()
            if key.endswith("Name") and key != "MetricName" and not value.startswith("<")
        }

    # Functions and their APIs of the same name, log groups, queues, alarms, the topic and the dashboard.
    assert len(names(deployed)) == 3 + 6 + 2 + 25 + 1 + 1
    assert not names(deployed) & names(dev)
    assert {re.sub("-dev(-|$)", r"-prod\1", name) for name in names(dev)} <= names(deployed)
