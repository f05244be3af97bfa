"""The Lambda host: starts, limits, freezes and ends of instances, through the real runtime client."""

import json
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.lambda_host import InvocationResult, PayloadTooLargeError, Step, ThrottledError
from local.lambda_host.model import MAXIMUM_PAYLOAD_BYTES
from tests.local.support import MakeHost, logged, state_of, until


def words(result: InvocationResult) -> str:
    return str(result.json()["errorMessage"])


def test_first_call_starts_an_instance_and_the_next_use_it(make_host: MakeHost) -> None:
    host = make_host()
    cold, *warm = [host.invoke("app", {}) for _ in range(50)]
    assert cold.init_ms is not None
    assert {result.init_ms for result in warm} == {None}
    assert {cold.pid} == {result.pid for result in warm} == {warm[0].json()["pid"]}


def test_function_sees_lambdas_environment_and_nothing_of_ours(
    make_host: MakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEM0_API_KEY", "the developer's own")
    monkeypatch.setenv("AWS_PROFILE", "the developer's own")
    host = make_host(environment={"MEM0_TIMEOUT": "5"}, memory_mb=256)
    environment = host.invoke("app", {}).json()["environment"]
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "app"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert environment["LAMBDA_TASK_ROOT"] == str(host.functions["app"].code)
    assert environment["MEM0_TIMEOUT"] == "5"
    assert "the developer's own" not in environment.values()
    assert not {name for name in environment if name.startswith(("LOCAL_", "PYTHON", "VIRTUAL_ENV", "HOME"))}


def test_context_has_request_id_and_remaining_time(make_host: MakeHost) -> None:
    result = make_host(timeout_seconds=7.0).invoke("app", {})
    assert result.json()["request_id"] == result.request_id
    assert 5_000 < result.json()["left_ms"] <= 7_000


def test_only_what_lambda_brings_can_be_imported(make_host: MakeHost) -> None:
    host = make_host()

    def imported(module: str) -> str | None:
        return host.invoke("app", {"do": "import", "module": module}).error

    for module in ("boto3", "botocore", "urllib3", "awslambdaric", "sqlite3"):
        assert imported(module) is None, module
    for module in ("numpy", "pytest", "httpx", "mem0", "local", "pip"):
        assert imported(module) == "Unhandled", module
    code, runtime, *standard = host.invoke("app", {}).json()["path"]
    assert code == str(host.functions["app"].code)
    assert "lambda-runtime" in runtime
    assert all(Path(path).is_relative_to(Path(sys.base_prefix)) for path in standard)


def test_error_in_init_is_reported_and_the_next_call_tries_again(make_host: MakeHost) -> None:
    host = make_host(
        """
        import pathlib
        if not pathlib.Path(__file__).with_name("fixed").exists():
            raise RuntimeError("no database")
        def lambda_handler(event, context):
            return "well"
        """
    )
    first, second = host.invoke("app", {}), host.invoke("app", {})
    (host.functions["app"].code / "fixed").touch()
    assert (first.error, words(first)) == ("Runtime.InitError", "no database")
    assert first.pid != second.pid
    assert host.invoke("app", {}).json() == "well"


def test_missing_handler_is_an_init_error(make_host: MakeHost) -> None:
    result = make_host("nothing = None").invoke("app", {})
    assert result.error == "Runtime.InitError"
    assert "lambda_handler" in words(result)


def test_unhandled_error_is_reported_and_the_instance_lives_on(make_host: MakeHost) -> None:
    host = make_host()
    failed, following = host.invoke("app", {"do": "fail"}), host.invoke("app", {})
    assert (failed.error, words(failed)) == ("Unhandled", "as asked")
    assert failed.pid == following.pid


@pytest.mark.parametrize("how", ["die", "leave"])
def test_crashed_instance_is_replaced(make_host: MakeHost, how: str) -> None:
    host = make_host()
    crashed, following = host.invoke("app", {"do": how}), host.invoke("app", {})
    assert crashed.error is not None
    assert following.error is None
    assert crashed.pid != following.pid


def test_function_that_exceeds_its_timeout_is_killed(make_host: MakeHost) -> None:
    host = make_host(timeout_seconds=0.2, reserved_concurrency=1)
    late, following = host.invoke("app", {"do": "hang"}), host.invoke("app", {})
    assert late.error == "Sandbox.Timedout"
    assert words(late).endswith("Task timed out after 0.20 seconds")
    assert late.duration_ms < 2_000
    assert following.error is None
    assert late.pid != following.pid


def test_instance_works_on_one_event_at_a_time_up_to_the_reservation(
    make_host: MakeHost, tmp_path: Path
) -> None:
    host, gate = make_host(reserved_concurrency=2), tmp_path / "gate"
    with ThreadPoolExecutor() as pool:
        busy = [pool.submit(host.invoke, "app", {"do": "wait", "for": str(gate)}) for _ in range(2)]
        until(lambda: host.logs.lines("app").count("waiting") == 2, "both instances are busy")
        with pytest.raises(ThrottledError, match="all 2 instances"):
            host.invoke("app", {})
        gate.touch()
        assert len({call.result(10).pid for call in busy}) == 2
    assert host.throttles("app") == 1
    assert host.invoke("app", {}).error is None


def test_reservation_of_zero_throttles_everything(make_host: MakeHost) -> None:
    with pytest.raises(ThrottledError):
        make_host(reserved_concurrency=0).invoke("app", {})


def test_logs_are_kept_in_memory_and_in_the_functions_file(make_host: MakeHost, tmp_path: Path) -> None:
    host = make_host()
    result = host.invoke("app", {"do": "print", "line": "hello"})
    logged(host, "hello")
    assert "hello\n" in (tmp_path / "logs" / "app.log").read_text()
    record = json.loads(logged(host, "platform.report"))["record"]
    assert (record["requestId"], record["status"]) == (result.request_id, "success")
    assert record["metrics"].keys() == {"durationMs", "memorySizeMB", "initDurationMs"}


def test_payloads_are_limited_as_lambda_limits_them(make_host: MakeHost) -> None:
    host = make_host()
    assert len(host.invoke("app", {"do": "answer", "with": "x" * 5_000_000}).json()) == 5_000_000
    too_big = host.invoke("app", {"do": "big", "bytes": MAXIMUM_PAYLOAD_BYTES + 1})
    assert too_big.error == "Function.ResponseSizeTooLarge"
    with pytest.raises(PayloadTooLargeError, match="6291556"):
        host.invoke("app", b" " * (MAXIMUM_PAYLOAD_BYTES + 1))


def test_caller_may_leave_while_the_function_runs_on(make_host: MakeHost, tmp_path: Path) -> None:
    host, gate = make_host(), tmp_path / "gate"
    with pytest.raises(TimeoutError, match="app has not answered"):
        host.invoke("app", {"do": "wait", "for": str(gate)}, timeout=0.2)
    gate.touch()
    until(lambda: host.instances("app")[0].state == "idle", "the function came to its end")


def test_stop_leaves_no_process(make_host: MakeHost) -> None:
    host = make_host()
    pids = [instance.pid for instance in host.warm("app", 2)]
    host.stop()
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def test_unknown_function_is_an_error_that_names_those_that_exist(make_host: MakeHost) -> None:
    with pytest.raises(KeyError, match="no function 'other'; there are app"):
        make_host().invoke("other", {})


def test_background_thread_stands_still_between_calls(make_host: MakeHost) -> None:
    host = make_host()
    host.invoke("app", {"do": "tick"})
    (instance,) = host.instances("app")
    until(lambda: state_of(instance.pid) == "T", "the instance is frozen")
    ticks = host.functions["app"].code / "ticks"
    frozen = ticks.read_text()
    host.warm("app", 2)  # meanwhile a whole second instance starts
    assert ticks.read_text() == frozen


def test_instance_killed_from_outside_while_idle_is_not_noticed_by_callers(make_host: MakeHost) -> None:
    host = make_host()
    (idle,) = host.warm("app")
    os.kill(idle.pid, signal.SIGKILL)
    until(lambda: not idle.alive, "the instance is dead")
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


def test_steps_are_reported_in_order(make_host: MakeHost) -> None:
    host, seen, idle = make_host(), list[str](), threading.Event()

    def note(step: Step) -> None:
        seen.append(step.name)
        if step.name == "idle":
            idle.set()

    host.on_step(note)
    host.invoke("app", {})
    assert idle.wait(10)
    assert seen == ["start", "ready", "invoke", "response", "answered", "idle"]


@pytest.mark.parametrize(("step", "error"), [("response", "Runtime.ExitError"), ("answered", None)])
def test_kill_loses_the_answer_until_the_caller_has_it(
    make_host: MakeHost, step: str, error: str | None
) -> None:
    host = make_host()
    host.on_step(lambda reached: reached.instance.kill() if reached.name == step else None)
    assert [host.invoke("app", {}).error for _ in range(2)] == [error, error]


def test_kill_between_two_places_of_the_code(make_host: MakeHost) -> None:
    code = """
        def first():
            print("first ran")
        def second():
            print("second ran")
        def lambda_handler(event, context):
            first()
            second()
        """
    host = make_host(code, steps=("app:second",))
    host.on_step(lambda step: step.instance.kill() if step.name == "app:second:before" else None)
    assert host.invoke("app", {}).error == "Runtime.ExitError"
    assert "first ran" in host.logs.lines("app")
    assert "second ran" not in host.logs.lines("app")


def test_snapstart_function_renews_itself_after_the_restore(make_host: MakeHost) -> None:
    code = """
        from snapshot_restore_py import register_after_restore
        state = "made at init"
        @register_after_restore
        def renew():
            global state
            state = "made after the restore"
        def lambda_handler(event, context):
            return state
        """
    host = make_host(code, snap_start=True)
    (snapshot,) = host.warm("app")
    assert snapshot.invocations == 0
    assert [host.invoke("app", {}).json() for _ in range(2)] == ["made after the restore"] * 2
