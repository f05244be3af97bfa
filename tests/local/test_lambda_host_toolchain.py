"""What instances need on disk: made once, keyed by what it is made of."""

import sys
from pathlib import Path

import pytest

from local.lambda_host.toolchain import (
    ToolchainError,
    digest_of,
    ensure_layer,
    ensure_runtime,
    make_once,
    run,
)


def test_runtime_holds_what_lambda_brings_and_the_layer_holds_mem0_without_its_engine() -> None:
    runtime, layer = ensure_runtime(), ensure_layer()
    assert (runtime / "awslambdaric").is_dir()
    assert (runtime / "boto3").is_dir()
    assert (layer / "python" / "mem0").is_dir()
    assert not (layer / "python" / "qdrant_client").exists()
    assert (ensure_runtime(), ensure_layer()) == (runtime, layer)


def test_other_machine_gets_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(ToolchainError, match=r"this machine is darwin.*Linux container"):
        ensure_layer()


def test_digest_changes_with_content_name_and_words(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("1")
    before = digest_of([file])
    assert digest_of([file], "word") != before
    file.write_text("2")
    assert digest_of([file]) != before
    assert digest_of([file.rename(tmp_path / "b")]) != before


def test_folder_is_made_once_and_never_half(tmp_path: Path) -> None:
    def fail(fresh: Path) -> None:
        fresh.mkdir()
        raise ToolchainError("in the middle")

    made: list[str] = []
    with pytest.raises(ToolchainError):
        make_once(tmp_path / "x", "making", made.append, fail)
    assert not (tmp_path / "x").exists()
    for _ in range(2):
        assert make_once(tmp_path / "x", "making", made.append, Path.mkdir).is_dir()
    assert made == ["making", "making"]


def test_failing_tool_is_named_with_its_words() -> None:
    with pytest.raises(ToolchainError, match=r"(?s)trying failed .*no-such"):
        run(["ls", "/no-such-folder"], "trying")
