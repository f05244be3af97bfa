"""Chooses and runs the interpreter that compiles bytecode: it must be of the runtime's minor version.

Preferred is the WebAssembly CPython of the pinned npm package `pyodide`, which gives the same bytes on every
machine; else a native Python that reports the right version.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PYODIDE = HERE.parent / "node_modules" / "pyodide"
# The same order of sets and no outside settings, wherever the layer is built.
_ENVIRONMENT = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}


class BytecodeError(Exception):
    """A chosen interpreter failed to compile; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Compiler:
    """An interpreter that can compile.

    Attributes:
        identity: what the bytes depend on, such as "pyodide-0.29.5"; part of the asset's hash.
        command: to be followed by the layer's root folder.
        trailing: arguments after the root folder.
    """

    identity: str
    command: tuple[str, ...]
    trailing: tuple[str, ...] = ()

    def run(self, root: Path) -> None:
        """Compile every module below `root`.

        Raises:
            BytecodeError: with the last line that the interpreter wrote.
        """
        done = _run([*self.command, str(root), *self.trailing])
        if done is None or done.returncode:
            said = done.stderr.strip().splitlines() if done else []
            raise BytecodeError(
                f"{self.identity} did not compile the layer: {said[-1] if said else 'it gave no reason'}"
            )


def find_compiler(python: str) -> Compiler | None:
    """The interpreter that compiles for minor version `python` ("3.13"), or None if this machine has none."""
    return _pyodide(python) or _native(python)


def _pyodide(python: str) -> Compiler | None:
    node = shutil.which("node")
    try:
        version = json.loads((PYODIDE / "package.json").read_text())["version"]
        brings = json.loads((PYODIDE / "pyodide-lock.json").read_text())["info"]["python"]
    except (OSError, ValueError, KeyError):
        return None
    if node is None or brings.rpartition(".")[0] != python:
        return None
    return Compiler(
        identity=f"pyodide-{version}", command=(node, str(HERE / "compile.mjs")), trailing=(python,)
    )


def _native(python: str) -> Compiler | None:
    for candidate in (sys.executable, shutil.which(f"python{python}")):
        if not candidate:
            continue
        # A shim on the PATH may stand for a version that is not installed: only what answers is there.
        done = _run(
            [
                candidate,
                "-c",
                "import platform; print(platform.python_implementation(), platform.python_version())",
            ]
        )
        implementation, _, version = done.stdout.strip().partition(" ") if done else ("", "", "")
        if implementation == "CPython" and version.split(".")[:2] == python.split("."):
            return Compiler(
                identity=f"cpython-{version}", command=(candidate, "-s", str(HERE / "compile_tree.py"))
            )
    return None


def _run(command: list[str]) -> subprocess.CompletedProcess[str] | None:
    """Run without input and without the caller's Python settings; None if it cannot be started."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "NODE_"))}
    try:
        return subprocess.run(  # noqa: S603
            command,
            capture_output=True,
            text=True,
            check=False,
            env=kept | _ENVIRONMENT,
            stdin=subprocess.DEVNULL,
        )
    except OSError:
        return None
