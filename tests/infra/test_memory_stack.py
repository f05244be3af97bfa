"""MemoryStack: what is deployed, and who may use what."""

import json
import re

import pytest

from tests.infra.conftest import Synthesise
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
SECRET = (
    "arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>"
    ":secret:agentic-memory/credentials-??????"
)
TRACES = ("-", "xray:PutTelemetryRecords", "xray:PutTraceSegments")


def test_there_are_exactly_three_functions_and_no_custom_resource(deployed: Deployed) -> None:
    names = [each.properties["FunctionName"] for each in deployed.all("Lambda::Function")]
    assert sorted(names) == [
        "agentic-memory-prod-client-data",
        "agentic-memory-prod-post-call",
        "agentic-memory-prod-retrieve",
    ]
    assert not [each for each in deployed.types if each.startswith("Custom::") or "CustomResource" in each]


def test_nothing_else_is_deployed(deployed: Deployed) -> None:
    assert {
        each.removeprefix("AWS::"): len(deployed.all(each.removeprefix("AWS::"))) for each in deployed.types
    } == {
        "ApiGatewayV2::Api": 3,
        "ApiGatewayV2::Integration": 3,
        "ApiGatewayV2::Route": 3,
        "ApiGatewayV2::Stage": 3,
        "CloudWatch::Alarm": 16,
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
        "SNS::Topic": 1,
        "SNS::TopicPolicy": 1,
        "SQS::Queue": 2,
        "SQS::QueuePolicy": 2,
    }


@pytest.mark.parametrize(
    ("owner", "own"),
    [
        (
            "ClientData",
            {"PROMPT_MODE": "override", "ON_MEMORY_FAILURE": "fail", "CONTEXT_CHARACTERS": "6000"},
        ),
        ("Retrieve", {"RETRIEVE_AUTH": "none"}),
        (
            "PostCall",
            {
                "CALL_QUEUE_URL": "<CallQueueCalls>",
                "DEAD_LETTER_QUEUE_URL": "<CallQueueDeadLetters>",
                "LEDGER_TABLE": "<LedgerTable>",
                "TRIES": "5",
                "STORE_TYPES": "both",
                "FACTUAL_RETENTION_DAYS": "",
                "SEMANTIC_RETENTION_DAYS": "",
            },
        ),
    ],
)
def test_environment_is_exactly_this(deployed: Deployed, owner: str, own: dict[str, str]) -> None:
    assert deployed.of(owner, "Lambda::Function").properties["Environment"]["Variables"] == COMMON | own


@pytest.mark.parametrize("owner", ["ClientData", "Retrieve"])
def test_reading_endpoints_may_only_log_trace_and_read_the_credentials(
    deployed: Deployed, owner: str
) -> None:
    assert deployed.allowed(owner) == {
        ("WriteLog", "logs:CreateLogStream", "logs:PutLogEvents"): [f"<{owner}Log.Arn>"],
        TRACES: ["*"],
        ("ReadCredentials", "secretsmanager:GetSecretValue"): [SECRET],
    }


def test_post_call_may_besides_use_the_queue_and_the_ledger(deployed: Deployed) -> None:
    assert deployed.allowed("PostCall") == {
        ("WriteLog", "logs:CreateLogStream", "logs:PutLogEvents"): ["<PostCallLog.Arn>"],
        TRACES: ["*"],
        ("ReadCredentials", "secretsmanager:GetSecretValue"): [SECRET],
        ("QueueCalls", "sqs:SendMessage"): ["<CallQueueCalls.Arn>"],
        ("GiveUpCalls", "sqs:SendMessage"): ["<CallQueueDeadLetters.Arn>"],
        (
            "WorkOffCalls",
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
        ): ["<CallQueueCalls.Arn>"],
        ("KeepLedger", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"): ["<LedgerTable.Arn>"],
    }


@pytest.mark.parametrize(("owner", "seconds"), [("ClientData", 15), ("Retrieve", 15), ("PostCall", 30)])
def test_timeouts(deployed: Deployed, owner: str, seconds: int) -> None:
    assert deployed.of(owner, "Lambda::Function").properties["Timeout"] == seconds


def test_outputs_are_what_an_engineer_has_to_copy(deployed: Deployed) -> None:
    host = "execute-api.<AWS::Region>.<AWS::URLSuffix>"
    assert deployed.outputs == {
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


def test_template_says_what_it_is(deployed: Deployed) -> None:
    assert deployed.raw["Description"] == "AgenticMemory (prod): voice agents that remember their callers"
    assert len(deployed.raw["Description"]) <= 1024


def variables(of: Deployed, owner: str) -> dict[str, str]:
    found: dict[str, str] = of.of(owner, "Lambda::Function").properties["Environment"]["Variables"]
    return found


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
        prompt_mode="variable",
        on_memory_failure="continue",
        context_characters=1900,
        default_country_code="44",
        shared_numbers=["+16125550142", "+447700900123"],
        retrieve_auth="call_token",
        store_types="factual",
        factual_retention_days=730,
        semantic_retention_days="90",
    )


def test_settings_reach_what_they_set(dev: Deployed) -> None:
    environment = {
        "MEM0_DIR": "/tmp/.mem0",  # noqa: S108 -- inside Lambda
        "MEM0_TELEMETRY": "False",
        "MEM0_HOST": "https://mem0.example.com",
        "MEM0_SEARCH_LIMIT": "5",
        "MEM0_TIMEOUT": "9",
        "CREDENTIALS_SECRET": "team/voice",
        "DEFAULT_COUNTRY_CODE": "44",
        "PROMPT_MODE": "variable",
        "ON_MEMORY_FAILURE": "continue",
        "CONTEXT_CHARACTERS": "1900",
        "SHARED_NUMBERS": "+16125550142,+447700900123",
    }
    function = dev.of("ClientData", "Lambda::Function").properties
    assert function["Environment"]["Variables"] == environment
    assert variables(dev, "Retrieve")["RETRIEVE_AUTH"] == "call_token"
    for owner in ENDPOINTS:
        assert variables(dev, owner)["SHARED_NUMBERS"] == "+16125550142,+447700900123"
    storing = ("STORE_TYPES", "FACTUAL_RETENTION_DAYS", "SEMANTIC_RETENTION_DAYS")
    assert [variables(dev, "PostCall")[name] for name in storing] == ["factual", "730", "90"]
    assert (function["MemorySize"], function["Architectures"], function["Timeout"]) == (1024, ["x86_64"], 17)
    assert dev.allowed("Retrieve")[("ReadCredentials", "secretsmanager:GetSecretValue")] == [
        SECRET.replace("agentic-memory/credentials", "team/voice")
    ]
    for each in dev.all("Lambda::Function"):
        assert each.properties["ReservedConcurrentExecutions"] == 7
    for each in dev.all("Logs::LogGroup"):
        assert each.properties["RetentionInDays"] == 30
    for each in dev.all("ApiGatewayV2::Stage"):
        assert each.properties["DefaultRouteSettings"] == {
            "ThrottlingRateLimit": 20,
            "ThrottlingBurstLimit": 40,
        }
    assert dev.all("Lambda::LayerVersion")[0].properties["CompatibleArchitectures"] == ["x86_64"]
    scaling = dev.all("Lambda::EventSourceMapping")[0].properties["ScalingConfig"]
    assert scaling == {"MaximumConcurrency": 3}


def test_null_reserves_nothing_and_still_limits_the_worker(synthesise: Synthesise) -> None:
    given = synthesise(reserved_concurrency="null")
    for each in given.all("Lambda::Function"):
        assert "ReservedConcurrentExecutions" not in each.properties
    scaling = given.all("Lambda::EventSourceMapping")[0].properties["ScalingConfig"]
    assert scaling == {"MaximumConcurrency": 5}


def test_two_stages_live_side_by_side(deployed: Deployed, dev: Deployed) -> None:
    def names(of: Deployed) -> set[str]:
        keys = (
            "FunctionName",
            "LogGroupName",
            "QueueName",
            "TableName",
            "RoleName",
            "LayerName",
            "PolicyName",
            "AlarmName",
            "DashboardName",
            "TopicName",
        )
        found = [
            str(each.properties.get(key, "<left to CloudFormation>"))
            for type_ in of.types - {"AWS::IAM::Policy"}  # its name counts within its role only
            for each in of.all(type_.removeprefix("AWS::"))
            for key in keys
        ]
        apis = [each.properties["Name"] for each in of.all("ApiGatewayV2::Api")]
        return {name for name in found + apis if not name.startswith("<")}

    assert len(names(dev)) == 11 + 16 + 1 + 1
    assert not names(deployed) & names(dev)
    assert {re.sub("-dev(-|$)", r"-prod\1", name) for name in names(dev)} == names(deployed)
