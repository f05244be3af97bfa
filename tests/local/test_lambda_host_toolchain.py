"""What instances need on disk: made once, keyed by what it is made of."""

import sys
from pathlib import Path

import pytest

from local.lambda_host.toolchain import (
    ToolchainError,
    digest_of,
    ensure_layer,
    ensure_runtime,
    python_minor,
    run,
)


def test_runtime_holds_what_lambda_brings() -> None:
    folder = ensure_runtime()
    assert (folder / "awslambdaric").is_dir()
    assert (folder / "boto3").is_dir()
    assert ensure_runtime() == folder


def test_layer_holds_mem0_and_no_engine() -> None:
    folder = ensure_layer()
    assert (folder / "python" / "mem0").is_dir()
    assert not (folder / "python" / "qdrant_client").exists()
    assert ensure_layer() == folder


def test_other_machine_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_failing_tool_is_told_with_its_words() -> None:
    with pytest.raises(ToolchainError, match=r"(?s)trying failed .*no-such"):
        run(["ls", "/no-such-folder"], "trying")


def test_interpreter_tells_its_version() -> None:
    assert python_minor().startswith("3.")
