"""Fetches the wheels that a lock file names, checks their hashes, and unpacks them.

Not `pip install --target`, whose output differs from machine to machine. Source distributions, paths outside
the folder and files of two packages with one name are errors.
"""

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

# The machine names of Lambda's platforms, as wheels spell them.
MACHINES = {"linux-arm64": "aarch64", "linux-x86_64": "x86_64"}
# Lambda's python3.12 and later run on Amazon Linux 2023 (glibc 2.34), python3.11 on Amazon Linux 2 (glibc
# 2.26). pip takes only the tags that it is given and silently falls back to an older release, so every one is
# spelled out.
NEWEST_GLIBC = {"3.11": 26}
OTHERWISE_NEWEST_GLIBC = 28
OLDEST_GLIBC = 17

_LICENCE = re.compile(r"licen[cs]e|notice|copying|authors", re.IGNORECASE)
_NOT_RUN = (".pyi", ".pyc", ".pyo", "py.typed")
_TEST_FOLDERS = {"test", "tests", "testing", "__pycache__"}


class WheelError(Exception):
    """The wheels cannot be had or not be unpacked; the message says which and what to do."""


def download(lock: Path, folder: Path, *, platform: str, python: str) -> list[Path]:
    """Download the wheels of `lock` for one platform and Python into `folder`; returns them sorted by name.

    `platform` is a key of MACHINES, `python` a minor version such as "3.13".

    Raises:
        WheelError: no connection, no wheel for this platform, or a hash that is not in the lock.
    """
    glibc = range(NEWEST_GLIBC.get(python, OTHERWISE_NEWEST_GLIBC), OLDEST_GLIBC - 1, -1)
    tags = [*(f"manylinux_2_{minor}" for minor in glibc), "manylinux2014"]
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        "--no-color",
    ]
    command += ["--require-hashes", "--no-deps", "--only-binary=:all:", "--implementation=cp"]
    command += [f"--python-version={python}", f"--requirement={lock}", f"--dest={folder}"]
    command += [f"--platform={tag}_{MACHINES[platform]}" for tag in tags]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)  # noqa: S603
    if done.returncode:
        raise WheelError(_explain(done.stderr, lock))
    return sorted(folder.glob("*.whl"), key=lambda wheel: wheel.name)


def _explain(stderr: str, lock: Path) -> str:
    """One message for what pip wrote on its way down."""
    said = [line.strip() for line in stderr.splitlines()]
    detail = "; ".join(line.removeprefix("ERROR: ") for line in said if line.startswith("ERROR: "))
    if "DO NOT MATCH THE HASHES" in stderr:
        got = [line for line in said if line.startswith(("Expected sha256", "Got"))]
        named = re.search(r"^\s*(\S+) from (?:http|file)", stderr, re.MULTILINE)
        name = named.group(1) if named else "a package"
        return (
            f"{name} is not what {lock.name} recorded ({'; '.join(got)}). Do not use it: find out why the "
            "index serves another file, or lock again if the change is wanted"
        )
    if "No module named pip" in stderr:
        return f"{sys.executable} has no pip; make the environment again with `make setup`"
    if "from versions: none" in stderr:  # which is what pip says for want of a network, too
        return (
            f"the package index cannot be reached, or has no fitting wheel ({detail}). Check the network and "
            "pip's settings"
        )
    return f"pip cannot download {lock.name}: {detail or stderr.strip() or 'it gave no reason'}"


def unpack(wheels: list[Path], target: Path) -> int:
    """Unpack what runs in Lambda from `wheels` into `target`; returns the number of files.

    Left out: console scripts, tests, type stubs and the installer's notes. Kept of each dist-info: METADATA,
    which `importlib.metadata.version` reads, and the licences.

    Raises:
        WheelError: a file that is not a wheel, a path that leads out of `target`, or the same file in two
        wheels.
    """
    owner: dict[PurePosixPath, str] = {}
    for wheel in wheels:
        try:
            with zipfile.ZipFile(wheel) as archive:
                for name, path in _wanted(archive):
                    if path in owner:
                        raise WheelError(f"{path} is in {owner[path]} and again in {wheel.name}")
                    owner[path] = wheel.name
                    out = target / path
                    out.parent.mkdir(parents=True, exist_ok=True)
                    out.write_bytes(archive.read(name))
        except zipfile.BadZipFile as error:
            raise WheelError(f"{wheel.name} is not a wheel: {error}") from error
    return len(owner)


def _wanted(archive: zipfile.ZipFile) -> Iterator[tuple[str, PurePosixPath]]:
    """The members of a wheel that ship, with the path that each has in the layer."""
    for name in sorted(archive.namelist()):
        path = PurePosixPath(name)
        if name.endswith("/"):
            continue
        if path.is_absolute() or ".." in path.parts or "\\" in name:
            raise WheelError(
                f"{Path(archive.filename or '?').name} wants to write to {name!r}, outside its folder"
            )
        if path.parts[0].endswith(".data"):
            if path.parts[1] not in ("purelib", "platlib"):
                continue  # scripts, headers and data of an installation
            path = PurePosixPath(*path.parts[2:])
        if _ships(path):
            yield name, path


def _ships(path: PurePosixPath) -> bool:
    top = path.parts[0]
    if top.endswith(".dist-info"):
        return path.parts[1] == "METADATA" or bool(_LICENCE.search("/".join(path.parts[1:])))
    return not path.name.endswith(_NOT_RUN) and _TEST_FOLDERS.isdisjoint(path.parts[:-1])


def normalise(folder: Path, *, mtime: int) -> None:
    """Give every file below `folder` mode 0644, every folder 0755, and all the same time (unix seconds).

    The umask of the machine that builds would otherwise be part of the asset, and Lambda's user could not
    read a file of mode 0600.
    """
    for parent, _, files in os.walk(folder, topdown=False):
        for path in [*(Path(parent, file) for file in files), Path(parent)]:
            path.chmod(0o755 if path.is_dir() else 0o644)
            os.utime(path, (mtime, mtime))
