"""The checks that every synth passes besides CDK's own: cdk-nag's AwsSolutions rules.

What they find and is meant to be so is acknowledged where it is built, with its reason; nothing is switched
off here.
"""

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks


def checked_app() -> cdk.App:
    """A CDK app with the command line's context, whose synth fails on a finding that nobody acknowledged."""
    app = cdk.App()
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app
