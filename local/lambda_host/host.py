"""Which instance gets an event, when a new one is started, and when an invocation is throttled."""

import json
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from local.lambda_host.instance import Instance, Step
from local.lambda_host.logs import Logs
from local.lambda_host.model import (
    MAXIMUM_PAYLOAD_BYTES,
    REGION,
    FunctionSpec,
    Invocation,
    InvocationResult,
    PayloadTooLargeError,
    ThrottledError,
)
from local.lambda_host.toolchain import ensure_runtime, python_minor

BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
# Without a reservation a function shares the account's quota, which is 10 in a new account.
UNRESERVED_CONCURRENCY = 10
# An instance that has answered needs a moment (0.3 ms) to come back for the next event. Its caller's next
# request is neither throttled nor given a second instance for that, but waits so long at most.
FINISHING_SECONDS = 0.1
# Lambda's instances have credentials; moto takes any.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "local-access-key",
    "AWS_SECRET_ACCESS_KEY": "local-secret-key",
    "AWS_SESSION_TOKEN": "local-session-token",
}


class _Pool:
    """The instances of one function."""

    def __init__(self, spec: FunctionSpec, environment: Mapping[str, str]) -> None:
        self.spec = spec
        self.environment = environment
        reserved = spec.reserved_concurrency
        self.limit = UNRESERVED_CONCURRENCY if reserved is None else reserved
        self.changed = threading.Condition()
        self.instances: list[Instance] = []
        self.idle: list[Instance] = []
        self.starting = 0
        self.waiting = 0
        self.throttles = 0

    def living(self) -> list[Instance]:
        """The instances whose process runs."""
        return [instance for instance in list(self.instances) if instance.alive]


class LambdaHost:
    """Runs functions as Lambda does. Use it as a context manager, or call `stop`.

    Args:
        functions: what to run, each with a name of its own.
        layer: root of the built layer (holds `python/`), if there is one.
        packages: the packages that ship beside the functions' code, if there are some.
        environment: variables for all functions, which win over their own, e.g. AWS_ENDPOINT_URL.
        log_folder: where each function's log file goes; None keeps logs in memory only.
        python: the interpreter that runs the functions. The layer must have been built for it.
        steps: places in the functions' code for `on_step`, each "module:qualname", e.g.
            "post_call.worker:remember". They cost time.
    """

    def __init__(  # noqa: PLR0913 - keyword-only settings with defaults
        self,
        functions: Sequence[FunctionSpec],
        *,
        layer: Path | None = None,
        packages: Path | None = None,
        environment: Mapping[str, str] | None = None,
        log_folder: Path | None = None,
        python: str = sys.executable,
        steps: Sequence[str] = (),
    ) -> None:
        self.logs = Logs(log_folder)
        self._callbacks: list[Callable[[Step], None]] = []
        self._folders = [*([packages] if packages else []), *([layer / "python"] if layer else [])]
        self._command = [python, "-I", "-S", "-B", str(BOOTSTRAP)]
        self._runtime = ensure_runtime(python)
        self._minor = python_minor(python)
        self._steps = tuple(steps)
        self._environment = dict(environment or {})
        self._pools = {spec.name: _Pool(spec, self._environment_of(spec)) for spec in functions}
        self._stopping = False

    def __enter__(self) -> Self:
        """Instances are started by the first event."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all instances."""
        self.stop()

    @property
    def functions(self) -> Mapping[str, FunctionSpec]:
        """The functions by name."""
        return {name: pool.spec for name, pool in self._pools.items()}

    def invoke(self, name: str, event: object, timeout: float | None = None) -> InvocationResult:
        """Invoke a function with an event (bytes of JSON, or what json.dumps takes), and wait for its result.

        When `timeout` seconds are over, it runs on.

        Raises:
            ThrottledError: the reservation is used up.
            PayloadTooLargeError: the event has more than Lambda's 6 MB.
            TimeoutError: no result within `timeout`.
        """
        payload = event if isinstance(event, bytes) else json.dumps(event).encode()
        if len(payload) > MAXIMUM_PAYLOAD_BYTES:
            raise PayloadTooLargeError(
                f"the event for {name} has {len(payload)} bytes; Lambda takes {MAXIMUM_PAYLOAD_BYTES} at most"
            )
        invocation = Invocation(str(uuid.uuid4()), payload)
        self._acquire(self._pool(name)).submit(invocation)
        if not invocation.done.wait(timeout) or invocation.result is None:
            raise TimeoutError(f"{name} has not answered within {timeout} s")
        return invocation.result

    def warm(self, name: str, count: int = 1, timeout: float = 30.0) -> list[Instance]:
        """Start instances until `count` stand ready (for a SnapStart function: until as many snapshots do).

        Raises:
            TimeoutError: they are not ready within `timeout` seconds, e.g. because their init fails.
        """
        pool = self._pool(name)
        for _ in range(count - len(pool.living())):
            with pool.changed:
                pool.starting += 1
            self._start(pool)
        deadline = time.monotonic() + timeout
        with pool.changed:
            while len(pool.idle) < count:
                left = deadline - time.monotonic()
                if left <= 0 or not pool.instances:
                    tail = "\n".join(self.logs.lines(name)[-5:])
                    raise TimeoutError(
                        f"{len(pool.idle)} of {count} instances of {name} became ready:\n{tail}"
                    )
                pool.changed.wait(left)
            return list(pool.idle)

    def instances(self, name: str | None = None) -> list[Instance]:
        """Return the living instances of one function, or of all."""
        pools = [self._pool(name)] if name else list(self._pools.values())
        return [instance for pool in pools for instance in pool.living()]

    def on_step(self, callback: Callable[[Step], None]) -> None:
        """Call `callback` at each step of each instance, in the instance's own thread, before things go on.

        Steps: start, ready (init done), restore, invoke (about to get its event), response (the answer has
        come, but not to the caller), answered (the caller has it), idle, exit; and "module:qualname:before"
        or ":after" for each place given as `steps`. A callback may kill or freeze `step.instance`.
        """
        self._callbacks.append(callback)

    def throttles(self, name: str) -> int:
        """Return how many invocations of a function were refused for its reservation."""
        return self._pool(name).throttles

    def stop(self) -> None:
        """End all instances. Safe to call twice."""
        self._stopping = True
        instances = [instance for pool in self._pools.values() for instance in list(pool.instances)]
        for instance in instances:
            instance.kill()
        for instance in instances:
            instance.wait(10)
        self.logs.close()

    def _pool(self, name: str) -> _Pool:
        try:
            return self._pools[name]
        except KeyError:
            raise KeyError(f"no function {name!r}; there are {', '.join(sorted(self._pools))}") from None

    def _acquire(self, pool: _Pool) -> Instance:
        patience = time.monotonic() + FINISHING_SECONDS
        with pool.changed:
            while True:
                while pool.idle:
                    instance = pool.idle.pop()  # the one used last: it is the warmest
                    if instance.alive:
                        return instance
                living = pool.living()
                coming = sum(instance.state in {"finishing", "idle"} for instance in living)
                left = patience - time.monotonic()
                if coming > pool.waiting and left > 0 and not self._stopping:
                    pool.waiting += 1
                    pool.changed.wait(left)
                    pool.waiting -= 1
                elif len(living) + pool.starting < pool.limit:
                    pool.starting += 1
                    break
                else:
                    pool.throttles += 1
                    raise ThrottledError(
                        f"{pool.spec.name}: all {pool.limit} instances of its reservation are busy"
                    )
        return self._start(pool)

    def _start(self, pool: _Pool) -> Instance:
        """Start an instance in the place that `pool.starting` holds for it."""
        instance = None
        try:
            instance = Instance(pool.spec, self._command, pool.environment, self.logs, self._stepped)
        finally:
            with pool.changed:
                pool.starting -= 1
                if instance:
                    pool.instances.append(instance)
        return instance

    def _stepped(self, step: Step) -> None:
        pool = self._pools[step.function]
        for callback in self._callbacks:
            callback(step)
        if step.name in {"idle", "answered", "exit"}:
            with pool.changed:
                if step.name == "idle":
                    pool.idle.append(step.instance)
                elif step.name == "exit":
                    pool.instances = [other for other in pool.instances if other is not step.instance]
                    pool.idle = [other for other in pool.idle if other is not step.instance]
                pool.changed.notify_all()

    def _environment_of(self, spec: FunctionSpec) -> Mapping[str, str]:
        folders = [spec.code, *self._folders, self._runtime]
        environment = {
            # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{self._minor}",
            "AWS_LAMBDA_FUNCTION_NAME": spec.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start" if spec.snap_start else "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group or f"/aws/lambda/{spec.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "local",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_LAMBDA_LOG_LEVEL": "INFO",
            "LAMBDA_TASK_ROOT": str(spec.code),
            "LAMBDA_RUNTIME_DIR": str(self._runtime),
            "_HANDLER": spec.handler,
            **CREDENTIALS,
            **spec.environment,
            **self._environment,
            "LOCAL_IMPORT_PATH": ":".join(str(folder) for folder in folders),
        }
        if self._steps:
            environment["LOCAL_STEPS"] = ",".join(self._steps)
        return environment
