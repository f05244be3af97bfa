"""layer/functions.py: what is deployed of lambdas/, with bytecode that Lambda takes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from layer import functions
from layer.bytecode import BytecodeError
from tests.assembly.invented import MODULE, snapshot
from tests.infra.conftest import ROOT

HERE = "{}.{}".format(*sys.version_info)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small invented lambdas/, with what tools leave behind."""
    root = tmp_path / "lambdas"
    for name in ("greet/__init__.py", "greet/handler.py", "greet/__pycache__/old.py", ".cache/tool.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(MODULE)
    (root / "greet" / "__pycache__" / "handler.cpython-311.pyc").write_bytes(b"stale")
    (root / "greet" / "prompts").mkdir()
    (root / "greet" / "prompts" / "default.md").write_text("# Who you are")
    (root / "greet" / "notes.txt~").write_text("left by an editor")
    return root


def test_sources_and_prompts_are_shipped_with_their_bytecode_and_nothing_else(
    source: Path, tmp_path: Path
) -> None:
    functions.build(tmp_path / "out", python=HERE, source=source)
    tag = f"cpython-{HERE.replace('.', '')}"
    built = {name for name, (digest, *_) in snapshot(tmp_path / "out").items() if digest}
    assert {name for name in built if not name.startswith("phonenumbers")} == {
        "greet/__init__.py",
        "greet/handler.py",
        "greet/prompts/default.md",
        f"greet/__pycache__/__init__.{tag}.pyc",
        f"greet/__pycache__/handler.{tag}.pyc",
    }
    assert f"phonenumbers/__pycache__/phonenumberutil.{tag}.pyc" in built


def test_bytecode_is_taken_whatever_the_time_of_its_source(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    functions.build(out, python=HERE, source=source)
    # Were it not taken, Python would compile the source, which is broken from here on.
    (out / "greet" / "handler.py").write_text("def")
    os.utime(out / "greet" / "handler.py", (315532800, 315532800))
    code = "import greet.handler; print(greet.handler.load.__code__.co_filename)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=out, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(out / "greet" / "handler.py"), "a stack trace names the real file"


def test_the_same_sources_give_the_same_bytes_and_hash(source: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    functions.build(first, python=HERE, source=source)
    before = functions.asset_hash(python=HERE, source=source)
    (source / "greet" / "handler.py").chmod(0o600)
    (source / "greet" / "__pycache__" / "more.pyc").write_bytes(b"new")
    functions.build(second, python=HERE, source=source)
    assert snapshot(first) == snapshot(second)
    assert functions.asset_hash(python=HERE, source=source) == before


@pytest.mark.parametrize("changed", ["greet/handler.py", "greet/prompts/default.md", "greet/new.py"])
def test_hash_follows_every_file_that_is_shipped(source: Path, changed: str) -> None:
    before = functions.asset_hash(python=HERE, source=source)
    (source / changed).write_text("x = 1\n")
    assert functions.asset_hash(python=HERE, source=source) != before


def test_hash_follows_the_version_of_python() -> None:
    assert functions.asset_hash(python="3.13") != functions.asset_hash(python=HERE)


def test_everything_in_lambdas_that_is_meant_to_be_there_is_shipped() -> None:
    """A new kind of file must be added to SHIPPED, or it would be missing in Lambda only."""
    tracked = subprocess.run(
        ["git", "ls-files", "lambdas"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    there = {f"lambdas/{path.as_posix()}" for path in functions.shipped()}
    assert {name for name in tracked if (ROOT / name).exists() and "/requirements." not in name} <= there


def test_a_source_that_does_not_compile_is_told(source: Path, tmp_path: Path) -> None:
    (source / "greet" / "handler.py").write_text("def")
    with pytest.raises(BytecodeError, match="SyntaxError"):
        functions.build(tmp_path / "out", python=HERE, source=source)


def test_a_folder_that_holds_something_is_left_alone(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert source
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    assert functions.main([str(tmp_path / "out"), "--python", HERE]) == 1
    assert "is not an empty folder" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_command_prints_the_hash_that_the_stack_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert functions.main(["--asset-hash"]) == 0
    assert capsys.readouterr().out.strip() == functions.asset_hash(python="3.13")
