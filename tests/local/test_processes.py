"""Child processes end with their parent, however it ends, and however they are themselves."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from local.processes import ProcessGroup, Service
from tests.local.support import gone, until

SLEEPER = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"]


def test_stop_ends_members_even_when_they_are_frozen() -> None:
    group = ProcessGroup()
    members = [group.start(SLEEPER) for _ in range(2)]
    members[0].send_signal(signal.SIGSTOP)
    group.stop()
    group.stop()
    assert [member.returncode for member in members] == [-signal.SIGKILL] * 2
    for member in members:
        assert member.stdout
        member.stdout.close()
    with pytest.raises(RuntimeError, match="has been stopped"):
        group.start(SLEEPER)


def test_members_end_when_their_parent_is_killed() -> None:
    parent = textwrap.dedent(
        """
        import signal, sys, time
        from local.processes import CHILDREN
        members = [CHILDREN.start([sys.executable, "-c", "import time; time.sleep(600)"]) for _ in range(2)]
        members[0].send_signal(signal.SIGSTOP)
        print(*(member.pid for member in members), flush=True)
        time.sleep(600)
        """
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        pids = [int(word) for word in process.stdout.readline().split()]
        assert len(pids) == 2
        assert not any(gone(pid) for pid in pids)
        os.kill(process.pid, signal.SIGKILL)
    until(lambda: all(gone(pid) for pid in pids), "all have ended")


def test_service_that_ends_at_once_is_an_error_with_what_it_printed() -> None:
    command = [sys.executable, "-c", "print('no such table'); raise SystemExit(1)"]
    service = Service("the thing", command, r"^ready (\d+)", {})
    with pytest.raises(RuntimeError, match="the thing did not start:\nno such table"):
        service.announced()
