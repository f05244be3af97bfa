"""An HTTP API with a single route to a function, throttled and with an access log."""

import json

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.metrics import count_throttled

# What is logged of each request: enough to find it in the function's log and to tell whose delay it was. API
# Gateway cannot log bodies, which hold the callers' words and numbers.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
ACCESS_LOG = {
    "requestId": "$context.requestId",
    "requestTime": "$context.requestTime",
    "apiId": "$context.apiId",
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


def add_http_api(  # noqa: PLR0913 -- most are given by name
    scope: Construct,
    function: lambda_.IFunction,
    *,
    name: str,
    path: str,
    description: str,
    throttle: apigateway.ThrottleSettings,
    access_log: logs.LogGroup,
) -> apigateway.CfnApi:
    """Make an API whose only route is `POST {path}`, and let that route alone invoke `function`.

    L1 constructs: HttpLambdaIntegration would let every method of the path invoke the function, and with the
    logical ids of the L2 constructs an update of a deployed stack would replace the APIs and their URLs.
    """
    api = apigateway.CfnApi(scope, "Api", name=name, description=description, protocol_type="HTTP")
    integration = apigateway.CfnIntegration(
        scope,
        "Integration",
        api_id=api.ref,
        integration_type="AWS_PROXY",
        integration_uri=function.function_arn,
        payload_format_version="2.0",
    )
    apigateway.CfnRoute(
        scope,
        "Route",
        api_id=api.ref,
        route_key=f"POST {path}",
        authorization_type="NONE",
        target=f"integrations/{integration.ref}",
    )
    lambda_.CfnPermission(
        scope,
        "Invoke",
        action="lambda:InvokeFunction",
        function_name=function.function_arn,
        principal="apigateway.amazonaws.com",
        # The * stands for the stage, of which there is one; AWS's own tools write it so for "$default".
        source_arn=cdk.Stack.of(scope).format_arn(
            service="execute-api", resource=api.ref, resource_name=f"*/POST{path}"
        ),
    )
    apigateway.CfnStage(
        scope,
        "Stage",
        api_id=api.ref,
        stage_name="$default",
        auto_deploy=True,
        default_route_settings=apigateway.CfnStage.RouteSettingsProperty(
            throttling_rate_limit=throttle.rate_limit, throttling_burst_limit=throttle.burst_limit
        ),
        access_log_settings=apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=access_log.log_group_arn, format=json.dumps(ACCESS_LOG)
        ),
    )
    count_throttled(access_log)
    return api
