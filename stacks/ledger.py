"""The table that notes which conversation has been remembered, so that it is remembered once."""

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct


class Ledger(Construct):
    """The DynamoDB table of conversation ids, which expire by themselves.

    It outlives the stack and cannot be deleted by mistake: without it, a call that is delivered again is
    remembered again. Its name is generated, so a table that is left over is never in the way of the next
    deployment. RETAIN, not RETAIN_ON_UPDATE_OR_DELETE: the rollback of a first deployment would fail on the
    deletion protection.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        """Make the table."""
        super().__init__(scope, construct_id)
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="conversation_id", type=dynamodb.AttributeType.STRING),
            time_to_live_attribute="expires_at",
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
