"""Starts the process that stands for AWS, and creates in it what the template says."""

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx

from local.lambda_host.model import ACCOUNT, REGION
from local.lambda_host.toolchain import ROOT
from local.processes import Service
from local.template import Template


class AwsServices:
    """A running stand-in for AWS, on a fixed port or (0) any free one."""

    def __init__(self, port: int = 0) -> None:
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "local.aws.server", str(port)]
        self._service = Service("moto", command, r"^ready (\d+)$", environment)
        self.pid = self._service.pid

    @property
    def port(self) -> int:
        """The port it listens on; waits until it does.

        Raises:
            RuntimeError: it does not start; with what it printed.
        """
        return int(self._service.announced())

    @property
    def url(self) -> str:
        """The endpoint for AWS_ENDPOINT_URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What AWS's tools need in their environment to use it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "local-access-key",
            "AWS_SECRET_ACCESS_KEY": "local-secret-key",  # moto takes any
        }

    def client(self, service: str) -> Any:
        """Return a boto3 client for "sqs", "dynamodb" or "secretsmanager"."""
        # Imported here: boto3 takes as long to import as moto takes to start, and both can happen at once.
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        at = self.environment
        return boto3.client(
            service,
            endpoint_url=at["AWS_ENDPOINT_URL"],
            region_name=at["AWS_REGION"],
            aws_access_key_id=at["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=at["AWS_SECRET_ACCESS_KEY"],
            config=Config(
                retries={"max_attempts": 2}, connect_timeout=5, read_timeout=30, max_pool_connections=32
            ),
        )

    def create(
        self, template: Template, secret: Mapping[str, object], visibility_timeout: int | None = None
    ) -> dict[str, str]:
        """Create the template's queues, tables and topics, and the secret with this JSON object.

        Returns:
            What references to the resources stand for: {"Queue": its URL, "Queue.Arn": ..., "Table": its
            name, ...}.
        """
        values: dict[str, str] = {}
        self.client("secretsmanager").create_secret(
            Name=template.secret_name, SecretString=json.dumps(secret)
        )
        sqs = self.client("sqs")
        for queue in template.queues:
            attributes = dict(queue.attributes)
            if visibility_timeout is not None:
                attributes["VisibilityTimeout"] = str(visibility_timeout)
            if queue.dead_letters is not None:
                policy = {
                    "deadLetterTargetArn": values[f"{queue.dead_letters}.Arn"],
                    "maxReceiveCount": queue.maximum_receives,
                }
                attributes["RedrivePolicy"] = json.dumps(policy)
            url = sqs.create_queue(QueueName=queue.name, Attributes=attributes)["QueueUrl"]
            values |= {
                queue.logical_id: url,
                f"{queue.logical_id}.Arn": queue.arn,
                f"{queue.logical_id}.QueueName": queue.name,
            }
        dynamodb = self.client("dynamodb")
        for table in template.tables:
            dynamodb.create_table(
                TableName=table.name,
                KeySchema=table.key_schema,
                AttributeDefinitions=table.attributes,
                BillingMode="PAY_PER_REQUEST",
            )
            if table.ttl_attribute:
                ttl = {"Enabled": True, "AttributeName": table.ttl_attribute}
                dynamodb.update_time_to_live(TableName=table.name, TimeToLiveSpecification=ttl)
            arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table.name}"
            values |= {table.logical_id: table.name, f"{table.logical_id}.Arn": arn}
        sns = self.client("sns")
        for logical_id, name in template.topics.items():
            values[logical_id] = sns.create_topic(Name=name)["TopicArn"]
        for logical_id, protocol, endpoint in template.subscriptions:
            sns.subscribe(TopicArn=values[logical_id], Protocol=protocol, Endpoint=endpoint)
        return values

    def create_stack(self, name: str, outputs: Mapping[str, str]) -> None:
        """Create a CloudFormation stack that has these outputs, and nothing else of the template's."""
        template = {
            "Resources": {"Stack": {"Type": "AWS::CloudFormation::WaitConditionHandle"}},
            "Outputs": {name: {"Value": value} for name, value in outputs.items()},
        }
        self.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))

    def advance_clock(self, seconds: float) -> None:
        """Move SQS's clock forward, so that visibility timeouts and deduplication windows pass at once."""
        self._ask("POST", "clock", {"advance": seconds})

    def set_faults(self, *rules: Mapping[str, Any]) -> None:
        """Put rules (see `local.aws.server`) in force instead of the old ones; without any: behave.

        Raises:
            ValueError: a rule has an unknown field, or a value of the wrong kind.
        """
        self._ask("PUT", "faults", rules)

    def faults(self) -> list[dict[str, Any]]:
        """The rules in force, each with how often it `matched` and `fired`."""
        found: list[dict[str, Any]] = self._ask("GET", "faults", None)
        return found

    def _ask(self, method: str, what: str, body: object) -> Any:
        answer = httpx.request(method, f"{self.url}/_local/{what}", json=body, timeout=30, trust_env=False)
        if answer.is_error:
            raise ValueError(answer.text)
        return answer.json()

    def wake(self) -> None:
        """End all long polls that wait for a message; a server that is gone has none."""
        with suppress(httpx.TransportError):
            self.advance_clock(0)

    def stop(self) -> None:
        """End the server. Safe to call twice."""
        self._service.stop()
