"""Mem0Layer: one shared layer, identified by what decides its content."""

from layer.build import asset_hash
from tests.infra.conftest import Synthesise
from tests.infra.deployed import Deployed


def test_layer_is_for_the_runtime_of_the_functions(deployed: Deployed) -> None:
    layer = deployed.all("Lambda::LayerVersion")[0].properties
    function = deployed.of("Retrieve", "Lambda::Function").properties
    assert layer["CompatibleRuntimes"] == [function["Runtime"]] == ["python3.13"]
    assert layer["CompatibleArchitectures"] == function["Architectures"] == ["arm64"]


def test_asset_hash_follows_the_architecture(deployed: Deployed, synthesise: Synthesise) -> None:
    def key(of: Deployed) -> str:
        return str(of.all("Lambda::LayerVersion")[0].properties["Content"]["S3Key"])

    assert key(deployed) != key(synthesise(architecture="x86_64"))
    assert asset_hash(platform="linux-arm64", python="3.13") != asset_hash(
        platform="linux-x86_64", python="3.13"
    )
