"""The encrypted SNS topic that alarms are sent to."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct


def add_alarm_topic(scope: Construct, *, prefix: str) -> sns.Topic:
    """Make a topic to which only alarms whose name begins with `prefix` may publish, over TLS.

    It has a key of its own, because AWS's key for SNS does not let CloudWatch publish.
    https://repost.aws/knowledge-center/cloudwatch-configure-alarm-sns
    """
    cloudwatch = iam.ServicePrincipal("cloudwatch.amazonaws.com")
    key = kms.Key(
        scope,
        "Key",
        description=f"Encrypts the alarms of {prefix}",
        enable_key_rotation=True,
        # Nothing that it encrypted outlives a delivery.
        removal_policy=cdk.RemovalPolicy.DESTROY,
        pending_window=cdk.Duration.days(7),
    )
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="EncryptAlarms",
            principals=[cloudwatch],
            actions=["kms:Decrypt", "kms:GenerateDataKey*"],
            resources=["*"],  # in a key's policy: this key
        )
    )
    topic = sns.Topic(scope, "Topic", topic_name=f"{prefix}-alarms", master_key=key, enforce_ssl=True)
    stack = cdk.Stack.of(scope)
    alarms = stack.format_arn(
        service="cloudwatch",
        resource="alarm",
        resource_name=f"{prefix}-*",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            sid="PublishAlarms",
            principals=[cloudwatch],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
            conditions={
                "StringEquals": {"aws:SourceAccount": stack.account},
                "ArnLike": {"aws:SourceArn": alarms},
            },
        )
    )
    return topic
