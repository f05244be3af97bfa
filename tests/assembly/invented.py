"""Small invented wheels for the tests of the layer, and a way to compare what became of them."""

import hashlib
import zipfile
from pathlib import Path

MODULE = "import json\n\n\ndef load(text: str) -> object:\n    return json.loads(text)\n"


def snapshot(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Every file and folder below, with its content's hash, its mode and its time."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            path.stat().st_mode & 0o7777,
            int(path.stat().st_mtime),
        )
        for path in folder.rglob("*")
    }


def wheel(folder: Path, name: str, **files: str) -> Path:
    """A small invented wheel; the keywords are the paths in it, with their text."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in files.items():
            archive.writestr(member, text)
    return path


def metadata(name: str) -> dict[str, str]:
    """The dist-info of a wheel, to be spread into `wheel`."""
    return {
        f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{name}-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{name}-1.0.dist-info/RECORD": "",
    }
