"""The layer with mem0ai that all three functions share, built without Docker by layer/build.py.

It refuses to fall back to Docker: a build that failed ends the synth with the builder's own message.
"""

import subprocess
import sys
from pathlib import Path

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

LAYER = Path(__file__).resolve().parent.parent / "layer"
BUILD = LAYER / "build.py"


@jsii.implements(cdk.ILocalBundling)
class _LocalBuild:
    """Has layer/build.py fill the folder that CDK offers."""

    def __init__(self, *options: str) -> None:
        self._options = options

    def try_bundle(self, output_dir: str, *_: object, **__: object) -> bool:
        """True once the layer is built; if it cannot be, there is nothing to deploy and the process ends."""
        built = subprocess.run([sys.executable, str(BUILD), output_dir, *self._options], check=False)  # noqa: S603
        if built.returncode:
            raise SystemExit("The layer could not be built; the reason is above.")
        return True


class Mem0Layer(lambda_.LayerVersion):
    """mem0ai and what its hosted client needs, as layer/requirements.lock has it."""

    def __init__(
        self, scope: Construct, construct_id: str, *, architecture: lambda_.Architecture, python: str
    ) -> None:
        """Make the layer for one `architecture` and `python` version ("3.13")."""
        options = ("--platform", f"linux-{architecture.name}", "--python", python)
        identity = subprocess.run(  # noqa: S603
            [sys.executable, str(BUILD), "--asset-hash", *options], check=True, capture_output=True, text=True
        )
        super().__init__(
            scope,
            construct_id,
            description="mem0ai for the hosted API, with the bytecode of the runtime",
            compatible_architectures=[architecture],
            compatible_runtimes=[lambda_.Runtime(f"python{python}", lambda_.RuntimeFamily.PYTHON)],
            code=lambda_.Code.from_asset(
                str(LAYER),
                # By what decides its content, not by the content: equal inputs need no second build, and a
                # changed architecture, which CDK's own hash of the source does not see, always does.
                asset_hash_type=cdk.AssetHashType.CUSTOM,
                asset_hash=identity.stdout.strip(),
                bundling=cdk.BundlingOptions(
                    # CDK wants an image to fall back to; _LocalBuild never lets it come to that.
                    image=cdk.DockerImage.from_registry("none"),
                    local=_LocalBuild(*options),
                ),
            ),
        )
