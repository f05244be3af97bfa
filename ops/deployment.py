"""A deployed stage, as the operator's commands see it: the stack's outputs, and clients for AWS."""

import functools
import json
import os
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ProfileNotFound

from ops.errors import OperatorError, cannot_start
from shared.environment import Environment

# By boto3's own defaults, whoever waits for an endpoint that never answers waits for five minutes.
_CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})


class Deployment:
    """One stage in one account and region.

    Args:
        stage: the setting `stage` of the stack.
        region: as for AWS's CLI; None takes AWS_REGION, AWS_DEFAULT_REGION or the profile's.
        profile: as for AWS's CLI; None takes AWS_PROFILE or the default.
    """

    def __init__(self, stage: str = "prod", *, region: str | None = None, profile: str | None = None) -> None:
        self.stage = stage
        self.stack = f"AgenticMemory-{stage}"
        try:
            # boto3 itself knows AWS_DEFAULT_REGION only; CDK and the AWS CLI take AWS_REGION as well.
            self.session = boto3.Session(
                region_name=region or os.environ.get("AWS_REGION"), profile_name=profile
            )
        except ProfileNotFound as error:
            raise cannot_start(str(error), "choose another --profile, or run `aws configure`") from None

    def client(self, service: str) -> Any:
        """boto3's client of an AWS service."""
        return self.session.client(service, config=_CONFIG)

    @functools.cached_property
    def outputs(self) -> Mapping[str, str]:
        """The outputs of the stack: `ClientDataUrl`, `CallQueueUrl`, ...

        Raises:
            OperatorError: if there is no such stack.
        """
        try:
            stacks = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            raise cannot_start(
                f"there is no stack {self.stack} in this account and region",
                "deploy it (npx cdk deploy), or choose another --stage, --region or --profile",
            ) from None
        return {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}

    def output(self, name: str) -> str:
        """One output of the stack.

        Raises:
            OperatorError: if the stack has none of this name: it was deployed by an earlier release.
        """
        if name not in self.outputs:
            raise OperatorError(
                f"the stack {self.stack} has no output {name}", remedy="deploy this release: npx cdk deploy"
            )
        return self.outputs[name]

    @functools.cached_property
    def environment(self) -> Environment:
        """The functions' environment in this stage, for their own code to be used as it runs there."""
        variables: dict[str, str] = json.loads(self.output("Environment"))
        return Environment.parse(
            variables
            | {
                "CALL_QUEUE_URL": self.output("CallQueueUrl"),
                "DEAD_LETTER_QUEUE_URL": self.output("DeadLetterQueueUrl"),
                "LEDGER_TABLE": self.output("LedgerTable"),
            }
        )
