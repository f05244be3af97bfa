"""`amem console`, and what `make serve` prints of its own."""

import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from console.server import kept_token
from local.lambda_host.toolchain import ROOT
from local.system import System
from tests.console.conftest import MARIA
from tests.local.support import until


def started(system: System, home: Path, *options: str) -> subprocess.Popen[str]:
    environment = {**system.operator_environment, "PATH": os.environ["PATH"], "XDG_STATE_HOME": str(home)}
    return subprocess.Popen(
        [sys.executable, "-m", "ops", "console", "--port", "0", *options],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def address(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_console_of_a_stage_reads_only_and_ends_with_a_signal(
    system: System, tmp_path: Path, number: signal.Signals
) -> None:
    with started(system, tmp_path) as process:
        url = address(process)
        with httpx.Client(follow_redirects=True) as browser:
            page = browser.get(url)
            assert page.status_code == 200
            assert "<h1>Calls</h1>" in page.text
            origin = url.split("/?")[0]
            refused = browser.post(f"{origin}/health/redrive", headers={"Origin": origin})
            assert refused.status_code == 403
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in errors


def test_console_listens_on_this_machine_only(system: System, tmp_path: Path) -> None:
    with started(system, tmp_path) as process:
        port = int(re.findall(r":(\d+)/", address(process))[0])
        listening = [
            line.split()[1]
            for line in Path("/proc/net/tcp").read_text().splitlines()
            if line.split()[3] == "0A"
        ]
        assert [where for where in listening if where.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]
        process.terminate()
        process.communicate(timeout=20)


def test_taken_port_is_told(system: System, tmp_path: Path) -> None:
    taken = str(system.elevenlabs.url.rpartition(":")[2])
    with started(system, tmp_path, "--port", taken) as process:
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert f"port {taken}" in errors
    assert "choose another --port" in errors


def test_token_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "token"
    first = kept_token(path)
    assert len(first) > 20
    assert kept_token(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("")
    assert len(kept_token(path)) > 20


def test_changes_are_allowed_when_asked_for(system: System, tmp_path: Path) -> None:
    with started(system, tmp_path, "--allow-changes") as process:
        url = address(process)
        origin = url.split("/?")[0]
        with httpx.Client(follow_redirects=True) as browser:
            browser.get(url)
            found = browser.post(f"{origin}/callers", headers={"Origin": origin}, data={"caller": MARIA})
            assert 'name="typed"' in browser.get(f"{found.url}/forget").text
        process.terminate()
        process.communicate(timeout=20)
    until(lambda: process.poll() is not None, "it has ended")
