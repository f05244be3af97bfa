"""Reading a template: a small one written by hand, with all references that CDK makes, and the real one."""

import copy
from pathlib import Path
from typing import Any

import pytest

from local.cloudformation import TemplateError, resolve
from local.lambda_host import Throttle
from local.synth import Assembly, synthesize
from local.template import Template, name_of

SMALL: dict[str, Any] = {
    "Dead": {"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": True, "MessageRetentionPeriod": 1209600}},
    "Calls": {
        "Type": "AWS::SQS::Queue",
        "Properties": {
            "QueueName": "calls.fifo",
            "FifoQueue": True,
            "ContentBasedDeduplication": False,
            "VisibilityTimeout": 180,
            "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 5},
        },
    },
    "Ledger": {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "KeySchema": [{"AttributeName": "conversation_id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "conversation_id", "AttributeType": "S"}],
            "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
        },
    },
    "Function": {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Handler": "post_call.handler.lambda_handler",
            "Code": {"S3Bucket": "assets", "S3Key": "abc.zip"},
            "Timeout": 30,
            "MemorySize": 512,
            "ReservedConcurrentExecutions": 10,
            "Environment": {
                "Variables": {
                    "CREDENTIALS_SECRET": "some/secret",
                    "CALL_QUEUE_URL": {"Ref": "Calls"},
                    "WHERE": {
                        "Fn::Join": [
                            "",
                            ["arn:", {"Ref": "AWS::Partition"}, ":", {"Fn::GetAtt": ["Calls", "Arn"]}],
                        ]
                    },
                }
            },
        },
    },
    "Version": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Function"}}},
    "Alias": {"Type": "AWS::Lambda::Alias", "Properties": {"FunctionName": {"Ref": "Function"}}},
    "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"ProtocolType": "HTTP"}},
    "Integration": {
        "Type": "AWS::ApiGatewayV2::Integration",
        "Properties": {"ApiId": {"Ref": "Api"}, "IntegrationUri": {"Fn::GetAtt": ["Function", "Arn"]}},
    },
    "Route": {
        "Type": "AWS::ApiGatewayV2::Route",
        "Properties": {
            "ApiId": {"Ref": "Api"},
            "RouteKey": "POST /post-call",
            "Target": {"Fn::Join": ["", ["integrations/", {"Ref": "Integration"}]]},
        },
    },
    "Stage": {
        "Type": "AWS::ApiGatewayV2::Stage",
        "Properties": {
            "ApiId": {"Ref": "Api"},
            "StageName": "$default",
            "DefaultRouteSettings": {"ThrottlingRateLimit": 50, "ThrottlingBurstLimit": 100},
        },
    },
    "Source": {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {
            "EventSourceArn": {"Fn::GetAtt": ["Calls", "Arn"]},
            "FunctionName": {"Ref": "Function"},
            "BatchSize": 5,
            "ScalingConfig": {"MaximumConcurrency": 4},
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
        },
    },
}


@pytest.fixture
def resources() -> dict[str, Any]:
    return copy.deepcopy(SMALL)


def template(resources: dict[str, Any], code: Path = Path()) -> Template:
    return Template(Assembly(stack="Stack", template={"Resources": resources}, code_folders={"abc": code}))


def test_function_is_read_with_its_references_worked_out(resources: dict[str, Any], tmp_path: Path) -> None:
    values = {"Calls": "http://queue", "Calls.Arn": "ARN"}
    (spec,) = template(resources, tmp_path).functions(values)
    assert spec.name == "post-call"
    assert spec.handler == "post_call.handler.lambda_handler"
    assert spec.code == tmp_path.resolve()
    assert (spec.timeout_seconds, spec.memory_mb, spec.reserved_concurrency) == (30.0, 512, 10)
    assert spec.environment == {
        "CREDENTIALS_SECRET": "some/secret",
        "CALL_QUEUE_URL": "http://queue",
        "WHERE": "arn:aws:ARN",
    }


def test_missing_properties_have_cloudformations_defaults(resources: dict[str, Any], tmp_path: Path) -> None:
    properties = resources["Function"]["Properties"]
    for name in ("Timeout", "MemorySize", "ReservedConcurrentExecutions", "Environment"):
        del properties[name]
    (spec,) = template(resources, tmp_path).functions({})
    assert (spec.timeout_seconds, spec.memory_mb, spec.reserved_concurrency) == (3.0, 128, None)
    assert not spec.snap_start


def test_queues_come_with_dead_letters_first(resources: dict[str, Any]) -> None:
    dead, calls = template(resources).queues
    assert (dead.name, calls.name) == ("Stack-Dead.fifo", "calls.fifo")
    assert calls.arn == "arn:aws:sqs:us-east-1:123456789012:calls.fifo"
    assert (calls.dead_letters, calls.maximum_receives) == ("Dead", 5)
    assert calls.attributes == {
        "FifoQueue": "true",
        "ContentBasedDeduplication": "false",
        "VisibilityTimeout": "180",
    }


def test_table_is_read(resources: dict[str, Any]) -> None:
    (table,) = template(resources).tables
    assert table.name == "Stack-Ledger"
    assert table.ttl_attribute == "expires_at"


def test_api_is_read(resources: dict[str, Any]) -> None:
    (api,) = template(resources).apis
    assert (api.function, api.routes) == ("post-call", ("POST /post-call",))
    assert api.throttle == Throttle(rate=50.0, burst=100)


@pytest.mark.parametrize("target", [{"Ref": "Alias"}, {"Ref": "Version"}, {"Ref": "Function"}])
def test_integration_may_point_to_a_version_or_an_alias(
    resources: dict[str, Any], target: dict[str, str]
) -> None:
    resources["Integration"]["Properties"]["IntegrationUri"] = target
    assert template(resources).apis[0].function == "post-call"


def test_event_source_is_read(resources: dict[str, Any]) -> None:
    mapping = template(resources).mapping
    assert (mapping.queue, mapping.function) == ("Calls", "post-call")
    assert (mapping.batch_size, mapping.maximum_concurrency, mapping.partial_failures) == (5, 4, True)


def test_snapstart_is_read(resources: dict[str, Any], tmp_path: Path) -> None:
    resources["Function"]["Properties"]["SnapStart"] = {"ApplyOn": "PublishedVersions"}
    assert template(resources, tmp_path).functions({"Calls": "u", "Calls.Arn": "a"})[0].snap_start


def test_secrets_name_is_read(resources: dict[str, Any]) -> None:
    assert template(resources).secret_name == "some/secret"


def test_missing_secret_name_is_named(resources: dict[str, Any]) -> None:
    del resources["Function"]["Properties"]["Environment"]
    with pytest.raises(TemplateError, match="CREDENTIALS_SECRET"):
        _ = template(resources).secret_name


def test_missing_route_is_named(resources: dict[str, Any]) -> None:
    del resources["Route"]
    with pytest.raises(TemplateError, match="Api has 0 integrations"):
        _ = template(resources).apis


def test_missing_handler_is_named(resources: dict[str, Any]) -> None:
    del resources["Function"]["Properties"]["Handler"]
    with pytest.raises(TemplateError, match="Function has no Handler"):
        template(resources).functions({})


def test_code_that_is_not_here_is_named(resources: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"its code asset abc.zip is not a folder"):
        template(resources, tmp_path / "nowhere").functions({"Calls": "u", "Calls.Arn": "a"})


def test_unknown_reference_is_named_with_its_place(resources: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(
        TemplateError, match="Function, variable CALL_QUEUE_URL: refers to Calls, which has no local"
    ):
        template(resources, tmp_path).functions({})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        (5, "5"),
        (True, "true"),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Fn::GetAtt": ["Q", "Arn"]}, "ARN"),
        ({"Fn::Sub": "${AWS::StackName}-${Q.Arn}-${!kept}"}, "S-ARN-${kept}"),
        ({"Fn::Join": ["/", [{"Ref": "Q"}, 1]]}, "URL/1"),
    ],
)
def test_functions_of_cloudformation(value: object, text: str) -> None:
    values = {"Q": "URL", "Q.Arn": "ARN", "AWS::StackName": "S"}
    assert resolve(value, values, "here") == text


@pytest.mark.parametrize("value", [{"Fn::ImportValue": "x"}, None, ["a"], {"Fn::Select": [0, ["a"]]}])
def test_function_that_is_not_known_is_an_error(value: object) -> None:
    with pytest.raises(TemplateError, match="here: the local system cannot work out"):
        resolve(value, {}, "here")


def test_local_name_comes_from_the_handlers_package() -> None:
    assert name_of("client_data.handler.lambda_handler") == "client-data"


def test_stack_of_this_project_can_be_read() -> None:
    real = Template(synthesize())
    assert [(api.function, api.routes) for api in real.apis] == [
        (name, (f"POST /{name}",)) for name in ("client-data", "retrieve", "post-call")
    ]
    values = {"": ""}
    for queue in real.queues:
        values |= {queue.logical_id: queue.name, f"{queue.logical_id}.Arn": queue.arn}
    for table in real.tables:
        values |= {table.logical_id: table.name, f"{table.logical_id}.Arn": table.name}
    functions = {spec.name: spec for spec in real.functions(values)}
    assert functions.keys() == {"client-data", "retrieve", "post-call"}
    assert all((spec.code / "shared").is_dir() for spec in functions.values())
    assert real.mapping.function == "post-call"
