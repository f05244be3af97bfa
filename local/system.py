"""The whole system on one machine, started and stopped as one.

moto and the Mem0 stand-in run as processes of their own, the functions in their instances; API Gateway, the
event source and the ElevenLabs workspace in this process. What to run is read from the synthesized template.
"""

import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from local.aws.log_delivery import LogDelivery
from local.aws.services import AwsServices
from local.cloudformation import TemplateError
from local.elevenlabs import WorkspaceServer
from local.endpoints import Endpoints
from local.http_server import PortTakenError
from local.lambda_host import EventSource, Gateway, LambdaHost
from local.lambda_host.toolchain import ROOT, ensure_layer, ensure_packages, ensure_runtime, quiet
from local.processes import Service
from local.synth import synthesize
from local.template import Template

# Distance of each part's port from the base.
PORTS = {
    "console": 0,
    "client-data": 1,
    "retrieve": 2,
    "post-call": 3,
    "mem0": 10,
    "aws": 11,
    "elevenlabs": 12,
}
DEFAULTS = {
    "MEM0_API_KEY": "local-mem0-key",
    "MEM0_ORG_ID": "local-org",
    "MEM0_PROJECT_ID": "local-project",
    "ELEVENLABS_WORKSPACE_KEY": "local-workspace-key",
    "ELEVENLABS_HMAC_KEY": "local-hmac-key",
}


@dataclass(frozen=True, kw_only=True)
class LocalCredentials:
    """The five keys of the secret, as the functions will read them. The two ElevenLabs keys may be lists."""

    values: Mapping[str, object] = field(repr=False)

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] | None = None, *, own_mem0: bool = True
    ) -> "LocalCredentials":
        """Take each key from the environment, else the printed default.

        With another Mem0 than the stand-in (`own_mem0` false) there is no default organization or project:
        left empty, the functions do not compare them.
        """
        given = os.environ if environment is None else environment
        values: dict[str, object] = {}
        for name, default in DEFAULTS.items():
            fallback = default if own_mem0 or name not in {"MEM0_ORG_ID", "MEM0_PROJECT_ID"} else ""
            value = given.get(name) or fallback
            values[name] = json.loads(value) if value.startswith("[") else value
        return cls(values=values)

    def first(self, name: str) -> str:
        """Return a key, the first one if it is a list."""
        value = self.values[name]
        return str(value[0]) if isinstance(value, list) else str(value)


class System:
    """A running AgenticMemory. Use it as a context manager, or call `start` and `stop`.

    Args:
        port_base: fixed ports (see PORTS) from here on, the first for the console; None takes free ones.
        data_dir: where memories, logs and the ElevenLabs workspace are kept; None uses a temporary folder.
        mem0_url: another Mem0 instead of the stand-in.
        credentials: the secret's content; None takes it from the environment, else the defaults.
        settings: CDK context on top of cdk.json's, e.g. {"prompt_mode": "variable"}.
        environment: variables for all functions on top of the template's.
        visibility_timeout: seconds (whole, at least 1) for both queues instead of the template's.
        throttle: whether the stages' throttling is enforced.
        steps: places in the functions' code for `host.on_step`, see LambdaHost.
        python: the interpreter that runs the functions.
        deliver_logs: whether what the functions print can be read in CloudWatch Logs.
        progress: called with what is going on, line by line.
    """

    # Once started:
    host: LambdaHost
    aws: AwsServices
    template: Template
    source: EventSource
    gateways: dict[str, Gateway]  # by the function's name
    mem0_url: str
    elevenlabs: WorkspaceServer
    queue_url: str
    dead_letter_url: str
    ledger_table: str
    data_dir: Path

    def __init__(  # noqa: PLR0913 - keyword-only settings with defaults
        self,
        *,
        port_base: int | None = None,
        data_dir: Path | None = None,
        mem0_url: str | None = None,
        credentials: LocalCredentials | None = None,
        settings: Mapping[str, object] | None = None,
        environment: Mapping[str, str] | None = None,
        visibility_timeout: int | None = None,
        throttle: bool = True,
        steps: Sequence[str] = (),
        python: str = sys.executable,
        deliver_logs: bool = False,
        progress: Callable[[str], None] = quiet,
    ) -> None:
        self._port_base = port_base
        self._wanted_data_dir = data_dir
        self._other_mem0 = mem0_url
        self.credentials = credentials or LocalCredentials.from_environment(own_mem0=mem0_url is None)
        self._settings = settings
        self._environment = dict(environment or {})
        self._visibility = visibility_timeout
        self._throttle = throttle
        self._steps = tuple(steps)
        self._python = python
        self._deliver_logs = deliver_logs
        self._progress = progress
        self._undo = ExitStack()
        self.gateways = {}

    def __enter__(self) -> Self:
        """Start everything."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """End everything."""
        self.stop()

    @property
    def operator_environment(self) -> dict[str, str]:
        """The environment in which the operator's commands use this system."""
        return {
            **self.aws.environment,
            "ELEVENLABS_API_KEY": self.elevenlabs.api_key,
            "ELEVENLABS_BASE_URL": self.elevenlabs.url,
        }

    @property
    def endpoints(self) -> Endpoints:
        """Where everything is, and the keys that are accepted."""
        return Endpoints(
            client_data_url=f"{self.gateways['client-data'].url}/client-data",
            retrieve_url=f"{self.gateways['retrieve'].url}/retrieve",
            post_call_url=f"{self.gateways['post-call'].url}/post-call",
            mem0_url=self.mem0_url,
            workspace_key=self.credentials.first("ELEVENLABS_WORKSPACE_KEY"),
            hmac_key=self.credentials.first("ELEVENLABS_HMAC_KEY"),
            mem0_api_key=self.credentials.first("MEM0_API_KEY"),
        )

    def start(self) -> Self:
        """Start everything; what was started is stopped again if something fails.

        Raises:
            PortTakenError: a fixed port is taken.
            TemplateError, ToolchainError: the template, the app or the layer is not usable.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End everything. Safe to call twice."""
        self._undo.close()
        self.gateways = {}

    def _start(self) -> None:
        self._check_ports()
        self.data_dir = self._make_data_dir()
        self.aws = AwsServices(self._port("aws"))
        self._undo.callback(self.aws.stop)
        self.elevenlabs = self._undo.enter_context(WorkspaceServer(self.data_dir, self._port("elevenlabs")))
        mem0 = None if self._other_mem0 else self._start_mem0()
        # The two above take a second or two to start; meanwhile:
        self.template = Template(synthesize(self._settings, self._progress))
        layer = ensure_layer(self._python, self._progress)
        packages = ensure_packages(self._python, self._progress)
        ensure_runtime(self._python, self._progress)
        self._progress("starting queue, table and secret (moto)")
        values = self.aws.create(self.template, self._secret(), self._visibility)
        self.mem0_url = self._other_mem0 or (mem0.announced() if mem0 else "")
        environment = {"AWS_ENDPOINT_URL": self.aws.url, "MEM0_HOST": self.mem0_url, **self._environment}
        self.host = LambdaHost(
            self.template.functions(values),
            layer=layer,
            packages=packages,
            environment=environment,
            log_folder=self.data_dir / "logs",
            python=self._python,
            steps=self._steps,
        )
        if self._deliver_logs:
            self._undo.callback(LogDelivery(self.aws.client("logs"), self.host).stop)
        self.source = self._event_source(values)
        # In the end: no new batches, no new requests, no instances; then the batches under way have ended.
        self._undo.callback(self.source.stop)
        self._undo.callback(self.host.stop)
        self._open_gateways()
        self._undo.callback(self.source.cease)
        self.aws.create_stack(self.template.stack, self._outputs(values, environment))

    def _secret(self) -> dict[str, object]:
        """The secret's content. moto has forgotten the keys by which webhooks of an earlier run sign."""
        given = self.credentials.values["ELEVENLABS_HMAC_KEY"]
        known = given if isinstance(given, list) else [given]
        more = [key for key in self.elevenlabs.workspace.signing_keys() if key not in known]
        return {**self.credentials.values, "ELEVENLABS_HMAC_KEY": [*known, *more] if more else given}

    def _start_mem0(self) -> Service:
        command = [sys.executable, "-m", "local", "mem0", "--port", str(self._port("mem0"))]
        environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT)}
        environment |= {name: self.credentials.first(name) for name in DEFAULTS if name.startswith("MEM0_")}
        command += ["--data-dir", str(self.data_dir)]
        announces = r"Mem0 stand-in at (http\S+?),"
        service = Service("the Mem0 stand-in", command, announces, environment)
        self._undo.callback(service.stop)
        return service

    def _open_gateways(self) -> None:
        for api in self.template.apis:
            if api.function not in PORTS:
                raise TemplateError(f"{api.function}: the local system has ports for {', '.join(PORTS)} only")
            gateway = Gateway(
                self.host,
                api.function,
                api.routes,
                port=self._port(api.function),
                throttle=api.throttle if self._throttle else None,
            )
            self._undo.callback(gateway.stop)
            self.gateways[api.function] = gateway

    def _event_source(self, values: Mapping[str, str]) -> EventSource:
        mapping = self.template.mapping
        (queue,) = [queue for queue in self.template.queues if queue.logical_id == mapping.queue]
        if queue.dead_letters is None:
            raise TemplateError(f"{queue.logical_id} has no dead-letter queue")
        self.queue_url, self.dead_letter_url = values[queue.logical_id], values[queue.dead_letters]
        self.ledger_table = self.template.tables[0].name
        return EventSource(
            self.host,
            mapping.function,
            sqs=self.aws.client("sqs"),
            queue_url=self.queue_url,
            queue_arn=queue.arn,
            batch_size=mapping.batch_size,
            maximum_concurrency=mapping.maximum_concurrency,
            partial_failures=mapping.partial_failures,
            wake=self.aws.wake,
            visibility_seconds=float(self._visibility or queue.attributes.get("VisibilityTimeout", "30")),
        )

    def _outputs(self, values: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
        """The outputs of the stack, as they are on this machine."""
        outputs = self.template.outputs(values)
        variables = json.loads(outputs["Environment"])
        variables |= {name: value for name, value in environment.items() if name in variables}
        at = self.endpoints
        return outputs | {
            "Environment": json.dumps(variables),
            "ClientDataUrl": at.client_data_url,
            "RetrieveUrl": at.retrieve_url,
            "PostCallUrl": at.post_call_url,
        }

    def _make_data_dir(self) -> Path:
        if self._wanted_data_dir is not None:
            self._wanted_data_dir.mkdir(parents=True, exist_ok=True)
            return self._wanted_data_dir.resolve()
        folder = Path(tempfile.mkdtemp(prefix="agentic-memory-"))
        self._undo.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _port(self, part: str) -> int:
        return 0 if self._port_base is None else self._port_base + PORTS[part]

    def _check_ports(self) -> None:
        """Find taken ports before anything slow happens."""
        if self._port_base is None:
            return
        for part in PORTS:
            port = self._port(part)
            try:
                socket.create_server(("127.0.0.1", port)).close()
            except OSError as error:
                raise PortTakenError(
                    f"port {port} (for {part}) cannot be used ({os.strerror(error.errno or 0)}): "
                    "stop what uses it, or choose another --port-base"
                ) from error
