"""The metrics of alarms and dashboard that CDK has no method for: our own, and those of an HTTP API.

A misspelled namespace, name or dimension is no error in CloudWatch: the alarm never rings. So each is written
once, here; the names of the functions' own metrics are compared with a list in tests/infra/test_metrics.py.
"""

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_

NAMESPACE = "AgenticMemory"
_PERIOD = cdk.Duration.minutes(5)


def custom_metric(
    function: lambda_.Function,
    name: str,
    *,
    statistic: str = "Sum",
    label: str | None = None,
    period: cdk.Duration = _PERIOD,
) -> cloudwatch.Metric:
    """A metric that the function writes into its own log, such as `ForeignRows` or `Mem0Latency`."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"FunctionName": function.function_name},
        statistic=statistic,
        period=period,
        label=label,
    )


def api_metric(
    api: apigateway.CfnApi,
    name: str,
    *,
    statistic: str = "Sum",
    label: str | None = None,
) -> cloudwatch.Metric:
    """A metric of API Gateway about one HTTP API: `Count`, `4xx`, `5xx`, `Latency` (milliseconds).

    Source: API Gateway Developer Guide, "Monitor HTTP APIs with CloudWatch metrics"; REST APIs use other
    names.
    """
    return cloudwatch.Metric(
        namespace="AWS/ApiGateway",
        metric_name=name,
        dimensions_map={"ApiId": api.ref},
        statistic=statistic,
        period=_PERIOD,
        label=label,
    )
