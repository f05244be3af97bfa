"""Assets that a command of ours builds, without Docker: the layer and the functions' code.

It refuses to fall back to Docker: a build that failed ends the synth with the builder's own message.
"""

import functools
import subprocess
import sys
from pathlib import Path

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_

LAYER = Path(__file__).resolve().parent.parent / "layer"


@jsii.implements(cdk.ILocalBundling)
class LocalBuild:
    """Has a builder fill the folder that CDK offers."""

    def __init__(self, builder: Path, *options: str) -> None:
        self._builder = builder
        self._options = options

    def try_bundle(self, output_dir: str, *_: object, **__: object) -> bool:
        """True once it is built; if it cannot be, there is nothing to deploy and the process ends."""
        command = [sys.executable, str(self._builder), output_dir, *self._options]
        if subprocess.run(command, check=False).returncode:  # noqa: S603
            raise SystemExit(f"{self._builder.name} could not build; the reason is above.")
        return True


def built_code(source: Path, builder: Path, *options: str, exclude: tuple[str, ...] = ()) -> lambda_.Code:
    """What `builder OUT options` makes of the folder `source`, identified by `builder --asset-hash options`.

    Args:
        source: what is used as it lies where CDK is told not to bundle, as the local system tells it.
        builder: the command.
        *options: its options.
        exclude: what is left out of `source` in that case.
    """
    return lambda_.Code.from_asset(
        str(source),
        exclude=list(exclude),
        # By what decides its content, not by the content: equal inputs need no second build, and a changed
        # architecture, which CDK's own hash of the source does not see, always does.
        asset_hash_type=cdk.AssetHashType.CUSTOM,
        asset_hash=_identity(builder, *options),
        bundling=cdk.BundlingOptions(
            # CDK wants an image to fall back to; LocalBuild never lets it come to that.
            image=cdk.DockerImage.from_registry("none"),
            local=LocalBuild(builder, *options),
        ),
    )


@functools.cache  # one synthesis asks once; whoever makes many stacks in one process waits no longer
def _identity(builder: Path, *options: str) -> str:
    """The hash of what `builder` would build, in its own words."""
    command = [sys.executable, str(builder), "--asset-hash", *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603
