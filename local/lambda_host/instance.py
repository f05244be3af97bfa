"""One instance of one function: a process with Amazon's runtime client, from its start to its end.

It gets one event at a time, is stopped (SIGSTOP) whenever it has none, and is killed when it exceeds the
function's timeout. It does not choose what it works on: the host does.
"""

import json
import queue
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from local.lambda_host.logs import Logs
from local.lambda_host.model import MAXIMUM_PAYLOAD_BYTES, FunctionSpec, Invocation, Outcome
from local.lambda_host.processes import ProcessGroup
from local.lambda_host.runtime_api import RuntimeApi

# Lambda gives the init phase 10 s, then runs it once more inside the invocation, bounded by the function's
# timeout.
INIT_SECONDS = 10.0
ACCOUNT = "123456789012"


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How to start an instance: the same for all instances of one function."""

    command: Sequence[str]
    environment: Mapping[str, str]
    region: str


class Instance:
    """A running process of one function.

    Attributes:
        pid: its process id.
        state: starting, idle (stopped, waiting), busy, finishing (answered, not yet back for the next event)
            or dead.
        init_ms: how long from the process's start to its first question for an event; None before that.
        invocations: how many events it got.
        held: whether a test has frozen it.
    """

    def __init__(
        self,
        spec: FunctionSpec,
        launch: Launch,
        group: ProcessGroup,
        logs: Logs,
        report: Callable[[str, "Instance", str | None], None],
    ) -> None:
        """Start the process. `report(step, instance, request id)` is called at each step of its life."""
        self.spec = spec
        self.state = "starting"
        self.init_ms: float | None = None
        self.held = False
        self.invocations = 0
        self._report = report
        self._logs = logs
        self._region = launch.region
        self._init_error: bytes | None = None
        self._exit_error = b"{}"
        self._inbox: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._current: Invocation | None = None
        self._deadline = 0.0
        self._frozen_at = 0.0
        self._ending = False
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._api = RuntimeApi(self, spec.name)
        environment = {**launch.environment, "AWS_LAMBDA_RUNTIME_API": self._api.address}
        self._process = group.start(launch.command, environment)
        self.pid = self._process.pid
        report("start", self, None)
        self._init_limit = threading.Timer(INIT_SECONDS + spec.timeout_seconds, self._init_took_too_long)
        self._init_limit.daemon = True
        self._init_limit.start()
        self._watcher = threading.Thread(target=self._watch, name=f"{spec.name}-{self.pid}", daemon=True)
        self._watcher.start()

    # What the host and the tests ask for.

    @property
    def alive(self) -> bool:
        """Whether the process runs on (stopped counts as running); False as soon as its end is decided."""
        return not self._ending and self._process.poll() is None

    def submit(self, invocation: Invocation) -> None:
        """Give the instance its next event; only for one that is starting or was taken from the idle ones."""
        self._inbox.put(invocation)
        if self.state == "dead":
            self._fail_waiting()
            self._inbox.put(None)

    def kill(self) -> None:
        """End the process by SIGKILL, as a crash of the machine would. What it was doing gets no answer."""
        self._ending = True
        with suppress(ProcessLookupError):
            self._process.kill()

    def freeze(self) -> None:
        """Stop the process where it is and suspend its timeout until `thaw`."""
        self.held = True
        self._frozen_at = time.monotonic()
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a process stopped by `freeze` run on, with as much of its time left as it had."""
        self._deadline += time.monotonic() - self._frozen_at
        self.held = False
        self._signal(signal.SIGCONT)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the process has ended, its last log line is read and its outcome is known.

        Raises:
            subprocess.TimeoutExpired: it is still there after `timeout` seconds.
        """
        self._process.wait(timeout)
        if self._watcher is not threading.current_thread():
            self._watcher.join(timeout)

    # What the Runtime API asks for (runtime_api.Client).

    def next_event(self) -> tuple[bytes, Mapping[str, str]] | None:
        """Rest until there is an event, and return it with Lambda's headers; None at the end."""
        self._init_done()
        invocation = self._take()
        if invocation is None:
            return None
        self._current = invocation
        self.invocations += 1
        self._report("invoke", self, invocation.request_id)
        invocation.delivered = time.monotonic()
        self._deadline = invocation.delivered + self.spec.timeout_seconds
        self.state = "busy"
        return invocation.event, {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + self.spec.timeout_seconds) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": (
                f"arn:aws:lambda:{self._region}:{ACCOUNT}:function:{self.spec.name}"
            ),
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{'0' * 24};Sampled=0",
        }

    def restored(self) -> bool:
        """Hold the process as a snapshot would be held, until there is an event to restore it for."""
        self._init_done()
        invocation = self._take()
        if invocation is None:
            return False
        self.state = "starting"
        self._inbox.put(invocation)
        self._report("restore", self, invocation.request_id)
        return True

    def init_failed(self, error: bytes) -> None:
        """Take note of why the function could not start; the process is about to end."""
        self._init_error = error
        self._ending = True

    def take_result(self, payload: bytes, error: str | None) -> int | None:
        """Hand the result to the caller; None if a test killed the process just before its answer was out."""
        invocation = self._current
        if invocation is None:
            return 404
        self._report("response", self, invocation.request_id)
        if not self.alive:
            return None
        status = 202
        if len(payload) > MAXIMUM_PAYLOAD_BYTES:
            error, status = "Function.ResponseSizeTooLarge", 413
            words = f"Response payload size exceeded the maximum ({MAXIMUM_PAYLOAD_BYTES} bytes)."
            payload = _error_body(error, words)
        self.state = "finishing"
        self._resolve(invocation, payload, error)
        self._report("answered", self, invocation.request_id)
        return status

    def at_step(self, name: str) -> None:
        """Report a watched place of the function's code."""
        self._report(name, self, self._current.request_id if self._current else None)

    def seconds_left(self) -> float | None:
        """Return what is left of the timeout; None while there is no event."""
        return self._deadline - time.monotonic() if self.state == "busy" else None

    def expired(self) -> bool:
        """Kill the process if its time is over; a test that froze it has stopped its clock."""
        invocation = self._current
        if self.held or invocation is None or time.monotonic() < self._deadline:
            return False
        seconds = f"{self.spec.timeout_seconds:.2f}"
        message = f"RequestId: {invocation.request_id} Error: Task timed out after {seconds} seconds"
        self.kill()
        self._resolve(invocation, _error_body("Sandbox.Timedout", message), "Sandbox.Timedout")
        return True

    def wait_for_result(self, timeout: float) -> bool:
        """Wait for the current event's result; True if it came or there is no event."""
        return self._current is None or self._current.done.wait(timeout)

    # Life and death.

    def _take(self) -> Invocation | None:
        """Return the next event; rest, stopped, until there is one."""
        try:
            return self._inbox.get_nowait()  # a cold start has its first event waiting
        except queue.Empty:
            self._current = None
            self._signal(signal.SIGSTOP)
            self.state = "idle"
            self._report("idle", self, None)
            invocation = self._inbox.get()
            self._signal(signal.SIGCONT)
            return invocation

    def _init_done(self) -> None:
        if self.init_ms is None:
            self._init_limit.cancel()
            self.init_ms = (time.monotonic() - self._started) * 1000
            self._report("ready", self, None)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def _init_took_too_long(self) -> None:
        seconds = f"{INIT_SECONDS + self.spec.timeout_seconds:.2f}"
        self._init_error = _error_body("Sandbox.Timedout", f"Init timed out after {seconds} seconds")
        self.kill()

    def _watch(self) -> None:
        """Read what the process prints until it ends, then clear up after it."""
        stdout = self._process.stdout
        if stdout is None:
            raise RuntimeError("an instance is always started with a pipe for its output")
        with stdout:
            for raw in stdout:
                for line in raw.decode("utf-8", "replace").rstrip("\n").split("\r"):
                    self._logs.add(self.spec.name, line)
        code = self._process.wait()
        reason = f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        words = f"Runtime exited with error: {reason}"
        self._exit_error = self._init_error or _error_body("Runtime.ExitError", words)
        self._ending = True
        self.state = "dead"
        self._init_limit.cancel()
        if self._current is not None:
            self._resolve(self._current, self._exit_error, "Runtime.ExitError")
        self._fail_waiting()
        self._inbox.put(None)
        self._api.close()
        self._report("exit", self, None)

    def _fail_waiting(self) -> None:
        """Tell those whose event the dead process never got why."""
        error = "Runtime.InitError" if self.init_ms is None else "Runtime.ExitError"
        while True:
            try:
                invocation = self._inbox.get_nowait()
            except queue.Empty:
                return
            if invocation is not None:
                self._resolve(invocation, self._exit_error, error)

    def _resolve(self, invocation: Invocation, payload: bytes, error: str | None) -> None:
        with self._lock:
            if invocation.done.is_set():
                return
            invocation.outcome = Outcome(
                request_id=invocation.request_id,
                payload=payload,
                error=error,
                duration_ms=invocation.milliseconds(),
                init_ms=self.init_ms if self.invocations <= 1 else None,
                pid=self.pid,
            )
            self._logs.add(self.spec.name, report_line(invocation.outcome, self.spec.memory_mb))
            invocation.done.set()


def report_line(outcome: Outcome, memory_mb: int) -> str:
    """Return Lambda's platform.report for an outcome: one line of JSON with the durations in milliseconds."""
    metrics = {"durationMs": round(outcome.duration_ms, 2), "memorySizeMB": memory_mb}
    if outcome.init_ms is not None:
        metrics["initDurationMs"] = round(outcome.init_ms, 2)
    status = {None: "success", "Sandbox.Timedout": "timeout"}.get(outcome.error, "error")
    record = {"requestId": outcome.request_id, "metrics": metrics, "status": status}
    return json.dumps({"type": "platform.report", "record": record})


def _error_body(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()
