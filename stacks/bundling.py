"""Assets that a builder in layer/ makes on this machine, without Docker: the layer and the code."""

import functools
import subprocess
import sys
from pathlib import Path

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_

LAYER = Path(__file__).resolve().parent.parent / "layer"


@jsii.implements(cdk.ILocalBundling)
class LocalBundling:
    """Runs a builder that fills CDK's output folder. There is no fallback to Docker."""

    def __init__(self, builder: Path, *options: str) -> None:
        self._builder = builder
        self._options = options

    def try_bundle(self, output_dir: str, *_: object, **__: object) -> bool:
        """True once the asset is built.

        Raises:
            SystemExit: the build failed; the builder has printed the reason.
        """
        command = [sys.executable, str(self._builder), output_dir, *self._options]
        if subprocess.run(command, check=False).returncode:  # noqa: S603
            raise SystemExit(f"{self._builder.name} could not build; the reason is above.")
        return True


def bundled_code(source: Path, builder: Path, *options: str, exclude: tuple[str, ...] = ()) -> lambda_.Code:
    """What `builder OUT options` makes of the folder `source`, identified by `builder --asset-hash options`.

    Args:
        source: used as it is where CDK is told not to bundle, as the local system does.
        builder: the command.
        *options: its options.
        exclude: what is left out of `source` in that case.
    """
    return lambda_.Code.from_asset(
        str(source),
        exclude=list(exclude),
        # A hash of what decides the content, not of the source: equal inputs need no second build, and a
        # changed architecture, which CDK's own hash of the source does not see, always does.
        asset_hash_type=cdk.AssetHashType.CUSTOM,
        asset_hash=_asset_hash(builder, *options),
        bundling=cdk.BundlingOptions(
            image=cdk.DockerImage.from_registry("none"),  # required, and never used
            local=LocalBundling(builder, *options),
        ),
    )


@functools.cache  # the same for every stack of one process
def _asset_hash(builder: Path, *options: str) -> str:
    command = [sys.executable, str(builder), "--asset-hash", *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603
