"""`make live` sends nothing without keys and consent, and says what it will cost."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from bench import live

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("given", [{}, {"MEM0_API_KEY": "key"}, {"ELEVENLABS_API_KEY": " "}])
def test_missing_keys_are_named_and_nothing_is_run(given: dict[str, str]) -> None:
    command = [sys.executable, "bench/live.py", "--yes"]
    environment = {"PATH": os.environ["PATH"], **given}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode == 2
    assert done.stdout == ""
    for name in live.KEYS:
        assert (f"{name} is not set" in done.stderr) == (not given.get(name, "").strip())


def test_cost_is_counted_by_service(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ELEVENLABS_BASE_URL", "MEM0_HOST"):
        monkeypatch.delenv(name, raising=False)
    counted = {"elevenlabs tools.create": 3, "mem0 add": 2, "mem0 search": 1, "mem0 extractions": 1}
    text = live.cost(Counter(counted))
    assert "3 requests to https://api.elevenlabs.io" in text
    assert "3 requests to https://api.mem0.ai: 2 adds (1 with an extraction), 1 searches" in text
