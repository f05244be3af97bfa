"""The Lambda host: starts, limits, freezes and ends of instances, through the real runtime client."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.lambda_host import InvocationResult, PayloadTooLargeError, ThrottledError
from local.lambda_host.model import MAXIMUM_PAYLOAD_BYTES
from tests.local.support import MakeHost, logged, until


def words(outcome: InvocationResult) -> str:
    return str(outcome.json()["errorMessage"])


def test_first_call_starts_an_instance_and_the_next_uses_it(make_host: MakeHost) -> None:
    host = make_host()
    cold, warm = host.invoke("app", {}), host.invoke("app", {})
    assert cold.init_ms is not None
    assert warm.init_ms is None
    assert cold.pid == warm.pid == warm.json()["pid"]


def test_hundred_calls_in_a_row_use_one_instance(make_host: MakeHost) -> None:
    host = make_host()
    assert len({host.invoke("app", {}).pid for _ in range(100)}) == 1


def test_function_sees_lambdas_environment_and_nothing_of_ours(
    make_host: MakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEM0_API_KEY", "the developer's own")
    monkeypatch.setenv("AWS_PROFILE", "the developer's own")
    host = make_host(environment={"MEM0_TIMEOUT": "5"}, memory_mb=256)
    environment = host.invoke("app", {}).json()["environment"]
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "app"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert environment["AWS_LAMBDA_LOG_FORMAT"] == "JSON"
    assert environment["LAMBDA_TASK_ROOT"] == str(host.functions["app"].code)
    assert environment["MEM0_TIMEOUT"] == "5"
    assert "the developer's own" not in environment.values()
    assert not {name for name in environment if name.startswith(("LOCAL_", "PYTHON", "VIRTUAL_ENV", "HOME"))}


def test_context_tells_request_id_and_remaining_time(make_host: MakeHost) -> None:
    outcome = make_host(timeout_seconds=7.0).invoke("app", {})
    assert outcome.json()["request_id"] == outcome.request_id
    assert 5_000 < outcome.json()["left_ms"] <= 7_000


@pytest.mark.parametrize("module", ["boto3", "botocore", "urllib3", "awslambdaric", "sqlite3"])
def test_what_lambdas_runtime_brings_can_be_imported(make_host: MakeHost, module: str) -> None:
    assert make_host().invoke("app", {"do": "import", "module": module}).error is None


@pytest.mark.parametrize("module", ["numpy", "pytest", "httpx", "mem0", "local", "pip", "site_customize"])
def test_what_the_layer_does_not_ship_cannot_be_imported(make_host: MakeHost, module: str) -> None:
    outcome = make_host().invoke("app", {"do": "import", "module": module})
    assert outcome.error == "Unhandled"
    assert outcome.json()["errorType"] == "ModuleNotFoundError"


def test_import_path_is_code_runtime_and_standard_library(make_host: MakeHost) -> None:
    host = make_host()
    code, runtime, *standard = host.invoke("app", {}).json()["path"]
    assert code == str(host.functions["app"].code)
    assert "lambda-runtime" in runtime
    assert all(Path(path).is_relative_to(Path(sys.base_prefix)) for path in standard)


def test_error_in_init_is_reported_and_the_next_call_tries_again(make_host: MakeHost) -> None:
    host = make_host(
        """
        import pathlib
        if not pathlib.Path(__file__).with_name("mended").exists():
            raise RuntimeError("no database")
        def lambda_handler(event, context):
            return "well"
        """
    )
    first, second = host.invoke("app", {}), host.invoke("app", {})
    (host.functions["app"].code / "mended").touch()
    third = host.invoke("app", {})
    assert first.error == "Runtime.InitError"
    assert words(first) == "no database"
    assert first.pid != second.pid
    assert third.json() == "well"


def test_handler_that_is_missing_is_an_init_error(make_host: MakeHost) -> None:
    outcome = make_host("nothing = None").invoke("app", {})
    assert outcome.error == "Runtime.InitError"
    assert "lambda_handler" in words(outcome)


def test_unhandled_error_is_told_and_the_instance_lives_on(make_host: MakeHost) -> None:
    host = make_host()
    failed, next_one = host.invoke("app", {"do": "fail"}), host.invoke("app", {})
    assert failed.error == "Unhandled"
    assert words(failed) == "as asked"
    assert failed.pid == next_one.pid


@pytest.mark.parametrize("how", ["die", "leave"])
def test_instance_that_crashed_is_replaced(make_host: MakeHost, how: str) -> None:
    host = make_host()
    crashed, next_one = host.invoke("app", {"do": how}), host.invoke("app", {})
    assert crashed.error is not None
    assert next_one.error is None
    assert crashed.pid != next_one.pid


def test_function_that_exceeds_its_timeout_is_killed(make_host: MakeHost) -> None:
    host = make_host(timeout_seconds=0.2, reserved_concurrency=1)
    late, next_one = host.invoke("app", {"do": "hang"}), host.invoke("app", {})
    assert late.error == "Sandbox.Timedout"
    assert words(late).endswith("Task timed out after 0.20 seconds")
    assert next_one.error is None
    assert late.pid != next_one.pid


def test_instance_works_on_one_event_at_a_time(make_host: MakeHost, tmp_path: Path) -> None:
    host, gate = make_host(), tmp_path / "gate"
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(host.invoke, "app", {"do": "wait", "for": str(gate)})
        logged(host, "waiting")
        second = host.invoke("app", {})
        gate.touch()
        assert waiting.result(10).pid != second.pid


def test_beyond_the_reservation_calls_are_throttled(make_host: MakeHost, tmp_path: Path) -> None:
    host, gate = make_host(reserved_concurrency=2), tmp_path / "gate"
    with ThreadPoolExecutor() as pool:
        busy = [pool.submit(host.invoke, "app", {"do": "wait", "for": str(gate)}) for _ in range(2)]
        until(lambda: host.logs.lines("app").count("waiting") == 2, "both instances are busy")
        with pytest.raises(ThrottledError, match="all 2 instances"):
            host.invoke("app", {})
        gate.touch()
        assert all(one.result(10).error is None for one in busy)
    assert host.throttles("app") == 1
    assert host.invoke("app", {}).error is None


def test_reservation_of_zero_throttles_everything(make_host: MakeHost) -> None:
    with pytest.raises(ThrottledError):
        make_host(reserved_concurrency=0).invoke("app", {})


def test_logs_are_kept_in_memory_and_in_the_functions_file(make_host: MakeHost, tmp_path: Path) -> None:
    host = make_host()
    host.invoke("app", {"do": "print", "line": "hello"})
    logged(host, "hello")
    assert "hello\n" in (tmp_path / "logs" / "app.log").read_text()


def test_each_call_is_reported_with_its_duration(make_host: MakeHost) -> None:
    host = make_host()
    outcome = host.invoke("app", {})
    line = logged(host, "platform.report")
    record = json.loads(line)["record"]
    assert record["requestId"] == outcome.request_id
    assert record["status"] == "success"
    assert record["metrics"].keys() == {"durationMs", "memorySizeMB", "initDurationMs"}


def test_event_beyond_lambdas_limit_is_refused(make_host: MakeHost) -> None:
    with pytest.raises(PayloadTooLargeError, match="6291556"):
        make_host().invoke("app", b" " * (MAXIMUM_PAYLOAD_BYTES + 1))


def test_event_and_result_of_megabytes_pass(make_host: MakeHost) -> None:
    outcome = make_host().invoke("app", {"do": "answer", "with": "x" * 5_000_000})
    assert len(outcome.json()) == 5_000_000


def test_result_beyond_lambdas_limit_is_an_error(make_host: MakeHost) -> None:
    outcome = make_host().invoke("app", {"do": "big", "bytes": MAXIMUM_PAYLOAD_BYTES + 1})
    assert outcome.error == "Function.ResponseSizeTooLarge"


def test_caller_may_leave_while_the_function_runs_on(make_host: MakeHost, tmp_path: Path) -> None:
    host, gate = make_host(), tmp_path / "gate"
    with pytest.raises(TimeoutError, match="app has not answered"):
        host.invoke("app", {"do": "wait", "for": str(gate)}, timeout=0.2)
    gate.touch()
    until(lambda: host.instances("app")[0].state == "idle", "the function came to its end")


def test_stop_leaves_no_process(make_host: MakeHost) -> None:
    host = make_host()
    pids = [one.pid for one in host.warm("app", 2)]
    host.stop()
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def test_unknown_function_names_those_that_exist(make_host: MakeHost) -> None:
    with pytest.raises(KeyError, match="no function 'other'; there are app"):
        make_host().invoke("other", {})
