"""layer/bytecode.py: which interpreter compiles, and that Lambda will take what it writes."""

import json
import sys
from pathlib import Path

import pytest

from layer import bytecode
from tests.assembly.invented import MODULE
from tests.infra.conftest import ROOT


@pytest.mark.parametrize("python", ["3.13", "{}.{}".format(*sys.version_info)])
def test_bytecode_is_valid_whatever_the_time_of_its_source(tmp_path: Path, python: str) -> None:
    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "sample.py").write_text(MODULE)
    compiler = bytecode.find_compiler(python)
    assert compiler
    compiler.run(tmp_path)
    (compiled,) = (tmp_path / "python" / "__pycache__").iterdir()
    assert compiled.name == f"sample.cpython-{python.replace('.', '')}.pyc"
    assert compiled.read_bytes()[4:8] == (1).to_bytes(4, "little"), "flags: by hash, not checked (PEP 552)"
    assert b"/opt/python/sample.py" in compiled.read_bytes()


def test_bytecode_of_the_runtime_comes_from_the_pinned_interpreter() -> None:
    pinned = json.loads((ROOT / "package.json").read_text())["devDependencies"]["pyodide"]
    compiler = bytecode.find_compiler("3.13")
    assert compiler
    assert compiler.identity == f"pyodide-{pinned}"


def test_a_source_that_does_not_compile_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def")
    compiler = bytecode.find_compiler("{}.{}".format(*sys.version_info))
    assert compiler
    with pytest.raises(bytecode.BytecodeError, match=r"did not compile the layer: .*SyntaxError"):
        compiler.run(tmp_path)


def test_a_shim_without_its_python_is_not_taken_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim = tmp_path / "python3.99"
    shim.write_text("#!/bin/sh\necho 'python3.99: command not found' >&2; exit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bytecode.find_compiler("3.99") is None
