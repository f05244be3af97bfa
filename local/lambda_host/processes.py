"""Child processes that cannot outlive their parent, however it ends.

All children join one process group whose leader is a tiny process reading a pipe from us. When we end, even
by SIGKILL, the pipe closes and the leader kills the group, stopped (frozen) members included. Linux's
PR_SET_PDEATHSIG
was refused: it fires when the *thread* that started the child ends, and macOS has none.
"""

import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

# A script, not a module: it must start in milliseconds and import nothing that could fail.
LEADER = "import os, signal, sys\nsys.stdin.buffer.read()\nos.killpg(0, signal.SIGKILL)\n"


class ProcessGroup:
    """A set of child processes that end together."""

    def __init__(self) -> None:
        command = [sys.executable, "-I", "-S", "-c", LEADER]
        self._leader = subprocess.Popen(command, stdin=subprocess.PIPE, process_group=0)  # noqa: S603 - ours
        self._stopped = False

    @property
    def leader_pid(self) -> int:
        """The process id of the watching leader, which is also the group's id."""
        return self._leader.pid

    def start(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a child in the group, with stdout and stderr together in one pipe and no stdin.

        Raises:
            RuntimeError: the group was stopped already.
        """
        if self._stopped:
            raise RuntimeError("the process group has been stopped: start a new system")
        return subprocess.Popen(  # noqa: S603 - the commands are the host's own
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            cwd=cwd,
            process_group=self._leader.pid,
        )

    def stop(self) -> None:
        """Kill every member and the leader, and wait for the leader. Safe to call twice."""
        if self._stopped:
            return
        self._stopped = True
        with suppress(ProcessLookupError):
            os.killpg(self._leader.pid, signal.SIGKILL)
        self._leader.wait()
        if self._leader.stdin:
            self._leader.stdin.close()


class Service:
    """A child that serves on a port which it prints once it does.

    Args:
        group: the group to join.
        name: what it is, for errors.
        command: what to run.
        announces: how its first important line looks; the first group is what `announced` returns.
        environment: its variables.
        cwd: where it runs.
    """

    def __init__(  # noqa: PLR0913 - what is started, and how one sees that it runs
        self,
        group: ProcessGroup,
        name: str,
        command: Sequence[str],
        *,
        announces: str,
        environment: Mapping[str, str],
        cwd: Path,
    ) -> None:
        self._name = name
        self._pattern = re.compile(announces)
        self._printed: deque[str] = deque(maxlen=20)
        self._found: str | None = None
        self._settled = threading.Event()
        self._process = group.start(command, environment, cwd)
        self._reader = threading.Thread(target=self._read, name=f"output of {name}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def announced(self, timeout: float = 60.0) -> str:
        """Return what it announced; wait until it has.

        Raises:
            RuntimeError: it ended, or announced nothing within `timeout` seconds; with what it printed.
        """
        self._settled.wait(timeout)
        if self._found is None:
            self.stop()
            raise RuntimeError(f"{self._name} did not start:\n" + "\n".join(self._printed))
        return self._found

    def stop(self, grace: float = 0.0) -> None:
        """End it: by SIGTERM with `grace` seconds to obey, then by SIGKILL. Safe to call twice."""
        if grace and self._process.poll() is None:
            self._process.terminate()
            self._reader.join(grace)
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def _read(self) -> None:
        stdout = self._process.stdout
        if stdout is None:
            raise RuntimeError("a child of the group always has a pipe for its output")
        with stdout:
            for raw in stdout:
                line = raw.decode("utf-8", "replace").rstrip()
                self._printed.append(line)
                match = self._pattern.search(line)
                if match and self._found is None:
                    self._found = match[1]
                    self._settled.set()
        self._settled.set()
