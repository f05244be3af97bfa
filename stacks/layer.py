"""The layer with mem0ai that all three functions share, built by layer/build.py."""

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.bundling import LAYER, bundled_code


class Mem0Layer(lambda_.LayerVersion):
    """mem0ai and what its hosted client needs, as layer/requirements.lock has it."""

    def __init__(
        self, scope: Construct, construct_id: str, *, architecture: lambda_.Architecture, python: str
    ) -> None:
        """Make the layer for one `architecture` and `python` version ("3.13")."""
        super().__init__(
            scope,
            construct_id,
            description="mem0ai for the hosted API, with the bytecode of the runtime",
            compatible_architectures=[architecture],
            compatible_runtimes=[lambda_.Runtime(f"python{python}", lambda_.RuntimeFamily.PYTHON)],
            code=bundled_code(
                LAYER, LAYER / "build.py", "--platform", f"linux-{architecture.name}", "--python", python
            ),
        )
