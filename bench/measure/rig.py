"""What is measured: one Mem0 stand-in, one AWS, and a Lambda host for each side, on this machine.

Ours is what the template deploys. The naive side has the same environment, with its own layer and handlers.
"""

import dataclasses
import json
import shutil
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Self

from bench.measure.naive_layer import age, ensure_naive_layer
from local.http_server import Request
from local.lambda_host import FunctionSpec, LambdaHost
from local.lambda_host.payload import to_event
from local.lambda_host.toolchain import ROOT, ToolchainError, ensure_layer, python_minor, run
from local.system import System

Side = Literal["ours", "naive", "httpx"]
RUNTIME = "3.13"
HERE = ROOT / "bench"
CALLER = "+16125550142"
HANDLER = "lambda_handler"


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


class Rig:
    """Everything that runs; a context manager.

    Args:
        python: the interpreter that runs the functions of all sides.
        progress: told what is going on.
    """

    def __init__(self, python: str, progress: Callable[[str], None]) -> None:
        self.python = python
        self.progress = progress
        self.naive_layer = ensure_naive_layer(python, progress)
        self.layer = ensure_layer(python, progress)
        self.system = System(python=python, progress=progress)
        self.folder = Path(tempfile.mkdtemp(prefix="agentic-memory-bench-"))

    def __enter__(self) -> Self:
        """Start AWS and the stand-in, and lay out each side's code as Lambda unpacks it."""
        self.system.start()
        self.system.source.cease()  # the bench invokes the worker itself
        shutil.copytree(self.system.host.functions["client-data"].code, self.folder / "ours")
        shutil.copytree(HERE / "naive", self.folder / "naive")
        (self.folder / "httpx").mkdir()
        shutil.copy(HERE / "functions" / "only_httpx.py", self.folder / "httpx")
        for side in ("ours", "naive", "httpx"):
            shutil.copy(HERE / "functions" / "probe.py", self.folder / side / "bench_probe.py")
        age(self.folder)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything and remove the code."""
        self.system.stop()
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
    def host(self, side: Side, function: str, *, mem0_url: str = "", **options: Any) -> Iterator[LambdaHost]:
        """A Lambda host with one function of one side, talking to the stand-in unless told another Mem0.

        The options are those of `spec`.
        """
        spec = self.spec(side, function, **options)
        servers = {"AWS_ENDPOINT_URL": self.system.aws.url, "MEM0_HOST": mem0_url or self.system.mem0_url}
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

    def client_data_event(self, caller: str = CALLER) -> dict[str, Any]:
        """A conversation-initiation webhook for `caller`."""
        body = {
            "caller_id": caller,
            "agent_id": "agent_1",
            "called_number": "+16125550100",
            "call_sid": "CA1",
        }
        key = self.system.credentials.first("ELEVENLABS_WORKSPACE_KEY")
        return self.event("client-data", body, x_workspace_key=key)

    def retrieve_event(self, caller: str = CALLER, query: str = "the kitchen tap") -> dict[str, Any]:
        """A tool call about `caller`."""
        return self.event("retrieve", {"query": query, "user_id": caller})

    def ask(self, host: LambdaHost, function: str, event: object) -> Any:
        """Invoke a function and return its answer.

        Raises:
            RuntimeError: the function failed; with what it said.
        """
        outcome = host.invoke(function, event, timeout=500)
        if outcome.error:
            raise RuntimeError(f"{function} failed: {outcome.payload.decode()}")
        return json.loads(outcome.payload)

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """Ask the stand-in something under `/_`; see local/mem0/README.md."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.system.mem0_url}/_{path}", data=data, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own stand-in
            return json.load(answer)

    @contextmanager
    def faults(self, *rules: Mapping[str, Any]) -> Iterator[None]:
        """Let the stand-in misbehave inside the block."""
        self.admin("PUT", "faults", list(rules))
        try:
            yield
        finally:
            self.admin("DELETE", "faults")

    def requests(self) -> list[dict[str, Any]]:
        """What has reached the stand-in since the last question, oldest first."""
        found: list[dict[str, Any]] = self.admin("GET", "requests")
        self.admin("DELETE", "requests")
        return found

    def seed(self, caller: str, count: int) -> None:
        """Let `caller` have `count` memories: three facts of four, the rest passages, a call every day."""
        add = f"{self.system.mem0_url}/v3/memories/add/"
        key = self.system.credentials.first("MEM0_API_KEY")
        start = int(time.time()) - 86_400 * (count // 100 + 2)
        for first in range(0, count, 100):
            for kind, share in (("factual", range(75)), ("semantic", range(75, 100))):
                numbers = [first + offset for offset in share if first + offset < count]
                if not numbers:
                    continue
                at = start + first // 100 * 86_400
                said = [
                    {
                        "role": "user",
                        "content": f"Order {number} is for the kitchen tap with the blue handle.",
                    }
                    for number in numbers
                ]
                metadata = {"type": kind, "conversation_id": f"conv_{first}", "agent_id": "agent_1"}
                body = {"messages": said, "user_id": caller, "infer": False, "timestamp": at}
                data = json.dumps({**body, "metadata": {**metadata, "call_start": at}}).encode()
                headers = {"Authorization": f"Token {key}", "Content-Type": "application/json"}
                request = urllib.request.Request(add, data=data, headers=headers, method="POST")  # noqa: S310
                urllib.request.urlopen(request, timeout=60).close()  # noqa: S310 - our own stand-in
