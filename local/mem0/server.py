"""Starts and stops the stand-in: in this process for tests, or alone until Ctrl-C.

It listens on this machine only unless told another host; with another host, everybody who can reach it can
read and write its memories who knows the key, so it refuses to invent one.
"""

import logging
import signal
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local.mem0.api import Api, Credentials
from local.mem0.embedding import preload
from local.mem0.errors import PortTakenError
from local.mem0.faults import Faults
from local.mem0.listener import Listener
from local.mem0.schema import FILE_NAME
from local.mem0.store import Store
from local.mem0.tls import server_context

log = logging.getLogger(__name__)

DEFAULT_KEY = "local-mem0-key"
DEFAULT_ORG = "local-org"
DEFAULT_PROJECT = "local-project"
# Mem0 Cloud needs seconds; long enough to notice who relies on an immediate answer, short enough for tests.
INFER_SECONDS = 0.2


class Mem0StandIn:
    """A running stand-in; a context manager that stops it.

    Attributes:
        url: For ``MemoryClient(host=...)``.
        certificate: With TLS, the file (PEM) by which clients trust it; else None.
    """

    def __init__(self, listener: Listener, store: Store, certificate: Path | None) -> None:
        self._listener = listener
        self._store = store
        self.url = listener.url
        self.certificate = certificate
        self._thread = threading.Thread(
            target=listener.serve_forever, kwargs={"poll_interval": 0.05}, name="mem0-stand-in", daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Self:
        """Start nothing: it runs already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._listener.server_port

    def stop(self) -> None:
        """Close all connections and files; what is pending waits on disk. A second call does nothing."""
        if self._listener.stopping.is_set():
            return
        self._listener.stopping.set()
        self._listener.faults.replace([])
        self._listener.shutdown()
        self._listener.server_close()
        self._listener.drop_connections(busy=True)
        self._listener.api.events.stop()
        self._thread.join()
        self._store.close()

    def set_faults(self, *rules: dict[str, Any]) -> list[dict[str, Any]]:
        """Put rules in force instead of the old ones (none: behave); the same as ``PUT /_faults``.

        Raises:
            ApiError: If a rule has an unknown field or a value of the wrong kind.
        """
        return self._listener.admin.set_faults(list(rules))

    def requests(self, operation: str | None = None) -> list[dict[str, Any]]:
        """The requests so far, oldest first; the same as ``GET /_requests``."""
        return self._listener.traffic.requests(operation)

    def clear_requests(self) -> None:
        """Forget the requests and set the counters to zero; the same as ``DELETE /_requests``."""
        self._listener.traffic.clear()

    def stats(self) -> dict[str, Any]:
        """Memories by user and the counters; the same as ``GET /_stats``."""
        return self._listener.admin.stats()

    def settle(self, timeout: float = 10.0) -> bool:
        """Wait until all extractions and deletions are done; False if some are left after ``timeout`` s."""
        return not self._listener.api.events.settle(timeout)


def start(  # noqa: PLR0913 - settings with defaults
    data_dir: Path,
    port: int = 0,
    api_key: str = DEFAULT_KEY,
    org_id: str = DEFAULT_ORG,
    project_id: str = DEFAULT_PROJECT,
    *,
    host: str = "127.0.0.1",
    infer_seconds: float = INFER_SECONDS,
    tls: bool = False,
) -> Mem0StandIn:
    """Start a stand-in in this process.

    Args:
        data_dir: Where its file lives; memories of an earlier run are there again.
        port: 0 takes a free one.
        api_key: The key that is let in.
        org_id: What the ping returns.
        project_id: What the ping returns.
        host: The address to listen on.
        infer_seconds: How long after an ``infer=true`` add its facts appear.
        tls: Serve HTTPS with a certificate made for this run.

    Raises:
        PortTakenError: If another program listens on the port.
        DataDirInUseError: If another stand-in uses the folder.
    """
    store = Store(data_dir)
    undo = [store.close]
    try:
        faults = Faults()
        api = Api(store, Credentials([api_key], org_id, project_id), faults, infer_seconds)
        undo.insert(0, api.events.stop)
        certificate = data_dir / "mem0-certificate.pem" if tls else None
        try:
            listener = Listener(
                (host, port), api, faults, server_context(certificate) if certificate else None
            )
        except OSError as problem:
            raise PortTakenError(host, port) from problem
    except BaseException:
        for step in undo:
            step()
        raise
    preload()
    return Mem0StandIn(listener, store, certificate)


def serve_forever(  # noqa: PLR0913, PLR0917 - as the command line gives them
    host: str,
    port: int,
    data_dir: Path,
    api_key: str = DEFAULT_KEY,
    org_id: str = DEFAULT_ORG,
    project_id: str = DEFAULT_PROJECT,
) -> None:
    """Serve until Ctrl-C or SIGTERM, and end cleanly.

    Raises:
        StartError: If the port is taken or the folder is in use.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)
    try:
        preload().join()
        with start(data_dir, port, api_key, org_id, project_id, host=host) as stand_in:
            print(
                f"Mem0 stand-in at {stand_in.url}, memories in {data_dir / FILE_NAME}.\n"
                "It has no language model: for infer=true it keeps the caller's own sentences.\n"
                "Ctrl-C ends it.",
                flush=True,
            )
            threading.Event().wait()
    except KeyboardInterrupt:
        print("The Mem0 stand-in has ended.", flush=True)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
