"""Bundling: what a builder makes, and how its failure is reported."""

from pathlib import Path

import pytest

from stacks.bundling import LAYER, LocalBundling


def test_a_failed_build_ends_the_synth_with_the_reason_of_the_builder(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match=r"build\.py could not build; the reason is above"):
        LocalBundling(LAYER / "build.py", "--platform", "linux-riscv").try_bundle(str(tmp_path))
    assert "invalid choice: 'linux-riscv'" in capfd.readouterr().err


def test_a_build_fills_the_folder_that_cdk_offers(tmp_path: Path) -> None:
    assert LocalBundling(LAYER / "functions.py", "--python", "3.13").try_bundle(str(tmp_path))
    assert (tmp_path / "retrieve" / "handler.py").is_file()
