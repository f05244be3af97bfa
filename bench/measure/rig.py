"""What is measured: one Mem0 stand-in, one AWS, and a Lambda host for each side, on this machine.

Ours is what the template deploys. The naive side has the same environment, with its own layer and handlers.
"""

import dataclasses
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Self

from bench.common.command import MeasureError
from bench.common.rig import Progress, Rig, client_data_body
from bench.measure.naive_layer import age, ensure_naive_layer
from local.http_server import Request
from local.lambda_host import FunctionSpec, LambdaHost
from local.lambda_host.payload import to_event
from local.lambda_host.toolchain import ROOT, ToolchainError, ensure_layer, python_minor, run
from local.mem0.server import Mem0StandIn

Side = Literal["ours", "naive", "httpx"]
BOTH: tuple[Side, ...] = ("ours", "naive")
NAMES = {"client-data": "ClientData", "retrieve": "Retrieve"}
"""The functions that a caller waits for."""
RUNTIME = "3.13"
HERE = ROOT / "bench"
CALLER = "+16125550142"
HANDLER = "lambda_handler"
OK = 200


def find_python(wanted: str = RUNTIME, fallback: str = "") -> str:
    """The interpreter of Lambda's version, if one runs here or pyenv knows one, else `fallback`."""
    found = [shutil.which(f"python{wanted}")]
    if pyenv := shutil.which("pyenv"):
        versions = run([pyenv, "versions", "--bare"], "asking pyenv for its versions").split()
        newest = [version for version in versions if version.startswith(f"{wanted}.")][-1:]
        prefixes = [
            run([pyenv, "prefix", version], "asking pyenv for a folder").strip() for version in newest
        ]
        found += [f"{prefix}/bin/python{wanted}" for prefix in prefixes]
    for candidate in filter(None, found):
        try:
            if python_minor(candidate) == wanted:
                return candidate
        except (ToolchainError, OSError):  # a shim that stands for a version that is not chosen
            continue
    return fallback


class HostRig(Rig):
    """Everything that runs; a context manager.

    Args:
        python: the interpreter that runs the functions of all sides.
        progress: told what is going on.
    """

    def __init__(self, python: str, progress: Progress) -> None:
        self.python = python
        self.naive_layer = ensure_naive_layer(python, progress)
        self.layer = ensure_layer(python, progress)
        super().__init__(progress, python=python)
        self.folder = Path(tempfile.mkdtemp(prefix="agentic-memory-bench-"))

    def __enter__(self) -> Self:
        """Start AWS and the stand-in, and lay out each side's code as Lambda unpacks it."""
        super().__enter__()
        self.system.source.cease()  # the bench invokes the worker itself
        shutil.copytree(self.system.host.functions["client-data"].code, self.folder / "ours")
        shutil.copytree(HERE / "naive", self.folder / "naive")
        (self.folder / "httpx").mkdir()
        shutil.copy(HERE / "functions" / "only_httpx.py", self.folder / "httpx")
        for side in ("ours", "naive", "httpx"):
            shutil.copy(HERE / "functions" / "probe.py", self.folder / side / "bench_probe.py")
        age(self.folder)
        return self

    def __exit__(self, *error: object) -> None:
        """Stop everything and remove the code."""
        super().__exit__(*error)
        shutil.rmtree(self.folder, ignore_errors=True)

    def spec(
        self, side: Side, function: str, *, probe: bool = False, snap_start: bool = False, **environment: str
    ) -> FunctionSpec:
        """What the host must know of a side's function ("client-data", "retrieve", "post-call").

        With `probe` the handler is called through functions/probe.py; with `snap_start` an instance is held
        after its init, as a snapshot is, and restored for its first event.
        """
        deployed = self.system.host.functions[function]
        module = function.replace("-", "_")
        handlers = {
            "ours": deployed.handler,
            "naive": f"{module}.{HANDLER}",
            "httpx": f"only_httpx.{HANDLER}",
        }
        handler = handlers[side]
        variables = {**deployed.environment, "MEM0_DIR": str(self.folder / f"mem0-{side}"), **environment}
        if probe:
            variables["BENCH_HANDLER"] = handler
            handler = f"bench_probe.{HANDLER}"
        return dataclasses.replace(
            deployed,
            code=self.folder / side,
            handler=handler,
            environment=variables,
            snap_start=snap_start,
            timeout_seconds=400.0 if side == "naive" else deployed.timeout_seconds,
        )

    @contextmanager
    def host(
        self, side: Side, function: str, *, mem0: Mem0StandIn | None = None, **options: Any
    ) -> Iterator[LambdaHost]:
        """A Lambda host with one function of one side; `mem0` is another stand-in, behind TLS.

        The options are those of `spec`.
        """
        if mem0:
            options["SSL_CERT_FILE"] = str(mem0.certificate)
        spec = self.spec(side, function, **options)
        servers = {
            "AWS_ENDPOINT_URL": self.system.aws.url,
            "MEM0_HOST": mem0.url if mem0 else self.system.mem0_url,
        }
        layer = self.naive_layer if side == "naive" else self.layer
        with LambdaHost([spec], layer=layer, environment=servers, python=self.python) as host:
            yield host

    def event(self, function: str, body: object, **headers: str) -> dict[str, Any]:
        """The event that API Gateway makes of a POST to `function`. `x_name` becomes the header `X-Name`."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        every = (("content-type", "application/json"), *pairs)
        request = Request(method="POST", target=f"/{function}", headers=every, body=raw)
        return to_event(request, f"POST /{function}")

    def call_event(self, function: str, caller: str = CALLER) -> dict[str, Any]:
        """What ElevenLabs asks "client-data" or "retrieve" about `caller`."""
        if function == "retrieve":
            return self.event(function, {"query": "the kitchen tap", "user_id": caller})
        key = self.system.credentials.first("ELEVENLABS_WORKSPACE_KEY")
        return self.event(function, client_data_body(caller), x_workspace_key=key)

    def ask(self, host: LambdaHost, function: str, event: object) -> Any:
        """Invoke a function and return its answer.

        Raises:
            MeasureError: the function failed; with what it said.
        """
        outcome = host.invoke(function, event, timeout=500)
        if outcome.error:
            raise MeasureError(f"{function} failed: {outcome.payload.decode()}")
        return json.loads(outcome.payload)

    def requests(self) -> int:
        """How many requests have reached the stand-in since the last question."""
        found: list[Any] = self.mem0("GET", "/_requests")
        self.mem0("DELETE", "/_requests")
        return len(found)

    def seed(self, caller: str, count: int) -> None:
        """Let `caller` have `count` memories: three facts of four, the rest passages, a call every day."""
        start = int(time.time()) - 86_400 * (count // 100 + 2)
        for first in range(0, count, 100):
            for kind, share in (("factual", range(75)), ("semantic", range(75, 100))):
                numbers = [first + offset for offset in share if first + offset < count]
                said = [f"Order {number} is for the kitchen tap with the blue handle." for number in numbers]
                self.remember(caller, said, kind, start + first // 100 * 86_400, f"conv_{first}")


def healthy(answer: Any) -> Any:
    """The answer of a function, which must be 200.

    Raises:
        MeasureError: it is another.
    """
    if answer.get("statusCode") != OK:
        raise MeasureError(f"a function answered {answer}")
    return answer
