"""The metrics that CDK has no method for: the functions' own, and those of an HTTP API.

CloudWatch accepts misspelled names, so each is written once, here, and tested against a list.
"""

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

NAMESPACE = "AgenticMemory"
_THROTTLED = "ThrottledRequests"
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
    namespace: str = "AWS/ApiGateway",
    statistic: str = "Sum",
    label: str | None = None,
) -> cloudwatch.Metric:
    """A metric of API Gateway about one HTTP API: `Count`, `4xx`, `5xx`, `Latency` (milliseconds).

    Source: API Gateway Developer Guide, "Monitor HTTP APIs with CloudWatch metrics"; REST APIs use other
    names.
    """
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map={"ApiId": api.ref},
        statistic=statistic,
        period=_PERIOD,
        label=label,
    )


def throttled_metric(api: apigateway.CfnApi, *, label: str | None = None) -> cloudwatch.Metric:
    """The requests that the API answered with 429, as `count_throttled` counts them."""
    return api_metric(api, _THROTTLED, namespace=NAMESPACE, label=label)


def count_throttled(access_log: logs.LogGroup) -> None:
    """Count the 429s in an access log that has the fields `status` and `apiId`.

    API Gateway's own metric of an HTTP API is 4xx, in which a refused key looks the same. There is no default
    value, so the metric costs nothing in a month without a 429.
    """
    access_log.add_metric_filter(
        "Throttled",
        filter_pattern=logs.FilterPattern.string_value("$.status", "=", "429"),
        metric_namespace=NAMESPACE,
        metric_name=_THROTTLED,
        metric_value="1",
        dimensions={"ApiId": "$.apiId"},
    )
