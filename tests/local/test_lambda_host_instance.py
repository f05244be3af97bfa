"""One instance: frozen, killed, watched at its steps, restored from a snapshot."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.lambda_host import InvocationResult, Step
from tests.local.support import MakeHost, logged, until


def words(outcome: InvocationResult) -> str:
    return str(outcome.json()["errorMessage"])


def test_background_thread_stands_still_between_calls(make_host: MakeHost) -> None:
    host = make_host()
    host.invoke("app", {"do": "tick"})
    (instance,) = host.instances("app")
    until(lambda: stopped(instance.pid), "the instance is frozen")
    ticks = host.functions["app"].code / "ticks"
    before = ticks.read_text()
    # Other processes run meanwhile: a whole second instance is started and answers.
    assert host.invoke("app", {}).error is None
    until(lambda: stopped(instance.pid), "the instance is frozen again")
    frozen = ticks.read_text()
    host.warm("app", 2)
    assert ticks.read_text() == frozen
    assert len(frozen) >= len(before)


def stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"


def test_instance_killed_from_outside_while_it_rests_is_not_noticed_by_callers(make_host: MakeHost) -> None:
    host = make_host()
    (resting,) = host.warm("app")
    os.kill(resting.pid, signal.SIGKILL)
    until(lambda: not resting.alive, "the instance is dead")
    assert host.invoke("app", {}).error is None


def test_kill_during_a_call_fails_that_call(make_host: MakeHost) -> None:
    host = make_host()
    with ThreadPoolExecutor() as pool:
        call = pool.submit(host.invoke, "app", {"do": "hang"})
        logged(host, "hanging")
        host.instances("app")[0].kill()
        assert call.result(10).error == "Runtime.ExitError"
        assert "SIGKILL" in words(call.result())


def test_long_freeze_during_a_call_stops_the_functions_clock(make_host: MakeHost, tmp_path: Path) -> None:
    host, gate = make_host(timeout_seconds=0.5), tmp_path / "gate"
    with ThreadPoolExecutor() as pool:
        call = pool.submit(host.invoke, "app", {"do": "wait", "for": str(gate)})
        logged(host, "waiting")
        (instance,) = host.instances("app")
        instance.freeze()
        gate.touch()
        with pytest.raises(TimeoutError):
            call.result(0.8)
        instance.thaw()
        assert call.result(10).error is None


def test_steps_are_told_in_order(make_host: MakeHost) -> None:
    host, seen = make_host(), list[str]()
    done = threading.Event()

    def note(step: Step) -> None:
        seen.append(step.name)
        if step.name == "idle":
            done.set()

    host.on_step(note)
    host.invoke("app", {})
    assert done.wait(10)
    assert seen == ["start", "ready", "invoke", "response", "answered", "idle"]


def test_kill_at_the_response_loses_the_answer(make_host: MakeHost) -> None:
    host = make_host()
    host.on_step(lambda step: step.instance.kill() if step.name == "response" else None)
    assert host.invoke("app", {}).error == "Runtime.ExitError"


def test_kill_after_the_answer_does_not_touch_it(make_host: MakeHost) -> None:
    host = make_host()
    host.on_step(lambda step: step.instance.kill() if step.name == "answered" else None)
    assert [host.invoke("app", {}).error for _ in range(3)] == [None, None, None]


STEPS = """
def first():
    print("first ran")
def second():
    print("second ran")
def lambda_handler(event, context):
    first()
    second()
"""


def test_kill_between_two_places_of_the_code(make_host: MakeHost) -> None:
    host = make_host(STEPS, steps=("app:second",))
    host.on_step(lambda step: step.instance.kill() if step.name == "app:second:before" else None)
    assert host.invoke("app", {}).error == "Runtime.ExitError"
    assert "first ran" in host.logs.lines("app")
    assert "second ran" not in host.logs.lines("app")


SNAPSHOT = """
from snapshot_restore_py import register_after_restore
state = "made at init"
@register_after_restore
def renew():
    global state
    state = "made after the restore"
def lambda_handler(event, context):
    return state
"""


def test_snapstart_function_renews_itself_after_the_restore(make_host: MakeHost) -> None:
    host = make_host(SNAPSHOT, snap_start=True)
    (snapshot,) = host.warm("app")
    assert snapshot.invocations == 0
    assert host.invoke("app", {}).json() == "made after the restore"
    assert host.invoke("app", {}).json() == "made after the restore"
