"""The checks that every synth passes besides CDK's own: cdk-nag's AwsSolutions rules.

A finding that is meant to be so is acknowledged where the resource is made, with its reason.
"""

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks


def checked_app() -> cdk.App:
    """A CDK app with the command line's context, whose synth fails on a finding that was not acknowledged."""
    app = cdk.App()
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app
