"""Checks of what is in AWS, and of Mem0."""

import time
from collections.abc import Iterator

import httpx

from ops import dead_letters
from ops.deployment import Deployment
from ops.doctor.findings import Finding
from ops.errors import OperatorError
from ops.secret import Secret, check_mem0_key

_STUCK_SECONDS = 15 * 60
_METRIC_SECONDS = 600
_NEEDED = ("MEM0_API_KEY", "ELEVENLABS_WORKSPACE_KEY", "ELEVENLABS_HMAC_KEY")


def check_stack(deployment: Deployment) -> Iterator[Finding]:
    """Check the secret, Mem0's key, the queues and the alarms."""
    yield from _secret(deployment)
    yield _dead_letters(deployment)
    yield _queue(deployment)
    yield _extractions(deployment)
    yield _alarms(deployment)


def _secret(deployment: Deployment) -> Iterator[Finding]:
    secret = Secret(deployment, deployment.environment.credentials_secret)
    values = secret.read()
    if values is None:
        yield Finding("secret", f"there is no secret {secret.name}")
        return
    if missing := [name for name in _NEEDED if not values.get(name)]:
        yield Finding("secret", f"{secret.name} has no {', '.join(missing)}")
    else:
        yield Finding("secret", f"{secret.name} is complete", ok=True)
    if not values.get("MEM0_API_KEY"):
        return
    try:
        owner = check_mem0_key(str(values["MEM0_API_KEY"]), deployment.environment.mem0_host)
    except OperatorError as error:
        yield Finding("mem0-key", str(error))
        return
    yield Finding("mem0-key", f"Mem0 accepts it at {deployment.environment.mem0_host}", ok=True)
    known = {"MEM0_ORG_ID": owner.get("org_id"), "MEM0_PROJECT_ID": owner.get("project_id")}
    wrong = [
        f"{name} is {values[name]}, but the key belongs to {actual}"
        for name, actual in known.items()
        if values.get(name) and values[name] != actual
    ]
    yield Finding("mem0-project", "; ".join(wrong) or str(known["MEM0_PROJECT_ID"]), ok=not wrong)


def _dead_letters(deployment: Deployment) -> Finding:
    waiting, hidden = dead_letters.count(deployment.client("sqs"), deployment.output("DeadLetterQueueUrl"))
    count = waiting + hidden
    return Finding("dead-letters", f"{count or 'no'} dead letter{'' if count == 1 else 's'}", ok=not count)


def _queue(deployment: Deployment) -> Finding:
    age = oldest_message_seconds(deployment, deployment.output("CallQueueUrl"))
    waiting, hidden = dead_letters.count(deployment.client("sqs"), deployment.output("CallQueueUrl"))
    seen = f"{waiting + hidden or 'no'} calls wait" + (
        f", the oldest for {age / 60:.0f} minutes" if age else ""
    )
    return Finding("queue", seen, ok=age < _STUCK_SECONDS)


def oldest_message_seconds(deployment: Deployment, queue_url: str) -> float:
    """How long the oldest message of a queue has waited, as CloudWatch saw it lately; 0 if there is none."""
    now = time.time()
    answer = deployment.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SQS",
        MetricName="ApproximateAgeOfOldestMessage",
        Dimensions=[{"Name": "QueueName", "Value": queue_url.rsplit("/", 1)[-1]}],
        StartTime=now - _METRIC_SECONDS,
        EndTime=now + 60,
        Period=60,
        Statistics=["Maximum"],
    )
    newest = max(answer["Datapoints"], key=lambda point: point["Timestamp"], default=None)
    return float(newest["Maximum"]) if newest else 0.0


def _extractions(deployment: Deployment) -> Finding:
    key = (Secret(deployment, deployment.environment.credentials_secret).read() or {}).get("MEM0_API_KEY")
    try:
        answer = httpx.get(
            f"{deployment.environment.mem0_host}/v1/events/",
            headers={"Authorization": f"Token {key}"},
            timeout=15,
            trust_env=False,
        )
        events = answer.raise_for_status().json().get("results", [])
    except (httpx.HTTPError, ValueError, AttributeError) as error:
        return Finding("mem0-events", f"not checked: {type(error).__name__}", ok=True)
    failed = [event for event in events if event.get("status") == "FAILED"]
    seen = f"{len(failed)} of the newest {len(events)} failed" if events else "none yet"
    return Finding("mem0-events", seen, ok=not failed)


def _alarms(deployment: Deployment) -> Finding:
    arn = deployment.outputs.get("AlarmTopicArn")
    if not arn:
        return Finding("alarms", "not checked: the stack has no topic", ok=True)
    found = deployment.client("sns").list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    confirmed = [entry for entry in found if entry["SubscriptionArn"].startswith("arn:")]
    return Finding("alarms", f"{len(confirmed) or 'nobody'} subscribed", ok=bool(confirmed))
