"""The command line: what it prints, how it ends, and that nothing is left behind."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from local.cli import main
from local.lambda_host.toolchain import ROOT
from tests.local.support import free_port_base, gone, until

Process = subprocess.Popen[str]


@contextmanager
def started(*command: str) -> Iterator[Process]:
    """A command in a process group of its own; what is left of it in the end is killed."""
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def local(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "local", *arguments]


def serve(tmp_path: Path) -> list[str]:
    return local("serve", "--port-base", str(free_port_base()), "--data-dir", str(tmp_path / "data"))


def descendants(pid: int) -> list[int]:
    """The ids of all processes that a process has started, and those have."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rsplit(")", 1)[1].split()[1])
    found = [child for child, parent in parents.items() if parent == pid]
    return found + [below for child in found for below in descendants(child)]


def printed_until(process: Process, words: str) -> str:
    """Return what the process printed to stdout up to the line with these words."""
    assert process.stdout
    printed = ""
    for line in process.stdout:
        printed += line
        if words in line:
            return printed
    pytest.fail(f"it ended without {words!r}:\n{printed}")


def has_children(process: Process) -> None:
    until(lambda: len(descendants(process.pid)) >= 3, "the group's leader, moto and Mem0 are started")


def starts_its_parts(process: Process) -> None:
    assert process.stderr
    process.stderr.readline()


def is_up(process: Process) -> None:
    printed_until(process, "Ctrl-C ends everything")


MOMENTS = [has_children, starts_its_parts, is_up]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.__name__)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_ends_quietly_however_many_signals_come(
    tmp_path: Path, moment: Callable[[Process], None], number: signal.Signals
) -> None:
    with started(*serve(tmp_path)) as process:
        moment(process)
        left = descendants(process.pid)
        with suppress(ProcessLookupError):  # it may be as quick as that
            for _ in range(5):
                os.killpg(process.pid, number)
                process.send_signal(number)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 128 + number
        assert all(line.endswith(" ...") for line in errors.splitlines()), (
            errors
        )  # progress, and nothing else
        assert [pid for pid in left if not gone(pid)] == []


def test_make_serve_under_timeout_leaves_nothing(tmp_path: Path) -> None:
    """Both `timeout` and make pass the signal on, so that the system gets it more than once."""
    command = " ".join(serve(tmp_path))
    makefile = tmp_path / "Makefile"
    makefile.write_text(f"serve:\n\t@{command}\n")
    with started("timeout", "--verbose", "60", "make", "-f", str(makefile), "serve") as process:
        is_up(process)
        left = descendants(process.pid)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
        assert process.returncode in (124, 128 + signal.SIGTERM, -signal.SIGTERM)
        assert "Traceback" not in errors
        assert "error:" not in errors
        until(lambda: all(gone(pid) for pid in left), "nothing is left")


def test_serve_prints_where_everything_is_and_a_kill_leaves_nothing(tmp_path: Path) -> None:
    with started(*serve(tmp_path)) as process:
        printed = printed_until(process, "Ctrl-C ends everything")
        assert printed.count("POST http://127.0.0.1:") == 3
        for words in ("local-workspace-key", "local-hmac-key", "curl -s http://127.0.0.1:"):
            assert words in printed
        env = tmp_path / "data" / "env"
        assert env.stat().st_mode & 0o777 == 0o600
        names = [line.removeprefix("export ").partition("=")[0] for line in env.read_text().splitlines()]
        assert {"AWS_ENDPOINT_URL", "AWS_REGION", "ELEVENLABS_API_KEY", "ELEVENLABS_BASE_URL"} <= {*names}
        left = descendants(process.pid)
        process.kill()
        process.wait(20)
    until(lambda: all(gone(pid) for pid in left), "nothing is left")


def test_interrupted_demo_removes_its_data(tmp_path: Path) -> None:
    with started("env", f"TMPDIR={tmp_path}", *local("run")) as process:
        starts_its_parts(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 128 + signal.SIGINT
    assert list(tmp_path.iterdir()) == []


def test_mem0_runs_alone_and_says_what_it_is_not(tmp_path: Path) -> None:
    port = free_port_base()
    with started(*local("mem0", "--port", str(port), "--data-dir", str(tmp_path))) as process:
        printed = printed_until(process, "no language model")
        assert f"Mem0 stand-in at http://127.0.0.1:{port}" in printed
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 128 + signal.SIGTERM


def run(*arguments: str) -> int:
    """Run a command in this process and put its signal handlers back afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return main(arguments)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_taken_port_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    base = free_port_base()
    with socket.create_server(("127.0.0.1", base + 1)):
        assert run("serve", "--port-base", str(base), "--data-dir", str(tmp_path)) == 2
    assert capsys.readouterr().err == (
        f"error: port {base + 1} (for client-data) cannot be used (Address already in use): "
        "stop what uses it, or choose another --port-base\n"
    )


def test_missing_call_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run", "--call", "no-such-call.json") == 2
    assert "there is no file no-such-call.json" in capsys.readouterr().err


def test_other_mem0_needs_its_key(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MEM0_API_KEY", raising=False)
    assert run("serve", "--mem0", "https://mem0.example") == 2
    assert "set MEM0_API_KEY" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["run"], ["serve"], ["mem0"], ["setup"]])
def test_help_explains_each_command(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*words, "--help")
    assert ended.value.code == 0
    assert "usage: python -m local" in capsys.readouterr().out


def test_setup_makes_everything_ready(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("setup") == 0
    assert "ready" in capsys.readouterr().err
