"""The real MemoryClient, without what it never uses. Each test runs in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

LAMBDAS = Path(__file__).parents[2] / "lambdas"


def run(code: str, tmp_path: Path) -> str:
    environment = {"MEM0_DIR": str(tmp_path), "PYTHONPATH": str(LAMBDAS), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_class_is_the_librarys_own(tmp_path: Path) -> None:
    code = "from shared.mem0.library import MemoryClient as M; import inspect; print(inspect.getfile(M))"
    assert run(code, tmp_path) == str(Path(sys.modules["mem0.client"].__path__[0]) / "main.py")


@pytest.mark.parametrize(
    "heavy", ["qdrant_client", "grpc", "openai", "sqlalchemy", "numpy", "posthog", "boto3", "pydantic"]
)
def test_engine_is_not_imported(heavy: str, tmp_path: Path) -> None:
    assert run(f"import shared.mem0.library, sys; print({heavy!r} in sys.modules)", tmp_path) == "False"


def test_stand_ins_are_gone_for_everybody_else(tmp_path: Path) -> None:
    code = "import shared.mem0.library, requests; print(requests.get)"
    assert run(code, tmp_path).startswith("<function get")
    code = "import shared.mem0.library, pydantic; print(pydantic.BaseModel.model_dump)"
    assert run(code, tmp_path).startswith("<function BaseModel.model_dump")


def test_telemetry_is_off_by_default(tmp_path: Path) -> None:
    code = (
        "import shared.mem0.library; from mem0.memory import telemetry;"
        " print(telemetry.client_telemetry.posthog)"
    )
    assert run(code, tmp_path) == "None"
