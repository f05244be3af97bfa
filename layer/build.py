"""Builds the Lambda layer with mem0ai, without Docker and byte for byte the same on every machine.

CDK's bundling, the local Lambda host and people run this file as a command. The output folder must be new or
empty, and is filled in one step.
"""

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
if not __package__:
    sys.path.insert(0, str(HERE.parent))  # run as a command, Python looks only into this folder

from layer.bytecode import BytecodeError, find_compiler  # noqa: E402 -- after the path is set
from layer.wheels import MACHINES, WheelError, download, normalise, unpack  # noqa: E402

LOCK = HERE / "requirements.lock"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# What decides the bytes of a layer besides the lock and the arguments.
SOURCES = ("build.py", "wheels.py", "bytecode.py", "compile_tree.py", "compile.mjs")
# 1980-01-01, the earliest time that a zip file can hold and the one that CDK writes.
MTIME = 315532800


class BuildError(Exception):
    """The layer cannot be built; the message says why and what to do."""


def asset_hash(*, platform: str, python: str, lock: Path = LOCK, sources: Path = HERE) -> str:
    """The identity of a layer as 64 hexadecimal digits: equal exactly where the built files are equal.

    It covers the lock, the platform, the Python version, this builder and the interpreter that would compile.
    """
    compiler = find_compiler(python)
    digest = hashlib.sha256(
        f"{platform} {python} {compiler.identity if compiler else 'no bytecode'}\n".encode()
    )
    for path in (lock, *(sources / name for name in SOURCES)):
        content = path.read_bytes().replace(b"\r\n", b"\n")  # a checkout may have changed the line ends
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def build(out: Path, *, platform: str, python: str, lock: Path = LOCK) -> None:
    """Build the layer for `platform` ("linux-arm64", "linux-x86_64") and `python` ("3.13") into `out`.

    `out` may be missing or an empty folder; afterwards it is the layer's root and holds `python/`.

    Raises:
        BuildError: `out` holds something, or cannot be written.
        WheelError: the wheels cannot be had.
        BytecodeError: the compiler failed.
    """
    if out.is_symlink() or (out.exists() and not (out.is_dir() and not any(out.iterdir()))):
        raise BuildError(f"{out} is not an empty folder; remove it or name another")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch:
            root = Path(scratch, "layer")
            _say(f"downloading the wheels of {lock.name} for {platform}, Python {python}")
            wheels = download(lock, Path(scratch, "wheels"), platform=platform, python=python)
            files = unpack(wheels, root / "python")
            _say(f"unpacked {files} files of {len(wheels)} packages")
            _compile(root, python)
            normalise(root, mtime=MTIME)
            size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
            root.rename(out)  # replaces an empty folder in one step, or fails
            _say(f"done: {size / 1e6:.1f} MB in {out}")
    except OSError as error:
        raise BuildError(f"{out} cannot be written: {error.strerror or error}") from error


def _compile(root: Path, python: str) -> None:
    compiler = find_compiler(python)
    if compiler:
        _say(f"compiling with {compiler.identity}")
        compiler.run(root)
    else:
        _say(
            f"warning: no Python {python} here to compile with, so the layer ships without bytecode and "
            f"starts slower; `npm ci` brings one for 3.13, else install python{python}"
        )


def _say(text: str) -> None:
    print(f"layer: {text}", file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit code (0 built, 1 failed, 2 wrong arguments, 130 interrupted)."""
    parser = argparse.ArgumentParser(
        prog="layer/build.py",
        description="Build the Lambda layer with mem0ai from layer/requirements.lock. Needs no Docker.",
        epilog="Example: python layer/build.py .cache/layer --platform linux-arm64 --python 3.13",
    )
    parser.add_argument(
        "out", metavar="OUT", type=Path, nargs="?", help="new or empty folder; becomes the layer's root"
    )
    parser.add_argument(
        "--platform", required=True, choices=sorted(MACHINES), help="what the function runs on"
    )
    parser.add_argument("--python", default="3.13", choices=PYTHONS, help="its Python (default: %(default)s)")
    parser.add_argument(
        "--asset-hash", action="store_true", help="build nothing; print the hash that the layer would have"
    )
    options = parser.parse_args(arguments)
    if options.asset_hash:
        print(asset_hash(platform=options.platform, python=options.python))
        return 0
    if options.out is None:
        parser.error("the following arguments are required: OUT")
    try:
        build(options.out.absolute(), platform=options.platform, python=options.python)
    except (BuildError, WheelError, BytecodeError) as error:
        _say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        _say("interrupted; nothing was written")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
