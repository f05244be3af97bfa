"""One public endpoint: a function, its role and logs, and an HTTP API with a single route in front of it."""

from dataclasses import dataclass
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct, IConstruct

from stacks.http_api import add_http_api
from stacks.settings import Settings


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
        role: what the function may do; at first, write its log and its traces.
        api: its HTTP API.
        url: where to send requests, path included.
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
        throttle: apigateway.ThrottleSettings,
        environment: dict[str, str],
        snap_start: bool = False,
    ) -> None:
        """Make the endpoint `name` ("client-data"); its handler is in the package "client_data".

        With `snap_start`, requests go to the alias "live" of a published version, which starts from a
        snapshot; an unpublished function has none.
        """
        super().__init__(scope, construct_id)
        self.name = name
        full_name = f"agentic-memory-{settings.stage}-{name}"
        log_group = self._log_group("Log", f"/aws/lambda/{full_name}", settings)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"What {full_name} may do",
        )
        log_group.grant_write(self.role)
        _acknowledge(
            self.role,
            "AwsSolutions-IAM5[Resource::*]",
            "Only xray:PutTraceSegments and xray:PutTelemetryRecords are granted on *: X-Ray has no "
            "resources to name for them, and they can write traces but read nothing.",
        )
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=full_name,
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
            # A snapshot is charged for as long as its version exists.
            current_version_options=lambda_.VersionOptions(removal_policy=cdk.RemovalPolicy.DESTROY),
        )
        _acknowledge(
            self.function,
            "AwsSolutions-L1",
            "python3.13 is chosen, and AWS supports it until 2029. The layer's compiled wheels and bytecode "
            "are of that version, so the runtime changes only together with them.",
        )
        self.api = add_http_api(
            self,
            self._alias() if snap_start else self.function,
            name=full_name,
            path=f"/{name}",
            description=description,
            throttle=throttle,
            # API Gateway adds each log group to one resource policy of the account, which has room for about
            # ten, unless the name starts with /aws/vendedlogs/.
            # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
            access_log=self._log_group("AccessLog", f"/aws/vendedlogs/{full_name}/access", settings),
        )
        _acknowledge(
            self.node.find_child("Route"),
            "AwsSolutions-APIG4",
            "ElevenLabs cannot sign with IAM or fetch a JWT. ClientData checks a workspace key and PostCall "
            "an HMAC signature in the function, in constant time, before anything else. Retrieve trusts the "
            "agent's connection by design: it reads the one caller asked about.",
        )
        self.url = f"https://{self.api.ref}.execute-api.{cdk.Aws.REGION}.{cdk.Aws.URL_SUFFIX}/{name}"

    def _alias(self) -> lambda_.Alias:
        """The alias of the version that this deployment publishes; any change makes a new version."""
        _acknowledge(
            self.function,
            "Annotation::@aws-cdk/aws-lambda:snapStartRequirePublish",
            "The alias publishes a version, and requests go to nothing else.",
        )
        return lambda_.Alias(self, "Live", alias_name="live", version=self.function.current_version)

    def _log_group(self, construct_id: str, name: str, settings: Settings) -> logs.LogGroup:
        # Destroyed with the stack: a log group that is left over would be in the way of the next deployment.
        group = logs.LogGroup(
            self, construct_id, log_group_name=name, removal_policy=cdk.RemovalPolicy.DESTROY
        )
        # logs.RetentionDays has a name for each period (ONE_WEEK); CloudFormation and the settings have days.
        cast("logs.CfnLogGroup", group.node.default_child).retention_in_days = settings.log_retention_days
        return group


def _acknowledge(construct: IConstruct, finding: str, reason: str) -> None:
    """Accept a finding of cdk-nag or of CDK itself about `construct`."""
    cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=finding, reason=reason))
