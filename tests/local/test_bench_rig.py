"""The built layer alone, and the parts of the bench that would spoil a figure without anybody noticing."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.measure.naive_layer import LOCK, age
from local.lambda_host.toolchain import ROOT, ensure_layer
from local.mem0 import server

USE = """
import os, sys
sys.path[:0] = sys.argv[1:3]
import httpx
from shared.http_client import HttpClient
from shared.mem0.library import MemoryClient
from shared.mem0.transport import Transport
http = httpx.Client(transport=Transport(HttpClient(sys.argv[3], 20))) if sys.argv[4] == "ours" else None
client = MemoryClient(api_key="local-mem0-key", host=sys.argv[3], client=http)
said = [{"role": "user", "content": "The tomatoes have brown spots."}]
client.add(said, user_id="+16125550142", infer=False)
rows = client.get_all(filters={"user_id": "+16125550142"})["results"]
found = client.search("tomatoes", filters={"user_id": "+16125550142"}, top_k=1)["results"]
home = sys.modules["mem0"].__file__.startswith(sys.argv[1])
print(client.org_id, rows[0]["memory"] == found[0]["memory"], home, MemoryClient.__module__)
"""


@pytest.mark.parametrize(("http", "org_id"), [("ours", "unasked"), ("its own", "local-org")])
def test_built_layer_alone_adds_lists_and_searches(tmp_path: Path, http: str, org_id: str) -> None:
    """Our transport answers the ping of mem0's constructor itself; the key is checked elsewhere."""
    with server.start(tmp_path) as mem0:
        places = [str(ensure_layer() / "python"), str(ROOT / "lambdas"), mem0.url, http]
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", USE, *places],
            env={"PATH": os.environ["PATH"], "MEM0_DIR": str(tmp_path / "mem0")},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.stdout == f"{org_id} True True mem0.client.main\n", done.stderr


def test_files_get_the_time_of_cdks_zip(tmp_path: Path) -> None:
    (tmp_path / "module.py").touch()
    age(tmp_path)
    assert (tmp_path / "module.py").stat().st_mtime == 315532800


def test_naive_layer_is_the_plain_library_with_hashes() -> None:
    lock = LOCK.read_text()
    assert f"mem0ai=={importlib.metadata.version('mem0ai')}" in lock
    assert all(f"\n{name}==" in lock for name in ("qdrant-client", "grpcio", "numpy", "openai", "sqlalchemy"))
    assert lock.count("--hash=sha256:") >= lock.count("==")
