"""Builds the naive layer: `pip install mem0ai` with all its dependencies, as CDK would pack it.

Versions and hashes are pinned in bench/naive/requirements.lock. The files get the time 1980 that CDK's zip
gives them, so their bytecode counts as stale.
"""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

from local.lambda_host.toolchain import CACHE, ROOT, digest_of, make_once, python_minor, run

LOCK = ROOT / "bench" / "naive" / "requirements.lock"
MTIME = 315532800  # 1980-01-01


def ensure_naive_layer(python: str, progress: Callable[[str], None]) -> Path:
    """The layer's root for `python`; built once for each lock and version. Takes half a minute.

    Raises:
        ToolchainError: pip failed, e.g. because the package index could not be reached.
    """
    minor = python_minor(python)

    def install(fresh: Path) -> None:
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        command += ["--require-hashes", "--no-deps", "--only-binary=:all:", f"--requirement={LOCK}"]
        run([*command, f"--target={fresh / 'python'}"], "installing the naive layer")
        age(fresh)

    folder = CACHE / "bench" / f"naive-{minor}-{digest_of([LOCK], minor)}"
    return make_once(
        folder, f"building the naive layer for Python {minor} (once, half a minute)", progress, install
    )


def age(folder: Path) -> None:
    """Give every file below `folder` the time that CDK's zip gives it."""
    for parent, _, files in os.walk(folder):
        for name in files:
            os.utime(Path(parent, name), (MTIME, MTIME))


def sizes(folder: Path) -> tuple[int, int]:
    """Bytes of all files below `folder`, and of the zip that they make."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    packed = CACHE / "bench" / f"{folder.name}-{os.getpid()}.zip"
    packed.parent.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in files:
                archive.write(path, path.relative_to(folder))
        return sum(path.stat().st_size for path in files), packed.stat().st_size
    finally:
        packed.unlink(missing_ok=True)
