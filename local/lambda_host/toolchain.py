"""What an instance needs on disk: Lambda's packages, the layer and the functions' own, each made once."""

import fcntl
import hashlib
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from local.processes import CHILDREN

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
RUNTIME_LOCK = Path(__file__).with_name("runtime.lock")
MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


class ToolchainError(RuntimeError):
    """Something that the system needs could not be made. The message ends with the tool's last lines."""


def quiet(_line: str) -> None:
    """Ignore progress."""


def digest_of(paths: Iterable[Path], *words: str) -> str:
    """Return 16 hex digits that change when a file's content or name, or a word, changes."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(f"{path.name}\0".encode())
        digest.update(path.read_bytes())
    digest.update("\0".join(words).encode())
    return digest.hexdigest()[:16]


def make_once(
    folder: Path, doing: str, progress: Callable[[str], None], make: Callable[[Path], None]
) -> Path:
    """Make a folder by `make(fresh folder)` unless it is there; who else wants it (another process) waits."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            progress(doing)
            fresh = folder.with_name(f"{folder.name}.part")
            shutil.rmtree(fresh, ignore_errors=True)
            make(fresh)
            fresh.rename(folder)
    return folder


def python_minor(python: str = sys.executable) -> str:
    """Return "3.13" and the like for an interpreter.

    Raises:
        ToolchainError: the interpreter does not run.
    """
    if python == sys.executable:
        return f"{sys.version_info.major}.{sys.version_info.minor}"
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return run([python, "-I", "-S", "-c", code], f"asking {python} for its version").strip()


def run(
    command: list[str], doing: str, environment: Mapping[str, str] | None = None, folder: Path = ROOT
) -> str:
    """Run a tool to its end and return what it printed to stdout.

    Raises:
        ToolchainError: it failed; the message says at what and ends with the tool's last lines.
    """
    with CHILDREN.start(command, environment, folder, stderr=subprocess.PIPE) as tool:
        stdout, stderr = (printed.decode("utf-8", "replace") for printed in tool.communicate())
    if tool.returncode:
        tail = "\n".join((stdout + stderr).strip().splitlines()[-15:])
        raise ToolchainError(f"{doing} failed ({' '.join(command)}):\n{tail}")
    return stdout


def ensure_runtime(python: str = sys.executable, progress: Callable[[str], None] = quiet) -> Path:
    """Return the folder with awslambdaric, boto3 and what they need for `python`; install it if missing.

    Raises:
        ToolchainError: the installation failed, e.g. because the package index could not be reached.
    """
    minor = python_minor(python)

    def install(fresh: Path) -> None:
        # pip, because it follows the machine's own settings for proxies, certificates and mirrors.
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--require-hashes", "--no-compile", "--only-binary=:all:"]
        command += ["--python-version", minor, "--target", str(fresh), "-r", str(RUNTIME_LOCK)]
        run(command, "installing the packages of Lambda's runtime")
        run([python, "-m", "compileall", "-q", str(fresh)], "compiling the packages of Lambda's runtime")

    folder = Path(sys.prefix) / "lambda-runtime" / f"{minor}-{digest_of([RUNTIME_LOCK], minor)}"
    doing = f"installing Lambda's own packages (awslambdaric, boto3) for Python {minor}"
    return make_once(folder, doing, progress, install)


def ensure_packages(python: str = sys.executable, progress: Callable[[str], None] = quiet) -> Path:
    """Return the folder with the packages that ship beside the functions' code, for `python`.

    Raises:
        ToolchainError: they could not be had.
    """
    minor = python_minor(python)

    def build(fresh: Path) -> None:
        command = [sys.executable, str(ROOT / "layer" / "functions.py"), str(fresh), "--packages-only"]
        run([*command, "--python", minor], "installing the functions' packages")

    lock = ROOT / "lambdas" / "requirements.lock"
    sources = [path for path in (ROOT / "layer").iterdir() if path.suffix in {".py", ".mjs"}]
    folder = CACHE / "packages" / f"{minor}-{digest_of([lock, *sources])}"
    return make_once(folder, f"installing the functions' packages for Python {minor}", progress, build)


def ensure_layer(python: str = sys.executable, progress: Callable[[str], None] = quiet) -> Path:
    """Return the root of the built layer (the folder that holds `python/`) for this machine and `python`.

    Raises:
        ToolchainError: the machine is not one that the layer can be built for, or the build failed.
    """
    machine = MACHINES.get(platform.machine().lower())
    if sys.platform != "linux" or machine is None:
        raise ToolchainError(
            f"the layer holds Linux binaries for x86_64 or arm64; this machine is {sys.platform} on "
            f"{platform.machine()}: run the local system in a Linux container or virtual machine"
        )
    minor = python_minor(python)
    target = ["--platform", f"linux-{machine}", "--python", minor]

    def build(fresh: Path) -> None:
        run([sys.executable, str(ROOT / "layer" / "build.py"), str(fresh), *target], "building the layer")

    sources = [path for path in (ROOT / "layer").iterdir() if path.is_file()]
    folder = CACHE / "layer" / f"linux-{machine}-{minor}-{digest_of(sources)}"
    return make_once(folder, f"building the layer for linux-{machine}, Python {minor}", progress, build)
