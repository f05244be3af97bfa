"""What a function's process may have loaded when it asks for its first event: names and numbers, no timings.

The process has what Lambda would give it (the built layer, Lambda's own packages), and nothing else.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from local.lambda_host.toolchain import ensure_layer, ensure_runtime

LAMBDAS = Path(__file__).parents[2] / "lambdas"
# What would cost a caller time: AWS's SDK, mem0's self-hosted engine, its telemetry, and libraries of tools.
HEAVY = (
    *("boto3", "botocore", "qdrant_client", "grpc", "numpy", "openai", "sqlalchemy", "posthog", "requests"),
    *("pydantic", "pydantic_core", "aws_lambda_powertools", "rich", "click", "h2", "trio", "asyncio"),
    *("httpcore", "h11", "anyio", "concurrent.futures", "multiprocessing", "unittest", "sqlite3", "xml"),
)
# A reader's process has no use for the writer's side, and the webhook none for Mem0.
FORBIDDEN = {
    "client_data.handler": (*HEAVY, "post_call", "retrieve"),
    "retrieve.handler": (*HEAVY, "post_call", "client_data"),
    "post_call.handler": (*HEAVY, "httpx", "mem0", "shared.mem0", "post_call.worker"),
}
# Ours, mem0's, httpx's and the standard library's, when this was written: 274, 274 and 156.
MOST_MODULES = {"client_data.handler": 300, "retrieve.handler": 300, "post_call.handler": 180}


def loaded(handler: str, tmp_path: Path) -> set[str]:
    """The modules of a fresh process that has imported `handler`; there is no Mem0 to connect to."""
    environment = {
        "MEM0_DIR": str(tmp_path),
        "MEM0_HOST": "http://127.0.0.1:9",
        "MEM0_API_KEY": "key",
        "ELEVENLABS_WORKSPACE_KEY": "key",
    }
    folders = [str(LAMBDAS), str(ensure_layer() / "python"), str(ensure_runtime())]
    code = f"import sys; sys.path[:0] = {folders}; import {handler}; print(*sys.modules)"
    command = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("handler", FORBIDDEN)
def test_process_has_loaded_only_what_it_needs(handler: str, tmp_path: Path) -> None:
    modules = loaded(handler, tmp_path)
    assert not modules & set(FORBIDDEN[handler])
    assert len(modules) <= MOST_MODULES[handler]
