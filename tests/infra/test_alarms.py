"""Alarms: what raises one, what does not, and who is notified."""

from typing import Any

import pytest

from tests.infra.conftest import Synthesise
from tests.infra.deployed import Deployed

EVERY_ENDPOINT = {
    "5xx": ("AWS/ApiGateway", "5xx", "ApiId", "Api"),
    "429": ("AgenticMemory", "ThrottledRequests", "ApiId", "Api"),
    "errors": ("AWS/Lambda", "Errors", "FunctionName", "Function"),
    "throttles": ("AWS/Lambda", "Throttles", "FunctionName", "Function"),
    "foreign-rows": ("AgenticMemory", "ForeignRows", "FunctionName", "Function"),
}
ENDPOINTS = {"client-data": "ClientData", "retrieve": "Retrieve", "post-call": "PostCall"}
# Alarms that one event within five minutes raises: what they watch.
ONE_EVENT = {
    f"{name}-{kind}": (namespace, metric, dimension, owner + suffix)
    for name, owner in ENDPOINTS.items()
    for kind, (namespace, metric, dimension, suffix) in EVERY_ENDPOINT.items()
} | {
    f"{name}-{kind}": ("AgenticMemory", metric, "FunctionName", f"{ENDPOINTS[name]}Function")
    for name, kind, metric in (
        ("client-data", "key-failures", "WorkspaceKeyFailures"),
        ("retrieve", "token-failures", "CallTokenFailures"),
        ("post-call", "signature-failures", "SignatureFailures"),
        ("post-call", "not-understood", "CallsNotUnderstood"),
        ("post-call", "extractions-pending", "ExtractionsPending"),
        ("post-call", "conversation-conflicts", "ConversationConflicts"),
    )
}
OTHERS = {"dead-letters", "oldest-call", "retrieve-unverified-callers", "post-call-nothing-remembered"}


def alarms(of: Deployed) -> dict[str, dict[str, Any]]:
    """The properties of each alarm by its name without the stage."""
    found = [alarm.properties for alarm in of.all("CloudWatch::Alarm")]
    return {alarm["AlarmName"].removeprefix("agentic-memory-prod-"): alarm for alarm in found}


def watched(alarm: dict[str, Any]) -> tuple[str, str, str, str]:
    """The namespace, name, dimension and dimension's value of an alarm's metric."""
    (dimension,) = alarm["Dimensions"]
    return alarm["Namespace"], alarm["MetricName"], dimension["Name"], dimension["Value"].strip("<>")


def test_there_are_these_alarms_and_no_others(deployed: Deployed) -> None:
    assert alarms(deployed).keys() == ONE_EVENT.keys() | OTHERS
    assert len(deployed.all("CloudWatch::Alarm")) == len(alarms(deployed))


@pytest.mark.parametrize("name", ONE_EVENT)
def test_one_event_in_five_minutes_raises_an_alarm_and_no_data_does_not(
    deployed: Deployed, name: str
) -> None:
    alarm = alarms(deployed)[name]
    assert watched(alarm) == ONE_EVENT[name]
    assert (alarm["Statistic"], alarm["Period"], alarm["TreatMissingData"]) == ("Sum", 300, "notBreaching")
    assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (1, 1)


def test_one_dead_letter_raises_an_alarm_that_stays_while_an_idle_queue_reports_nothing(
    deployed: Deployed,
) -> None:
    alarm = alarms(deployed)["dead-letters"]
    assert watched(alarm) == (
        *("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        *("QueueName", "CallQueueDeadLetters.QueueName"),
    )
    assert (alarm["Statistic"], alarm["Period"], alarm["Threshold"]) == ("Maximum", 60, 1)
    assert alarm["TreatMissingData"] == "ignore"


def test_call_that_waits_for_fifteen_minutes_raises_an_alarm(deployed: Deployed) -> None:
    alarm = alarms(deployed)["oldest-call"]
    assert watched(alarm) == (
        *("AWS/SQS", "ApproximateAgeOfOldestMessage"),
        *("QueueName", "CallQueueCalls.QueueName"),
    )
    assert (alarm["Statistic"], alarm["Period"], alarm["Threshold"]) == ("Maximum", 60, 15 * 60)
    assert alarm["TreatMissingData"] == "notBreaching"


def test_webhooks_for_six_hours_without_a_remembered_call_raise_an_alarm(deployed: Deployed) -> None:
    alarm = alarms(deployed)["post-call-nothing-remembered"]
    queries = {query["Id"]: query for query in alarm["Metrics"]}
    (result,) = (query for query in queries.values() if query.get("ReturnData", True))
    assert result["Expression"] == "IF(FILL(remembered, 0) > 0, 0, FILL(accepted, 0))"
    for name, metric in (("accepted", "WebhooksAccepted"), ("remembered", "CallsRemembered")):
        stat = queries[name]["MetricStat"]
        assert watched(stat["Metric"]) == ("AgenticMemory", metric, "FunctionName", "PostCallFunction")
        assert (stat["Stat"], stat["Period"]) == ("Sum", 3 * 3600)
    assert (alarm["Threshold"], alarm["EvaluationPeriods"], alarm["TreatMissingData"]) == (
        *(3, 2),
        "notBreaching",
    )


def test_many_unverified_callers_raise_an_alarm(deployed: Deployed, synthesise: Synthesise) -> None:
    name = "retrieve-unverified-callers"
    alarm = alarms(deployed)[name]
    assert watched(alarm) == ("AgenticMemory", "UnverifiedCallers", "FunctionName", "RetrieveFunction")
    assert (alarm["Statistic"], alarm["Period"], alarm["Threshold"]) == ("Sum", 300, 100)
    assert alarms(synthesise(unverified_callers_threshold=7))[name]["Threshold"] == 7


def test_no_caller_is_unverified_where_a_call_token_is_required(synthesise: Synthesise) -> None:
    given = alarms(synthesise(retrieve_auth="call_token"))
    assert given.keys() == ONE_EVENT.keys() | OTHERS - {"retrieve-unverified-callers"}


@pytest.mark.parametrize("owner", ENDPOINTS.values())
def test_throttled_requests_are_counted_in_the_access_log(deployed: Deployed, owner: str) -> None:
    assert deployed.of(owner, "Logs::MetricFilter").properties == {
        "LogGroupName": f"<{owner}AccessLog>",
        "FilterPattern": '{ $.status = "429" }',
        "MetricTransformations": [
            {
                "MetricNamespace": "AgenticMemory",
                "MetricName": "ThrottledRequests",
                "MetricValue": "1",
                "Dimensions": [{"Key": "ApiId", "Value": "$.apiId"}],
            }
        ],
    }


def test_every_alarm_goes_to_the_topic(deployed: Deployed) -> None:
    for alarm in alarms(deployed).values():
        assert alarm["AlarmActions"] == ["<AlarmsTopic>"]
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
        assert alarm.get("ActionsEnabled", True)


def test_only_these_alarms_may_publish_and_only_over_tls(deployed: Deployed) -> None:
    policy = deployed.all("SNS::TopicPolicy")[0].properties
    assert policy["Topics"] == ["<AlarmsTopic>"]
    account = "<AWS::Region>:<AWS::AccountId>"
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Sid": "AllowPublishThroughSSLOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sns:Publish",
            "Resource": "<AlarmsTopic>",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        {
            "Sid": "PublishAlarms",
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": "<AlarmsTopic>",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": "<AWS::AccountId>"},
                "ArnLike": {
                    "aws:SourceArn": f"arn:<AWS::Partition>:cloudwatch:{account}:alarm:agentic-memory-prod-*"
                },
            },
        },
    ]


def test_topic_is_encrypted_with_a_key_that_cloudwatch_may_use(deployed: Deployed) -> None:
    topic = deployed.all("SNS::Topic")[0].properties
    assert topic == {"TopicName": "agentic-memory-prod-alarms", "KmsMasterKeyId": "<AlarmsKey.Arn>"}
    key = deployed.all("KMS::Key")[0]
    assert key.deletion == "Delete"
    assert key.properties["EnableKeyRotation"] is True
    assert key.properties["KeyPolicy"]["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:<AWS::Partition>:iam::<AWS::AccountId>:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
        {
            "Sid": "EncryptAlarms",
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
            "Resource": "*",
        },
    ]


def test_alarm_email_subscribes(deployed: Deployed, everything: Deployed) -> None:
    assert deployed.all("SNS::Subscription") == []
    assert [subscription.properties for subscription in everything.all("SNS::Subscription")] == [
        {"TopicArn": "<AlarmsTopic>", "Protocol": "email", "Endpoint": "voice-team@example.com"}
    ]
