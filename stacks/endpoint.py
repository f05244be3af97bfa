"""One public endpoint: a function, its log, its role, and an HTTP API with a single route in front of it.

ClientData, Retrieve and PostCall are three instances of it. It refuses to be generous: the role may do what
was allowed by name, and only this API's one route may invoke the function.
"""

import json
from dataclasses import dataclass
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.settings import Settings

# What API Gateway notes about each request: enough to find it in the function's log and to tell whose delay
# it was. Bodies, where the callers' words and numbers are, cannot be logged here.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
ACCESS_LOG = {
    "requestId": "$context.requestId",
    "requestTime": "$context.requestTime",
    "routeKey": "$context.routeKey",
    "status": "$context.status",
    "ip": "$context.identity.sourceIp",
    "userAgent": "$context.identity.userAgent",
    "responseLatency": "$context.responseLatency",
    "responseLength": "$context.responseLength",
    "integrationLatency": "$context.integrationLatency",
    "integrationStatus": "$context.integrationStatus",
    "integrationError": "$context.integrationErrorMessage",
    "error": "$context.error.message",
}


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """What the three functions have in common."""

    python: lambda_.Runtime
    architecture: lambda_.Architecture
    code: lambda_.Code
    layer: lambda_.ILayerVersion


class Endpoint(Construct):
    """A function behind `POST /{name}`.

    Attributes:
        name: "client-data", "retrieve" or "post-call".
        function: the function.
        role: what it may do; extend it with `allow`.
        url: where to send requests, path included.
        api: its HTTP API.
        stage: the API's only stage.
    """

    def __init__(  # noqa: PLR0913 -- the properties of a construct, each given by name
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        description: str,
        settings: Settings,
        runtime: Runtime,
        timeout: cdk.Duration,
        environment: dict[str, str],
        snap_start: bool = False,
    ) -> None:
        """Make the endpoint `name` ("client-data"); its handler is in the package "client_data".

        With `snap_start`, requests go to the alias "live" of a published version, which starts from a
        snapshot; there is none of the unpublished function.
        """
        super().__init__(scope, construct_id)
        self.name = name
        self._name = f"agentic-memory-{settings.stage}-{name}"
        self._route = f"POST /{name}"
        log_group = self._log_group("Log", f"/aws/lambda/{self._name}", settings)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"What {self._name} may do",
        )
        self.allow("WriteLog", ["logs:CreateLogStream", "logs:PutLogEvents"], log_group.log_group_arn)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=self._name,
            description=description,
            handler=f"{name.replace('-', '_')}.handler.lambda_handler",
            runtime=runtime.python,
            architecture=runtime.architecture,
            code=runtime.code,
            layers=[runtime.layer],
            environment=environment,
            timeout=timeout,
            memory_size=settings.memory_mb,
            reserved_concurrent_executions=settings.reserved_concurrency,
            role=self.role,
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            application_log_level_v2=lambda_.ApplicationLogLevel.INFO,
            system_log_level_v2=lambda_.SystemLogLevel.WARN,
            tracing=lambda_.Tracing.ACTIVE,
            recursive_loop=lambda_.RecursiveLoop.TERMINATE,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if snap_start else None,
            # A snapshot is charged for as long as its version is there.
            current_version_options=lambda_.VersionOptions(removal_policy=cdk.RemovalPolicy.DESTROY),
        )
        self._invoked = self._live() if snap_start else self.function
        self.api = apigateway.CfnApi(
            self, "Api", name=self._name, description=description, protocol_type="HTTP"
        )
        route = self._route_to_function()
        self.stage = self._stage(settings)
        self._acknowledge_findings(route)
        self.url = f"https://{self.api.ref}.execute-api.{cdk.Aws.REGION}.{cdk.Aws.URL_SUFFIX}/{name}"

    def allow(self, sid: str, actions: list[str], resource: str) -> None:
        """Let the function do `actions` on the one `resource` (an ARN)."""
        self.role.add_to_policy(iam.PolicyStatement(sid=sid, actions=actions, resources=[resource]))

    def set_environment(self, **variables: str) -> None:
        """Add environment variables to the function."""
        for name, value in variables.items():
            self.function.add_environment(name, value)

    def _live(self) -> lambda_.Alias:
        """The alias of the version that this deployment publishes; a change of anything makes a new one."""
        cdk.Validations.of(self.function).acknowledge(
            cdk.Acknowledgment(
                id="Annotation::@aws-cdk/aws-lambda:snapStartRequirePublish",
                reason="The alias below publishes a version, and requests go to nothing else.",
            )
        )
        return lambda_.Alias(self, "Live", alias_name="live", version=self.function.current_version)

    def _log_group(self, construct_id: str, name: str, settings: Settings) -> logs.LogGroup:
        group = logs.LogGroup(
            self,
            construct_id,
            log_group_name=name,
            # A log that outlives its stack is nobody's, and its name would stand in the way of the next
            # deployment.
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        # CDK has a word for each period (ONE_WEEK), CloudFormation and the settings count days.
        cast("logs.CfnLogGroup", group.node.default_child).retention_in_days = settings.log_retention_days
        return group

    def _route_to_function(self) -> apigateway.CfnRoute:
        integration = apigateway.CfnIntegration(
            self,
            "Integration",
            api_id=self.api.ref,
            integration_type="AWS_PROXY",
            integration_uri=self._invoked.function_arn,
            payload_format_version="2.0",
        )
        route = apigateway.CfnRoute(
            self,
            "Route",
            api_id=self.api.ref,
            route_key=self._route,
            authorization_type="NONE",
            target=f"integrations/{integration.ref}",
        )
        lambda_.CfnPermission(
            self,
            "Invoke",
            action="lambda:InvokeFunction",
            function_name=self._invoked.function_arn,
            principal="apigateway.amazonaws.com",
            # The * stands for the stage, of which there is one; AWS's own tools write it so for "$default".
            source_arn=cdk.Stack.of(self).format_arn(
                service="execute-api",
                resource=self.api.ref,
                resource_name="*/" + self._route.replace(" ", ""),
            ),
        )
        return route

    def _stage(self, settings: Settings) -> apigateway.CfnStage:
        # API Gateway adds each log group to one resource policy of the account, which has room for about ten,
        # unless the name starts with /aws/vendedlogs/.
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
        access_log = self._log_group("AccessLog", f"/aws/vendedlogs/{self._name}/access", settings)
        return apigateway.CfnStage(
            self,
            "Stage",
            api_id=self.api.ref,
            stage_name="$default",
            auto_deploy=True,
            default_route_settings=apigateway.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=settings.throttle_rate,
                throttling_burst_limit=settings.throttle_burst,
            ),
            access_log_settings=apigateway.CfnStage.AccessLogSettingsProperty(
                destination_arn=access_log.log_group_arn,
                format=json.dumps(ACCESS_LOG),
            ),
        )

    def _acknowledge_findings(self, route: apigateway.CfnRoute) -> None:
        """Answer the findings of cdk-nag that are meant to be so."""
        cdk.Validations.of(self.function).acknowledge(
            cdk.Acknowledgment(
                id="AwsSolutions-L1",
                reason="python3.13 is chosen, and AWS supports it until 2029. The layer's compiled wheels "
                "and bytecode are of that version, so the runtime changes only together with them.",
            )
        )
        cdk.Validations.of(self.role).acknowledge(
            cdk.Acknowledgment(
                id="AwsSolutions-IAM5[Resource::*]",
                reason="Only xray:PutTraceSegments and xray:PutTelemetryRecords stand on *: X-Ray has no "
                "resources to name for them, and they can write traces but read nothing.",
            )
        )
        cdk.Validations.of(route).acknowledge(
            cdk.Acknowledgment(
                id="AwsSolutions-APIG4",
                reason="ElevenLabs cannot sign with IAM or fetch a JWT. ClientData checks a workspace key "
                "and PostCall an HMAC signature in the function, in constant time, before anything else. "
                "Retrieve trusts the agent's connection by design: it reads the one caller asked about.",
            )
        )
