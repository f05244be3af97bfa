"""Child processes that cannot outlive this one, however it ends.

All children join one process group whose leader is a tiny process that reads a pipe from us. When we end,
even by SIGKILL, the pipe closes and the leader kills the group, stopped (frozen) members included.
PR_SET_PDEATHSIG would fire when the *thread* that started the child ends, and macOS has none.
"""

import atexit
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
    """A set of child processes that end together; the leader starts with the first of them."""

    def __init__(self) -> None:
        self._leader: subprocess.Popen[bytes] | None = None
        self._members: list[subprocess.Popen[bytes]] = []
        self._stopped = False
        # A child that was forked and has not joined the group would survive: nothing is killed meanwhile.
        self._lock = threading.Lock()

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stderr: int = subprocess.STDOUT,
    ) -> subprocess.Popen[bytes]:
        """Start a child in the group, with its output in a pipe and no stdin.

        Raises:
            RuntimeError: the group was stopped already.
        """
        with self._lock:
            if self._stopped:
                raise RuntimeError("the process group has been stopped")
            if self._leader is None:
                leader = [sys.executable, "-I", "-S", "-c", LEADER]
                self._leader = subprocess.Popen(leader, stdin=subprocess.PIPE, process_group=0)  # noqa: S603 - ours
            child = subprocess.Popen(  # noqa: S603 - our own commands
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=None if environment is None else dict(environment),
                cwd=cwd,
                process_group=self._leader.pid,
            )
            self._members = [member for member in self._members if member.poll() is None]
            self._members.append(child)
            return child

    def stop(self) -> None:
        """Kill every member and the leader, for good. Safe to call twice."""
        with self._lock:
            self._stopped = True
            if self._leader is None:
                return
            with suppress(ProcessLookupError):
                os.killpg(self._leader.pid, signal.SIGKILL)
            for member in (*self._members, self._leader):
                member.wait()
            if self._leader.stdin:
                self._leader.stdin.close()


CHILDREN = ProcessGroup()
"""The group of all children of this process."""
atexit.register(CHILDREN.stop)


class Service:
    """A child that prints a line once it serves; the first group of `announces` finds its address there."""

    def __init__(
        self, name: str, command: Sequence[str], announces: str, environment: Mapping[str, str]
    ) -> None:
        self._name = name
        self._pattern = re.compile(announces)
        self._printed: deque[str] = deque(maxlen=20)
        self._found: str | None = None
        self._settled = threading.Event()
        self._process = CHILDREN.start(command, environment)
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, name=f"output of {name}", daemon=True)
        self._reader.start()

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

    def stop(self) -> None:
        """Kill it. Safe to call twice."""
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def _read(self) -> None:
        stdout = self._process.stdout
        if stdout is None:
            raise RuntimeError("a child always has a pipe for its output")
        with stdout:
            for raw in stdout:
                line = raw.decode("utf-8", "replace").rstrip()
                self._printed.append(line)
                match = self._pattern.search(line)
                if match and self._found is None:
                    self._found = match[1]
                    self._settled.set()
        self._settled.set()
