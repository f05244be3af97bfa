"""One instance of one function: a process with Amazon's runtime client, from its start to its end.

It gets one event at a time, is stopped (SIGSTOP) whenever it has none, and is killed when it exceeds the
function's timeout. The runtime client asks for events over the Runtime API
(https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), which each instance serves on a port of its
own: AWS_LAMBDA_RUNTIME_API is a host and a port, with no room for an instance's name.
"""

import json
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection

from local.http_server import HttpServer, Request, Response, Routes, json_response
from local.lambda_host.logs import Logs
from local.lambda_host.model import (
    ACCOUNT,
    MAXIMUM_PAYLOAD_BYTES,
    REGION,
    FunctionSpec,
    Invocation,
    InvocationResult,
)
from local.processes import CHILDREN

# Lambda gives the init phase 10 s, then runs it once more inside the invocation, bounded by the function's
# timeout.
INIT_SECONDS = 10.0
# How often the limits of an instance that a test has frozen are looked at.
FROZEN_SECONDS = 0.05
ROUTES = Routes(
    {
        "next": ("GET", "/2018-06-01/runtime/invocation/next"),
        "response": ("POST", "/2018-06-01/runtime/invocation/{id}/response"),
        "error": ("POST", "/2018-06-01/runtime/invocation/{id}/error"),
        "restore": ("GET", "/2018-06-01/runtime/restore/next"),
        "init_error": ("POST", "/2018-06-01/runtime/init/error"),
        "restore_error": ("POST", "/2018-06-01/runtime/restore/error"),
        "step": ("GET", "/local/step"),  # not Amazon's: see probe.py
    }
)


@dataclass(frozen=True, kw_only=True)
class Step:
    """A moment in an instance's life at which a test may interfere; see LambdaHost.on_step."""

    name: str
    function: str
    instance: "Instance"
    request_id: str | None


class Instance:
    """A running process of one function.

    Attributes:
        state: starting, idle (stopped, waiting), busy, finishing (answered, not yet back for the next event)
            or dead.
        init_ms: how long from the process's start to its first question for an event; None before that.
        invocations: how many events it got.
    """

    def __init__(
        self,
        spec: FunctionSpec,
        command: Sequence[str],
        environment: Mapping[str, str],
        logs: Logs,
        on_step: Callable[[Step], None],
    ) -> None:
        """Start the process. `on_step` is called at each step of its life."""
        self.spec = spec
        self.state = "starting"
        self.init_ms: float | None = None
        self.invocations = 0
        self._on_step = on_step
        self._logs = logs
        self._exit_error: bytes | None = None
        self._inbox: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._current: Invocation | None = None
        self._started = time.monotonic()
        self._deadline = self._started + INIT_SECONDS + spec.timeout_seconds
        self._frozen_at: float | None = None
        self._ending = False
        self._lock = threading.Lock()
        # A result beyond Lambda's limit is read, and then answered as Lambda answers it.
        self._api = HttpServer(self._answer, name=spec.name, body_limit=10 * MAXIMUM_PAYLOAD_BYTES)
        api = {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._api.port}"}
        self._process = CHILDREN.start(command, {**environment, **api})
        self.pid = self._process.pid
        self._report("start")
        self._watcher = threading.Thread(target=self._watch, name=f"{spec.name}-{self.pid}", daemon=True)
        self._watcher.start()

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
        self._frozen_at = time.monotonic()
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a process stopped by `freeze` run on, with as much of its time left as it had."""
        if self._frozen_at is not None:
            self._deadline += time.monotonic() - self._frozen_at
        self._frozen_at = None
        self._signal(signal.SIGCONT)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the process has ended, its last log line is read and its result is known.

        Raises:
            subprocess.TimeoutExpired: it is still there after `timeout` seconds.
        """
        self._process.wait(timeout)
        if self._watcher is not threading.current_thread():
            self._watcher.join(timeout)

    def _answer(self, request: Request) -> Response | None:
        """Answer the runtime client; None when the process is at its end."""
        found = ROUTES.find(request.method, request.path)
        response: Response | None = Response(status=404)
        match found and found[0]:
            case "next":
                response = self._next_event()
            case "response":
                response = self._take_result(request.body, None)
            case "error":
                kind = request.header("lambda-runtime-function-error-type") or "Unhandled"
                response = self._take_result(request.body, kind)
            case "restore":
                response = self._restore()
            case "init_error" | "restore_error":
                self._exit_error = request.body
                self._ending = True
                response = Response(status=202)
            case "step":
                self._report(request.query["name"])
                response = Response()
        return response

    def _next_event(self) -> Response | None:
        """Rest until there is an event, and return it with Lambda's headers."""
        self._init_done()
        invocation = self._wait_for_event()
        if invocation is None:
            return None
        self._current = invocation
        self.invocations += 1
        self._report("invoke")
        invocation.delivered = time.monotonic()
        self._deadline = invocation.delivered + self.spec.timeout_seconds
        self.state = "busy"
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.spec.name}"
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + self.spec.timeout_seconds) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": arn,
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{'0' * 24};Sampled=0",
        }
        return Response(headers=list(headers.items()), body=invocation.event)

    def _restore(self) -> Response | None:
        """Hold the process as a snapshot would be held, until there is an event to restore it for."""
        self._init_done()
        invocation = self._wait_for_event()
        if invocation is None:
            return None
        self.state = "starting"
        self._inbox.put(invocation)
        self._report("restore", invocation)
        return Response()

    def _take_result(self, payload: bytes, error: str | None) -> Response | None:
        """Hand the result to the caller, unless a test killed the process just before its answer was out."""
        invocation = self._current
        if invocation is None:
            return Response(status=404)
        self._report("response")
        if not self.alive:
            return None
        status = 202
        if len(payload) > MAXIMUM_PAYLOAD_BYTES:
            error, status = "Function.ResponseSizeTooLarge", 413
            words = f"Response payload size exceeded the maximum ({MAXIMUM_PAYLOAD_BYTES} bytes)."
            payload = _error_body(error, words)
        self.state = "finishing"
        self._resolve(invocation, payload, error)
        self._report("answered")
        return json_response(status, {"status": "OK"})

    def _wait_for_event(self) -> Invocation | None:
        """Return the next event; rest, stopped, until there is one."""
        try:
            return self._inbox.get_nowait()  # a cold start has its first event waiting
        except queue.Empty:
            self._current = None
            self._signal(signal.SIGSTOP)
            self.state = "idle"
            self._report("idle")
            invocation = self._inbox.get()
            self._signal(signal.SIGCONT)
            return invocation

    def _init_done(self) -> None:
        if self.init_ms is None:
            self.init_ms = (time.monotonic() - self._started) * 1000
            self._report("ready")

    def _report(self, name: str, invocation: Invocation | None = None) -> None:
        current = invocation or self._current
        request_id = current.request_id if current else None
        self._on_step(Step(name=name, function=self.spec.name, instance=self, request_id=request_id))

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def _watch(self) -> None:
        """Log what the process prints and enforce its time limits until it ends; then clear up after it."""
        stdout = self._process.stdout
        if stdout is None:
            raise RuntimeError("an instance is always started with a pipe for its output")
        with stdout:
            rest = b""
            while True:
                if not connection.wait([stdout.fileno()], self._enforce_limits()):
                    continue
                printed = os.read(stdout.fileno(), 65_536)
                *lines, rest = (rest + printed).replace(b"\r", b"\n").split(b"\n")
                for line in lines if printed or not rest else [*lines, rest]:
                    self._logs.add(self.spec.name, line.decode("utf-8", "replace"))
                if not printed:
                    break
        code = self._process.wait()
        reason = f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        self._ending = True
        self.state = "dead"
        self._exit_error = self._exit_error or _error_body(
            "Runtime.ExitError", f"Runtime exited with error: {reason}"
        )
        if self._current is not None:
            self._resolve(self._current, self._exit_error, "Runtime.ExitError")
            self._current = None
        self._fail_waiting()
        self._inbox.put(None)
        self._api.stop()
        self._report("exit")

    def _enforce_limits(self) -> float:
        """Kill the process if its time is over; return how long (seconds) it need not be asked again."""
        limit = self.spec.timeout_seconds  # no event that is still to come ends sooner
        initializing = self.init_ms is None
        if self._frozen_at is not None:
            return FROZEN_SECONDS
        if self._ending or not (initializing or self.state == "busy"):
            return limit
        left = self._deadline - time.monotonic()
        if left > 0:
            return min(left, limit)
        self.kill()
        if initializing:
            words = f"Init timed out after {INIT_SECONDS + limit:.2f} seconds"
            self._exit_error = _error_body("Sandbox.Timedout", words)
        elif self._current is not None:
            words = f"RequestId: {self._current.request_id} Error: Task timed out after {limit:.2f} seconds"
            self._resolve(self._current, _error_body("Sandbox.Timedout", words), "Sandbox.Timedout")
        return limit

    def _fail_waiting(self) -> None:
        """Tell those whose event the dead process never got why."""
        error = "Runtime.InitError" if self.init_ms is None else "Runtime.ExitError"
        while True:
            try:
                invocation = self._inbox.get_nowait()
            except queue.Empty:
                return
            if invocation is not None:
                self._resolve(invocation, self._exit_error or b"{}", error)

    def _resolve(self, invocation: Invocation, payload: bytes, error: str | None) -> None:
        with self._lock:
            if invocation.done.is_set():
                return
            invocation.result = InvocationResult(
                request_id=invocation.request_id,
                payload=payload,
                error=error,
                duration_ms=invocation.milliseconds(),
                init_ms=self.init_ms if self.invocations <= 1 else None,
                pid=self.pid,
            )
            self._logs.add(self.spec.name, report_line(invocation.result, self.spec.memory_mb))
            invocation.done.set()


def report_line(result: InvocationResult, memory_mb: int) -> str:
    """Return Lambda's platform.report for a result: one line of JSON with the durations in milliseconds."""
    metrics = {"durationMs": round(result.duration_ms, 2), "memorySizeMB": memory_mb}
    if result.init_ms is not None:
        metrics["initDurationMs"] = round(result.init_ms, 2)
    status = {None: "success", "Sandbox.Timedout": "timeout"}.get(result.error, "error")
    record = {"requestId": result.request_id, "metrics": metrics, "status": status}
    return json.dumps({"type": "platform.report", "record": record})


def _error_body(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()
