"""layer/wheels.py: what is unpacked, what is left out, and what no wheel may do."""

from pathlib import Path

import pytest

from layer import build, wheels
from tests.assembly.invented import metadata, snapshot, wheel


def test_only_what_runs_is_unpacked(tmp_path: Path) -> None:
    sample = wheel(
        tmp_path,
        "sample",
        **metadata("sample"),
        **{
            "sample/__init__.py": "",
            "sample/data.json": "{}",
            "sample/native.cpython-313-aarch64-linux-gnu.so": "binary",
            "sample/native.pyi": "def f() -> int: ...",
            "sample/py.typed": "",
            "sample/old.pyc": "stale",
            "sample/__pycache__/old.cpython-313.pyc": "stale",
            "sample/tests/test_it.py": "assert False",
            "sample-1.0.dist-info/licenses/LICENSE.txt": "MIT",
            "sample-1.0.dist-info/entry_points.txt": "[console_scripts]\nsample = sample:main",
            "sample-1.0.data/scripts/sample": "#!/usr/bin/python",
            "sample-1.0.data/purelib/sample/extra.py": "",
            "sample-1.0.data/headers/sample.h": "",
        },
    )
    assert wheels.unpack([sample], tmp_path / "python") == 6
    assert sorted(path for path, (digest, *_) in snapshot(tmp_path / "python").items() if digest) == [
        "sample-1.0.dist-info/METADATA",
        "sample-1.0.dist-info/licenses/LICENSE.txt",
        "sample/__init__.py",
        "sample/data.json",
        "sample/extra.py",
        "sample/native.cpython-313-aarch64-linux-gnu.so",
    ]


@pytest.mark.parametrize("name", ["../outside.py", "/etc/outside.py", "sample/../../outside.py"])
def test_a_wheel_cannot_write_outside_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(wheels.WheelError, match=r"sample-1\.0-py3-none-any\.whl wants to write to"):
        wheels.unpack([wheel(tmp_path, "sample", **{name: ""})], tmp_path / "python")
    assert not (tmp_path / "outside.py").exists()


def test_two_wheels_cannot_share_a_file(tmp_path: Path) -> None:
    both = [wheel(tmp_path, name, **{"shared.py": name}) for name in ("first", "second")]
    with pytest.raises(wheels.WheelError, match=r"shared\.py is in first-1\.0-.* and again in second-1\.0-"):
        wheels.unpack(both, tmp_path / "python")


def test_a_broken_wheel_is_told_by_name(tmp_path: Path) -> None:
    (tmp_path / "broken-1.0-py3-none-any.whl").write_text("<html>504</html>")
    with pytest.raises(wheels.WheelError, match=r"broken-1\.0-py3-none-any\.whl is not a wheel"):
        wheels.unpack([tmp_path / "broken-1.0-py3-none-any.whl"], tmp_path / "python")


def test_modes_and_times_do_not_depend_on_the_machine(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True, mode=0o700)
    (tmp_path / "deep" / "er" / "file.py").write_text("")
    (tmp_path / "deep" / "er" / "file.py").chmod(0o600)
    wheels.normalise(tmp_path, mtime=build.MTIME)
    assert {path: (mode, time) for path, (_, mode, time) in snapshot(tmp_path).items()} == {
        "deep": (0o755, 315532800),
        "deep/er": (0o755, 315532800),
        "deep/er/file.py": (0o644, 315532800),
    }
