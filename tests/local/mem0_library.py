"""What the tests of the Mem0 stand-in share: the real `MemoryClient` pointed at a stand-in."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from local.mem0.server import Mem0StandIn, start
from tests.local.support import NO_TLS

os.environ.setdefault("MEM0_DIR", str(Path(tempfile.gettempdir()) / "mem0-of-tests"))
os.environ.setdefault("MEM0_TELEMETRY", "False")

from shared.mem0.library import MemoryClient, errors

__all__ = ["CALLER", "HEADERS", "OTHER", "MemoryClient", "Running", "errors", "library", "running"]

HEADERS = {"Authorization": "Token local-mem0-key"}
CALLER = "+16125550142"
OTHER = "+447700900123"


@dataclass
class Running:
    """A stand-in, the library's own client on it, and plain HTTP for what the library does not do."""

    stand_in: Mem0StandIn
    client: Any
    http: httpx.Client

    def remember(self, *texts: str, user_id: str = CALLER, **options: Any) -> list[dict[str, Any]]:
        """Store texts word for word; returns the results of the add."""
        messages = [{"role": "user", "content": text} for text in texts]
        answer = self.client.add(messages, user_id=user_id, infer=False, **options)
        results: list[dict[str, Any]] = answer["results"]
        return results

    def reset(self) -> None:
        """Behave, and forget all memories and requests."""
        self.stand_in.set_faults()
        self.http.delete("/v1/memories/", params={"user_id": "*"}, headers=HEADERS).raise_for_status()
        self.stand_in.settle()
        self.stand_in.clear_requests()

    def texts(self, filters: object = None, **options: Any) -> list[str]:
        """The texts of a listing; of the usual caller by default."""
        listing = self.client.get_all(filters={"user_id": CALLER} if filters is None else filters, **options)
        return [row["memory"] for row in listing["results"]]

    def found(self, query: str, filters: object = None, **options: Any) -> list[str]:
        """The texts of a search, best first."""
        wanted = {"user_id": CALLER} if filters is None else filters
        return [row["memory"] for row in self.client.search(query, filters=wanted, **options)["results"]]


@contextmanager
def library(url: str, key: str = "local-mem0-key", timeout: float = 5.0, **options: Any) -> Iterator[Any]:
    """The library's client, which its users never close; here it is, so that no test leaves a socket."""
    with httpx.Client(timeout=timeout, **{"verify": NO_TLS, **options}) as transport:
        yield MemoryClient(api_key=key, host=url, client=transport)


@contextmanager
def running(data_dir: Path, **settings: Any) -> Iterator[Running]:
    """A stand-in on `data_dir` with a client; extractions appear at once by default."""
    with (
        start(data_dir, **{"infer_seconds": 0.0, **settings}) as stand_in,
        library(stand_in.url) as client,
        httpx.Client(base_url=stand_in.url, timeout=10, verify=NO_TLS) as http,
    ):
        yield Running(stand_in, client, http)
