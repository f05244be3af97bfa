"""layer/build.py: its arguments, what it unpacks, and that it gives the same bytes everywhere."""

import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from layer import build, wheels
from tests.assembly.invented import MODULE, metadata, snapshot, wheel
from tests.infra.conftest import ROOT

BUILD = ROOT / "layer" / "build.py"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(BUILD), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


# The command


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("out",), "the following arguments are required: --platform"),
        (("out", "--platform", "windows"), "invalid choice: 'windows' (choose from"),
        (("out", "--platform", "linux-arm64", "--python", "3.9"), "invalid choice: '3.9' (choose from"),
        (("--platform", "linux-arm64"), "the following arguments are required: OUT"),
        (("out", "--platform", "linux-arm64", "--fast"), "unrecognized arguments: --fast"),
    ],
)
def test_wrong_arguments_are_told(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_help_tells_what_it_needs() -> None:
    done = run("--help")
    assert done.returncode == 0
    for word in ("OUT", "--platform", "linux-arm64", "--python", "--asset-hash", "Example"):
        assert word in done.stdout


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("work")
    done = run(str(tmp_path), "--platform", "linux-arm64")
    assert done.returncode == 1
    assert done.stderr == f"layer: error: {tmp_path} is not an empty folder; remove it or name another\n"
    assert (tmp_path / "precious").read_text() == "work"


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run(str(tmp_path / "file" / "out"), "--platform", "linux-arm64")
    assert done.returncode == 1
    assert re.fullmatch(r"layer: error: \S+ cannot be written: .+\n", done.stderr)


def test_without_a_network_the_error_says_so_and_nothing_is_left(tmp_path: Path) -> None:
    nowhere = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_CONFIG_FILE": os.devnull,
    }
    done = run(str(tmp_path / "out"), "--platform", "linux-arm64", **nowhere)
    assert done.returncode == 1
    assert "the package index cannot be reached" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_wheel_that_the_lock_does_not_know_is_refused(tmp_path: Path) -> None:
    wheel(tmp_path, "sample", **{"sample.py": "", **metadata("sample")})
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"--no-index\n--find-links {tmp_path}\nsample==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(wheels.WheelError, match=r"requirements\.lock recorded .*Expected sha256 0000"):
        build.build(tmp_path / "out", platform="linux-arm64", python="3.13", lock=lock)
    assert not (tmp_path / "out").exists()


def test_without_a_compiler_the_layer_ships_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def invented(_lock: Path, folder: Path, **_: str) -> list[Path]:
        folder.mkdir()
        return [wheel(folder, "sample", **{"sample.py": MODULE})]

    monkeypatch.setattr(build, "download", invented)
    monkeypatch.setattr(build, "find_compiler", lambda _: None)
    build.build(tmp_path / "out", platform="linux-arm64", python="3.13")
    assert [path.name for path in (tmp_path / "out" / "python").iterdir()] == ["sample.py"]
    assert "warning: no Python 3.13 here to compile with" in capfd.readouterr().err


# The asset's hash


@pytest.fixture
def inputs(tmp_path: Path) -> Callable[[], str]:
    """Computes the hash of a copy of the builder, which a test may change."""
    for name in (*build.SOURCES, build.LOCK.name):
        (tmp_path / name).write_bytes((ROOT / "layer" / name).read_bytes())
    return lambda: build.asset_hash(
        platform="linux-arm64", python="3.13", lock=tmp_path / build.LOCK.name, sources=tmp_path
    )


def test_hash_does_not_depend_on_the_place(inputs: Callable[[], str]) -> None:
    assert inputs() == build.asset_hash(platform="linux-arm64", python="3.13")
    assert run("--asset-hash", "--platform", "linux-arm64").stdout.strip() == inputs()


@pytest.mark.parametrize("name", [*build.SOURCES, build.LOCK.name])
def test_hash_follows_every_input(inputs: Callable[[], str], tmp_path: Path, name: str) -> None:
    before = inputs()
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes() + b"\n")
    assert inputs() != before


def test_hash_follows_platform_python_and_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {build.asset_hash(platform=platform, python="3.13") for platform in wheels.MACHINES}
    seen.add(build.asset_hash(platform="linux-arm64", python="3.14"))
    monkeypatch.setattr(build, "find_compiler", lambda _: None)
    seen.add(build.asset_hash(platform="linux-arm64", python="3.13"))
    assert len(seen) == 4


def test_line_ends_of_a_checkout_do_not_change_the_hash(inputs: Callable[[], str], tmp_path: Path) -> None:
    before = inputs()
    (tmp_path / "build.py").write_bytes((tmp_path / "build.py").read_bytes().replace(b"\n", b"\r\n"))
    assert inputs() == before


# The lock


def test_only_direct_requirement_is_mem0ai() -> None:
    lines = (ROOT / "layer" / "requirements.txt").read_text().splitlines()
    assert lines == [f"mem0ai=={importlib.metadata.version('mem0ai')}"]


def test_lock_holds_pinned_names_and_hashes_and_nothing_else() -> None:
    lock = build.LOCK.read_text()
    for line in lock.splitlines():
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]* \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line), (
            line
        )
    names = re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE)
    assert names == [
        "annotated-types",
        "anyio",
        "certifi",
        "h11",
        "httpcore",
        "httpx",
        "idna",
        "mem0ai",
        "pydantic",
        "pydantic-core",
        "typing-extensions",
        "typing-inspection",
    ]


# The real thing


def test_two_builds_in_different_places_are_byte_for_byte_equal(assembly: Path, tmp_path: Path) -> None:
    """The one that CDK had made, and one under another umask, time zone, home and hash seed."""
    (by_cdk,) = (path.parent for path in assembly.glob("asset.*/python"))
    out = tmp_path / "else where" / "layer"
    done = subprocess.run(
        [
            "/bin/sh",
            "-c",
            'umask 077; exec "$@"',
            "-",
            sys.executable,
            str(BUILD),
            str(out),
            "--platform",
            "linux-arm64",
        ],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert snapshot(out) == snapshot(by_cdk)
    assert {path.name for path in out.iterdir()} == {"python"}
    natives = [path.name for path in out.rglob("*.so")]
    assert natives == ["_pydantic_core.cpython-313-aarch64-linux-gnu.so"]
    assert all(path.with_suffix("").name.endswith(".cpython-313") for path in out.rglob("*.pyc"))
    assert len(list(out.rglob("*.pyc"))) == len(list(out.rglob("*.py")))
    assert sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) < 20e6


CLIENT_ALONE = """
import os, sys, types
os.environ["MEM0_TELEMETRY"] = "False"
sys.path.append(sys.argv[1])
stand_ins = {"mem0.memory.main": ["Memory", "AsyncMemory"], "posthog": ["Posthog"], "requests": []}
for name, attributes in stand_ins.items():
    sys.modules[name] = types.ModuleType(name)
    for attribute in attributes:
        setattr(sys.modules[name], attribute, object)
from mem0 import MemoryClient, __version__
import httpx
httpx.Client().close()
print(__version__, MemoryClient.__module__, httpx.__cached__.startswith(sys.argv[1]))
"""


def test_the_real_client_imports_from_the_layer_alone(tmp_path: Path) -> None:
    """With this machine's Python, isolated from the environment and from site-packages."""
    if sys.platform != "linux" or sys.version_info[:2] > (3, 14):
        pytest.skip("layers are built for Linux and Python 3.11 to 3.14")
    machine = "linux-arm64" if os.uname().machine in ("aarch64", "arm64") else "linux-x86_64"
    python = "{}.{}".format(*sys.version_info)
    build.build(tmp_path / "layer", platform=machine, python=python)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", CLIENT_ALONE, str(tmp_path / "layer" / "python")],
        env={"PATH": os.environ["PATH"], "MEM0_DIR": str(tmp_path / "mem0")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "2.2.1 mem0.client.main True\n", done.stderr
