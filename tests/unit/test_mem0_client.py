"""The real MemoryClient, without what it never uses. Each test runs in a process of its own."""

import ast
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
    code = "from shared.mem0_client import MemoryClient as M; import inspect; print(inspect.getfile(M))"
    assert run(code, tmp_path) == str(Path(sys.modules["mem0.client"].__path__[0]) / "main.py")


@pytest.mark.parametrize(
    "heavy", ["qdrant_client", "grpc", "openai", "sqlalchemy", "numpy", "posthog", "boto3", "pydantic"]
)
def test_engine_is_not_imported(heavy: str, tmp_path: Path) -> None:
    assert run(f"import shared.mem0_client, sys; print({heavy!r} in sys.modules)", tmp_path) == "False"


def test_stand_ins_are_gone_for_everybody_else(tmp_path: Path) -> None:
    code = "import shared.mem0_client, requests; print(requests.get)"
    assert run(code, tmp_path).startswith("<function get")
    code = "import shared.mem0_client, pydantic; print(pydantic.BaseModel.model_dump)"
    assert run(code, tmp_path).startswith("<function BaseModel.model_dump")


def test_client_makes_no_other_model_than_the_projects_three_strings() -> None:
    """The stand-in for pydantic checks nothing: each model that the client makes has to be looked at."""
    package = Path(sys.modules["mem0.client"].__path__[0])
    nodes = [node for path in package.glob("*.py") for node in ast.walk(ast.parse(path.read_text()))]
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    models = {each.name for each in classes if "BaseModel" in map(ast.unparse, each.bases)}
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    assert {ast.unparse(call) for call in calls if ast.unparse(call.func) in models} == {
        "ProjectConfig(org_id=org_id, project_id=project_id, user_email=user_email)"
    }


def test_telemetry_is_off_by_default(tmp_path: Path) -> None:
    code = (
        "import shared.mem0_client; from mem0.memory import telemetry;"
        " print(telemetry.client_telemetry.posthog)"
    )
    assert run(code, tmp_path) == "None"
