"""Alarms: what raises one, what does not, who is told, and that the document has a word on each."""

from typing import Any

import pytest

from tests.infra.conftest import ROOT
from tests.infra.deployed import Deployed

EVENTS = {"Statistic": "Sum", "Period": 300, "TreatMissingData": "notBreaching"}
EACH = {
    "5xx": ("AWS/ApiGateway", "5xx", "ApiId", "Api"),
    "errors": ("AWS/Lambda", "Errors", "FunctionName", "Function"),
    "throttles": ("AWS/Lambda", "Throttles", "FunctionName", "Function"),
    "foreign-rows": ("AgenticMemory", "ForeignRows", "FunctionName", "Function"),
}
OWNERS = {"client-data": "ClientData", "retrieve": "Retrieve", "post-call": "PostCall"}
KEYS = {
    f"{name}-{kind}": ("AgenticMemory", metric, "FunctionName", f"{OWNERS[name]}Function")
    for name, kind, metric in (
        ("client-data", "key-failures", "WorkspaceKeyFailures"),
        ("post-call", "signature-failures", "SignatureFailures"),
    )
}
COUNTED = {
    f"{name}-{kind}": (namespace, metric, dimension, owner + suffix)
    for name, owner in OWNERS.items()
    for kind, (namespace, metric, dimension, suffix) in EACH.items()
} | KEYS


def alarms(of: Deployed) -> dict[str, dict[str, Any]]:
    """Each alarm's properties by its name without the stage."""
    found = [each.properties for each in of.all("CloudWatch::Alarm")]
    return {each["AlarmName"].removeprefix("agentic-memory-prod-"): each for each in found}


def test_there_are_these_alarms_and_no_others(deployed: Deployed) -> None:
    assert alarms(deployed).keys() == {"dead-letters", "oldest-call", *COUNTED}
    assert len(deployed.all("CloudWatch::Alarm")) == len(alarms(deployed))


@pytest.mark.parametrize("name", COUNTED)
def test_one_in_five_minutes_raises_it_and_silence_does_not(deployed: Deployed, name: str) -> None:
    namespace, metric, dimension, value = COUNTED[name]
    alarm = alarms(deployed)[name]
    assert (alarm["Namespace"], alarm["MetricName"]) == (namespace, metric)
    assert alarm["Dimensions"] == [{"Name": dimension, "Value": f"<{value}>"}]
    assert EVENTS.items() <= alarm.items()
    assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (1, 1)


def test_one_dead_letter_raises_an_alarm_that_outlasts_the_silence_of_an_idle_queue(
    deployed: Deployed,
) -> None:
    alarm = alarms(deployed)["dead-letters"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": "<CallQueueDeadLetters.QueueName>"}]
    assert (alarm["Statistic"], alarm["Period"], alarm["Threshold"]) == ("Maximum", 60, 1)
    assert alarm["TreatMissingData"] == "ignore"


def test_a_call_that_waits_for_fifteen_minutes_raises_an_alarm(deployed: Deployed) -> None:
    alarm = alarms(deployed)["oldest-call"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SQS", "ApproximateAgeOfOldestMessage")
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": "<CallQueueCalls.QueueName>"}]
    assert (alarm["Statistic"], alarm["Period"], alarm["Threshold"]) == ("Maximum", 60, 15 * 60)
    assert alarm["TreatMissingData"] == "notBreaching"


def test_every_alarm_goes_to_the_topic(deployed: Deployed) -> None:
    for alarm in alarms(deployed).values():
        assert alarm["AlarmActions"] == ["<AlarmsTopic>"]
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
        assert alarm.get("ActionsEnabled", True)


def test_every_alarm_has_its_section_in_the_document(deployed: Deployed) -> None:
    headings = [
        line.removeprefix("### ").strip()
        for line in (ROOT / "docs" / "operations.md").read_text().splitlines()
        if line.startswith("### ")
    ]
    for name, alarm in alarms(deployed).items():
        section = alarm["AlarmDescription"].partition("docs/operations.md, section ")[2].removesuffix(".")
        assert section in headings
        assert name.endswith(section)


def test_nobody_but_these_alarms_may_publish_and_only_over_tls(deployed: Deployed) -> None:
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


def test_alarm_email_subscribes_and_nobody_does_without_it(deployed: Deployed, everything: Deployed) -> None:
    assert deployed.all("SNS::Subscription") == []
    assert [each.properties for each in everything.all("SNS::Subscription")] == [
        {"TopicArn": "<AlarmsTopic>", "Protocol": "email", "Endpoint": "voice-team@example.com"}
    ]
