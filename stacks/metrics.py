"""The metrics that alarms and the dashboard look at: their namespaces, dimensions and periods.

A namespace or a dimension that is misspelt is no error in CloudWatch: the alarm is silent for ever. So it is
written once, here. The namespace and the names of our own metrics are those of lambdas/shared/logs.py and of
whoever calls it; a test compares them.
"""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs

from stacks.endpoint import Endpoint

NAMESPACE = "AgenticMemory"
_MINUTE = cdk.Duration.minutes(1)
_FIVE_MINUTES = cdk.Duration.minutes(5)


def of_function(
    endpoint: Endpoint, name: str, *, statistic: str = "Sum", label: str | None = None
) -> cloudwatch.Metric:
    """A metric of Lambda about one function: `Errors`, `Throttles`, `ConcurrentExecutions`, `Duration`."""
    return cloudwatch.Metric(
        namespace="AWS/Lambda",
        metric_name=name,
        dimensions_map={"FunctionName": endpoint.function.function_name},
        statistic=statistic,
        period=_FIVE_MINUTES,
        label=label,
    )


def of_api(
    endpoint: Endpoint, name: str, *, statistic: str = "Sum", label: str | None = None
) -> cloudwatch.Metric:
    """A metric of API Gateway about one HTTP API: `Count`, `4xx`, `5xx`, `Latency` (milliseconds).

    Source: API Gateway Developer Guide, "Monitor HTTP APIs with CloudWatch metrics"; REST APIs spell them
    otherwise.
    """
    return cloudwatch.Metric(
        namespace="AWS/ApiGateway",
        metric_name=name,
        dimensions_map={"ApiId": endpoint.api.ref},
        statistic=statistic,
        period=_FIVE_MINUTES,
        label=label,
    )


def of_queue(queue: sqs.Queue, name: str, *, label: str | None = None) -> cloudwatch.Metric:
    """A metric of SQS about one queue, at its highest in each minute."""
    return cloudwatch.Metric(
        namespace="AWS/SQS",
        metric_name=name,
        dimensions_map={"QueueName": queue.queue_name},
        statistic="Maximum",
        period=_MINUTE,
        label=label,
    )


def of_ours(
    endpoint: Endpoint, name: str, *, statistic: str = "Sum", label: str | None = None
) -> cloudwatch.Metric:
    """A metric that the function writes into its own log, such as `ForeignRows` or `Mem0Latency`."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"FunctionName": endpoint.function.function_name},
        statistic=statistic,
        period=_FIVE_MINUTES,
        label=label,
    )
