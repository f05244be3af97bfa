"""Endpoint: what holds for each of the three functions, with its log, role and API."""

import json

import pytest

from tests.infra.conftest import EVERYTHING, Synthesise
from tests.infra.deployed import Deployed

NAMES = {"ClientData": "client-data", "Retrieve": "retrieve", "PostCall": "post-call"}


@pytest.fixture(params=NAMES)
def owner(request: pytest.FixtureRequest) -> str:
    """Each endpoint's construct."""
    return str(request.param)


@pytest.fixture
def name(owner: str) -> str:
    """The endpoint's name."""
    return NAMES[owner]


def test_function_runs_its_handler_on_the_shared_runtime(deployed: Deployed, owner: str, name: str) -> None:
    function = deployed.of(owner, "Lambda::Function").properties
    assert function["FunctionName"] == f"agentic-memory-prod-{name}"
    assert function["Handler"] == f"{name.replace('-', '_')}.handler.lambda_handler"
    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
    assert function["MemorySize"] == 512
    assert function["Layers"] == ["<Mem0Layer>"]
    assert function["Code"] == deployed.of("Retrieve", "Lambda::Function").properties["Code"]


def test_function_has_ten_instances_of_its_own(deployed: Deployed, owner: str) -> None:
    function = deployed.of(owner, "Lambda::Function").properties
    assert function["ReservedConcurrentExecutions"] == 10


def test_function_logs_json_to_its_own_log_group(deployed: Deployed, owner: str, name: str) -> None:
    assert deployed.of(owner, "Lambda::Function").properties["LoggingConfig"] == {
        "LogFormat": "JSON",
        "ApplicationLogLevel": "INFO",
        "SystemLogLevel": "WARN",
        "LogGroup": f"<{owner}Log>",
    }
    log_group = deployed.named(f"{owner}Log").properties["LogGroupName"]
    assert log_group == f"/aws/lambda/agentic-memory-prod-{name}"


def test_logs_are_kept_seven_days_and_go_with_the_stack(deployed: Deployed, owner: str, name: str) -> None:
    access = deployed.named(f"{owner}AccessLog")
    # The prefix keeps API Gateway from filling the account's one resource policy.
    assert access.properties["LogGroupName"] == f"/aws/vendedlogs/agentic-memory-prod-{name}/access"
    for group in (deployed.named(f"{owner}Log"), access):
        assert group.properties["RetentionInDays"] == 7
        assert group.deletion == "Delete"


def test_function_is_traced_and_stops_when_it_calls_itself(deployed: Deployed, owner: str) -> None:
    function = deployed.of(owner, "Lambda::Function").properties
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert function["RecursiveLoop"] == "Terminate"


def test_function_has_a_role_of_its_own_without_managed_policies(
    deployed: Deployed, owner: str, name: str
) -> None:
    function = deployed.of(owner, "Lambda::Function")
    assert function.properties["Role"] == f"<{owner}Role.Arn>"
    assert set(function.depends_on) == {f"{owner}Role", f"{owner}RoleDefaultPolicy"}
    assert deployed.of(owner, "IAM::Role").properties == {
        "AssumeRolePolicyDocument": {
            "Statement": [
                {
                    "Action": "sts:AssumeRole",
                    "Effect": "Allow",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                }
            ],
            "Version": "2012-10-17",
        },
        "Description": f"What agentic-memory-prod-{name} may do",
    }
    assert deployed.of(owner, "IAM::Policy").properties["Roles"] == [f"<{owner}Role>"]


def test_api_has_one_route_that_leads_to_the_function(deployed: Deployed, owner: str, name: str) -> None:
    api = deployed.of(owner, "ApiGatewayV2::Api").properties
    assert (api["ProtocolType"], api["Name"]) == ("HTTP", f"agentic-memory-prod-{name}")
    assert "CorsConfiguration" not in api, "no browser calls it"
    assert deployed.of(owner, "ApiGatewayV2::Route").properties == {
        "ApiId": f"<{owner}Api>",
        "RouteKey": f"POST /{name}",
        "AuthorizationType": "NONE",
        "Target": f"integrations/<{owner}Integration>",
    }
    assert deployed.of(owner, "ApiGatewayV2::Integration").properties == {
        "ApiId": f"<{owner}Api>",
        "IntegrationType": "AWS_PROXY",
        "IntegrationUri": f"<{owner}Function.Arn>",
        "PayloadFormatVersion": "2.0",
    }


def test_only_this_route_may_invoke_the_function(deployed: Deployed, owner: str, name: str) -> None:
    account = "<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>"
    assert deployed.of(owner, "Lambda::Permission").properties == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": f"<{owner}Function.Arn>",
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": f"arn:{account}:<{owner}Api>/*/POST/{name}",
    }


def test_stage_throttles_and_deploys_by_itself(deployed: Deployed, owner: str) -> None:
    stage = deployed.of(owner, "ApiGatewayV2::Stage").properties
    assert (stage["ApiId"], stage["StageName"], stage["AutoDeploy"]) == (f"<{owner}Api>", "$default", True)
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": 50, "ThrottlingBurstLimit": 100}


def test_access_log_is_json_without_what_was_said(deployed: Deployed, owner: str) -> None:
    settings = deployed.of(owner, "ApiGatewayV2::Stage").properties["AccessLogSettings"]
    assert settings["DestinationArn"] == f"<{owner}AccessLog.Arn>"
    line = json.loads(settings["Format"])
    fields = {
        "requestId",
        "requestTime",
        "apiId",
        "routeKey",
        "status",
        "responseLatency",
        "integrationError",
    }
    assert fields <= set(line)
    assert all(value.startswith("$context.") for value in line.values())
    assert "\n" not in settings["Format"]


@pytest.mark.parametrize("owner", ["ClientData", "Retrieve"])
def test_snapstart_sends_requests_to_the_published_version(everything: Deployed, owner: str) -> None:
    function = everything.of(owner, "Lambda::Function").properties
    assert function["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    alias = everything.of(owner, "Lambda::Alias")
    version = everything.of(owner, "Lambda::Version")
    assert alias.properties == {
        "FunctionName": f"<{owner}Function>",
        "FunctionVersion": f"<{version.id}.Version>",
        "Name": "live",
    }
    assert version.properties["FunctionName"] == f"<{owner}Function>"
    assert everything.of(owner, "ApiGatewayV2::Integration").properties["IntegrationUri"] == f"<{alias.id}>"
    assert everything.of(owner, "Lambda::Permission").properties["FunctionName"] == f"<{alias.id}>"


@pytest.mark.parametrize("owner", ["ClientData", "Retrieve"])
def test_version_that_is_replaced_is_deleted_with_its_snapshot(everything: Deployed, owner: str) -> None:
    assert everything.of(owner, "Lambda::Version").deletion == "Delete"


def test_post_call_has_no_snapshot_since_no_caller_waits_for_its_start(everything: Deployed) -> None:
    assert "SnapStart" not in everything.of("PostCall", "Lambda::Function").properties
    assert len(everything.all("Lambda::Version")) == len(everything.all("Lambda::Alias")) == 2
    route = everything.of("PostCall", "ApiGatewayV2::Integration").properties
    assert route["IntegrationUri"] == "<PostCallFunction.Arn>"


def test_snapstart_is_off_by_default(deployed: Deployed, owner: str) -> None:
    assert "SnapStart" not in deployed.of(owner, "Lambda::Function").properties
    assert "AWS::Lambda::Version" not in deployed.types


def test_changed_setting_publishes_a_new_version(everything: Deployed, synthesise: Synthesise) -> None:
    """Else the alias would keep the old snapshot."""
    other = synthesise(**EVERYTHING, search_limit=5)

    def versions(of: Deployed) -> set[str]:
        return {
            logical_id
            for logical_id, resource in of.raw["Resources"].items()
            if resource["Type"] == "AWS::Lambda::Version"
        }

    assert not versions(everything) & versions(other)
