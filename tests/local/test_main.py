"""The command line: what it prints, how it ends, and that nothing is left behind."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.__main__ import main
from local.lambda_host.toolchain import ROOT
from tests.local.support import free_port_base, gone, until


@contextmanager
def command(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "local", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """Return what the process printed up to the line with these words."""
    assert process.stdout
    printed = ""
    for line in process.stdout:
        printed += line
        if words in line:
            return printed
    pytest.fail(f"it ended without {words!r}:\n{printed}")


def children(pid: int) -> list[int]:
    """Return all descendants of a process, by the parents that /proc tells."""
    found: list[int] = []
    parents = [pid]
    table = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        table[int(entry.parent.name)] = int(fields[1])
    while parents:
        parent = parents.pop()
        below = [child for child, above in table.items() if above == parent]
        found += below
        parents += below
    return found


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int], str]]:
    base = free_port_base()
    with command("serve", "--port-base", str(base), "--data-dir", str(tmp_path / "data")) as process:
        printed = read_until(process, "Ctrl-C ends everything")
        pids = children(process.pid)
        assert len(pids) >= 3  # the group's leader, moto, the stand-in
        yield process, pids, printed
    until(lambda: all(gone(pid) for pid in pids), "nothing is left")


def test_serve_prints_where_everything_is_and_ends_by_ctrl_c(
    serving: tuple[subprocess.Popen[str], list[int], str],
) -> None:
    process, pids, printed = serving
    assert printed.count("POST http://127.0.0.1:") == 3
    assert "local-workspace-key" in printed
    assert "local-hmac-key" in printed
    assert "curl -s http://127.0.0.1:" in printed
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    until(lambda: all(gone(pid) for pid in pids), "nothing is left")


def test_serve_ends_by_sigterm(serving: tuple[subprocess.Popen[str], list[int], str]) -> None:
    process, pids, _ = serving
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    until(lambda: all(gone(pid) for pid in pids), "nothing is left")


def test_killed_serve_leaves_nothing(serving: tuple[subprocess.Popen[str], list[int], str]) -> None:
    process, pids, _ = serving
    process.kill()
    process.wait(20)
    until(lambda: all(gone(pid) for pid in pids), "nothing is left")


def test_taken_port_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    base = free_port_base()
    with socket.create_server(("127.0.0.1", base + 1)):
        assert run("serve", "--port-base", str(base), "--data-dir", str(tmp_path)) == 2
    assert capsys.readouterr().err == (
        f"error: port {base + 1} (for client-data) cannot be used (Address already in use): "
        "stop what uses it, or choose another --port-base\n"
    )


def run(*arguments: str) -> int:
    """Run a command in this process and put its signal handlers back afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return main(arguments)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_missing_call_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run", "--call", "no-such-call.json") == 2
    assert "there is no file no-such-call.json" in capsys.readouterr().err


def test_other_mem0_needs_its_key(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MEM0_API_KEY", raising=False)
    assert run("serve", "--mem0", "https://mem0.example") == 2
    assert "set MEM0_API_KEY" in capsys.readouterr().err


def test_stand_in_runs_alone_and_ends_by_sigterm(tmp_path: Path) -> None:
    port = free_port_base()
    with command("mem0", "--port", str(port), "--data-dir", str(tmp_path)) as process:
        assert f"http://127.0.0.1:{port}" in read_until(process, "Mem0 stand-in at")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.mark.parametrize("words", [[], ["run"], ["serve"], ["mem0"], ["setup"]])
def test_help_explains_each_command(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*words, "--help")
    assert ended.value.code == 0
    assert "usage: python -m local" in capsys.readouterr().out


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("--help")
    assert "python -m local serve --mem0 https://api.mem0.ai" in capsys.readouterr().out


def test_setup_makes_everything_ready(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("setup") == 0
    assert "ready" in capsys.readouterr().err
