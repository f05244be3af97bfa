"""A running system whose dependencies can be made to fail, asked as ElevenLabs asks it."""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import httpx

from local.aws.services import AwsServices
from local.elevenlabs import Delivery, HttpClient, Reply, Webhook, compressed
from local.lambda_host.toolchain import quiet
from local.mem0.server import DEFAULT_KEY, Mem0StandIn
from local.mem0.server import start as start_mem0
from local.system import System

Progress = Callable[[str], None]
NONE: Mapping[str, str] = MappingProxyType({})
COMPRESSION = 600.0
"""ElevenLabs' 40 minutes of retries in 4 seconds."""
_BATCH = 100  # memories in one add


@contextmanager
def stand_in(*, tls: bool = False) -> Iterator[Mem0StandIn]:
    """An empty stand-in for Mem0 in this process, removed with everything in it."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, start_mem0(Path(folder), tls=tls) as mem0:
        yield mem0


@contextmanager
def faults(service: Mem0StandIn | AwsServices, *rules: dict[str, Any]) -> Iterator[None]:
    """Put rules in force at a service inside the block."""
    service.set_faults(*rules)
    try:
        yield
    finally:
        service.set_faults()


def mem0_client(url: str, key: str = DEFAULT_KEY) -> httpx.Client:
    """A client of the stand-in."""
    headers = {"Authorization": f"Token {key}"}
    return httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False)


def client_data_body(caller_id: object) -> dict[str, object]:
    """What ElevenLabs asks ClientData while the phone rings."""
    return {"caller_id": caller_id, "agent_id": "a", "called_number": "+15550000000", "call_sid": "CA1"}


class Rig:
    """A system under test. Use it as a context manager; the options are those of `local.system.System`."""

    def __init__(self, progress: Progress = quiet, **options: Any) -> None:
        self.progress = progress
        self.system = System(progress=progress, **{"throttle": False, **options})
        self.wire = HttpClient()

    def __enter__(self) -> Self:
        """Start the system."""
        self.system.start()
        self._mem0 = mem0_client(self.system.mem0_url, self.system.endpoints.mem0_api_key)
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.wire.close()
        self._mem0.close()
        self.system.stop()

    def look_up(self, caller_id: object, *, key: str = "") -> Reply:
        """Ask ClientData about a caller, as ElevenLabs does while the phone rings."""
        at = self.system.endpoints
        headers = {"X-Workspace-Key": key or at.workspace_key}
        body = json.dumps(client_data_body(caller_id)).encode()
        return self.wire.post(at.client_data_url, body, headers, timeout=30)

    def retrieve(self, user_id: object, query: object = "dog", headers: Mapping[str, str] = NONE) -> Reply:
        """Ask Retrieve, as the agent's tool does."""
        body = json.dumps({"user_id": user_id, "query": query}).encode()
        return self.wire.post(self.system.endpoints.retrieve_url, body, headers, timeout=30)

    def post(
        self, body: bytes, *, url: str = "", compression: float = COMPRESSION, **webhook: Any
    ) -> Delivery:
        """Deliver a post-call event as ElevenLabs does, retries included, time compressed."""
        at = self.system.endpoints
        options = {"url": url or at.post_call_url, "key": at.hmac_key, "sleep": compressed(compression)}
        return Webhook(**{**options, **webhook}).deliver(self.wire, body)

    def mem0(self, method: str, path: str, body: object = None) -> Any:
        """Ask Mem0, or the stand-in's own paths, such as `PUT /_faults`."""
        return self._mem0.request(method, path, json=body).raise_for_status().json()

    def mem0_faults(self, *rules: Mapping[str, Any]) -> None:
        """Put rules in force at Mem0; without any: behave."""
        self.mem0("PUT", "/_faults", list(rules))

    @contextmanager
    def faults(self, *rules: Mapping[str, Any]) -> Iterator[None]:
        """Put rules in force at Mem0 inside the block."""
        self.mem0_faults(*rules)
        try:
            yield
        finally:
            self.mem0_faults()

    def remember(self, user_id: str, texts: Sequence[str], kind: str, start: int, conversation: str) -> None:
        """Store memories (`kind` is `factual` or `semantic`) of one call, past our functions."""
        metadata = {"type": kind, "conversation_id": conversation, "agent_id": "agent_1", "call_start": start}
        for first in range(0, len(texts), _BATCH):
            said = [{"role": "user", "content": text} for text in texts[first : first + _BATCH]]
            body = {"messages": said, "user_id": user_id, "infer": False, "timestamp": start}
            self.mem0("POST", "/v3/memories/add/", {**body, "metadata": metadata})
