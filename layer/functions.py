"""Builds the functions' asset: lambdas/, the packages that ship beside it, and bytecode of both.

CDK's bundling and people run this file as a command. Without the bytecode Lambda would compile each module in
each cold start.
"""

import argparse
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
if not __package__:
    sys.path.insert(0, str(HERE.parent))  # run as a command, Python looks only into this folder

from layer.build import MTIME, PYTHONS  # noqa: E402 -- after the path is set
from layer.bytecode import BytecodeError, find_compiler  # noqa: E402
from layer.wheels import WheelError, download, normalise, unpack  # noqa: E402

LAMBDAS = HERE.parent / "lambdas"
LOCK = LAMBDAS / "requirements.lock"
ANY_PLATFORM = "linux-arm64"  # the packages are all Python: the wheels are the same for each
# What is shipped, by its ending: modules, the prompts of the personas, and word lists.
SHIPPED = (".py", ".md", ".toml")
# What decides the bytes besides the sources.
BUILDERS = ("functions.py", "wheels.py", "bytecode.py", "compile_tree.py", "compile.mjs")


class BuildError(Exception):
    """The code cannot be built; the message says why and what to do."""


def shipped(source: Path = LAMBDAS) -> Iterator[Path]:
    """The files below `source` that are deployed, relative to it and sorted.

    Everything else that a developer's tools leave there would make each machine's asset another one.
    """
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source)
        left_by_tools = any(part == "__pycache__" or part.startswith(".") for part in inside.parts)
        if path.suffix in SHIPPED and path.is_file() and not left_by_tools:
            yield inside


def asset_hash(*, python: str, source: Path = LAMBDAS) -> str:
    """The identity of the code as 64 hexadecimal digits: equal exactly where the built files are equal."""
    compiler = find_compiler(python)
    digest = hashlib.sha256(f"{python} {compiler.identity if compiler else 'no bytecode'}\n".encode())
    files = [(path.as_posix(), source / path) for path in shipped(source)]
    for name, path in [*files, (LOCK.name, LOCK), *((name, HERE / name) for name in BUILDERS)]:
        content = path.read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def build(out: Path, *, python: str, source: Path = LAMBDAS, packages_only: bool = False) -> None:
    """Fill `out`, a new or empty folder, with the functions' code and bytecode for `python` ("3.13").

    Args:
        out: the folder.
        python: the minor version that will run it.
        source: the functions' own code.
        packages_only: leave that out, for who runs it from where it is.

    Raises:
        BuildError: `out` holds something, or cannot be written.
        WheelError: the packages cannot be had.
        BytecodeError: a source does not compile.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise BuildError(f"{out} is not an empty folder; remove it or name another")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as wheels:
            unpack(download(LOCK, Path(wheels), platform=ANY_PLATFORM, python=python), out)
        for path in [] if packages_only else shipped(source):
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / path, out / path)
        compiler = find_compiler(python)
        if compiler:
            # The bytecode calls its source /opt/..., as in a layer; Python corrects that when it loads it.
            compiler.run(out)
        else:
            _say(
                f"warning: no Python {python} here to compile with, so the functions ship without bytecode "
                f"and start slower; `npm ci` brings one for 3.13, else install python{python}"
            )
        normalise(out, mtime=MTIME)
    except OSError as error:
        raise BuildError(f"{out} cannot be written: {error.strerror or error}") from error


def _say(text: str) -> None:
    print(f"functions: {text}", file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit code (0 built, 1 failed, 2 wrong arguments)."""
    parser = argparse.ArgumentParser(
        prog="layer/functions.py",
        description="Build what is deployed of lambdas/, with bytecode. Needs no Docker.",
        epilog="Example: python layer/functions.py .cache/functions --python 3.13",
    )
    parser.add_argument("out", metavar="OUT", type=Path, nargs="?", help="new or empty folder")
    parser.add_argument("--python", default="3.13", choices=PYTHONS, help="its Python (default: %(default)s)")
    parser.add_argument(
        "--packages-only", action="store_true", help="only the packages that ship beside the code"
    )
    parser.add_argument(
        "--asset-hash", action="store_true", help="build nothing; print the hash that the code would have"
    )
    options = parser.parse_args(arguments)
    if options.asset_hash:
        print(asset_hash(python=options.python))
        return 0
    if options.out is None:
        parser.error("the following arguments are required: OUT")
    try:
        build(options.out.absolute(), python=options.python, packages_only=options.packages_only)
    except (BuildError, BytecodeError, WheelError) as error:
        _say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
