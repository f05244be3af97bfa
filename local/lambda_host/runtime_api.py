"""The Runtime API of one instance: the server that Amazon's runtime client polls for events.

It has a port of its own, because AWS_LAMBDA_RUNTIME_API is a host and a port, with no room for an instance's
name. It only translates between HTTP and the instance; when an event comes and what a result means is the
instance's business.
Source of the protocol: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from local.lambda_host.wire import Request, Wire

API = "/2018-06-01/runtime"


class Client(Protocol):
    """The instance, as its Runtime API sees it."""

    def next_event(self) -> tuple[bytes, Mapping[str, str]] | None:
        """Wait for the next event and return it with its headers; None when there will be none."""
        ...

    def restored(self) -> bool:
        """Wait until the snapshot is to be restored; False when it never will be."""
        ...

    def init_failed(self, error: bytes) -> None:
        """Take note of why the function could not start."""
        ...

    def take_result(self, payload: bytes, error: str | None) -> int | None:
        """Take the result of the current event; return the HTTP status, None if the process is dead."""
        ...

    def at_step(self, name: str) -> None:
        """The function's code has come to a watched place."""
        ...

    def seconds_left(self) -> float | None:
        """Return what is left of the function's timeout; None while it has no event."""
        ...

    def expired(self) -> bool:
        """Return whether the time is over; if so, the process has been killed."""
        ...

    def wait_for_result(self, timeout: float) -> bool:
        """Wait so long for the current event's result; True if it came or none is due."""
        ...


class RuntimeApi:
    """Serves one instance until `close`."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name
        self._closed = False
        self._connections: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=8)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, name=f"{name}-api", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End all connections and stop listening."""
        self._closed = True
        with suppress(OSError):  # closing a socket does not wake who waits in its accept; a connection does
            socket.create_connection(self._listener.getsockname(), timeout=1).close()
        self._thread.join()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with self._listener:
            while True:
                connection, _ = self._listener.accept()
                if self._closed:
                    connection.close()
                    return
                self._connections.add(connection)
                name = f"{self._name}-connection"
                threading.Thread(target=self._serve, args=(connection,), name=name, daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        wire = Wire(connection)
        # A process that is killed resets the connection, in the middle of a request or between two.
        with suppress(OSError, ValueError), connection:
            while not self._closed:
                request = self._read(wire)
                if request is None or not self._answer(request, wire):
                    break
        self._connections.discard(connection)
        # The runtime may close its connection while it works; its time runs on.
        while not self._closed and (left := self._client.seconds_left()) is not None:
            if self._client.wait_for_result(max(0.01, left)) or self._client.expired():
                return

    def _read(self, wire: Wire) -> Request | None:
        while True:
            left = self._client.seconds_left()
            try:
                return wire.read(None if left is None else max(0.001, left))
            except TimeoutError:
                if self._client.expired():
                    return None

    def _answer(self, request: Request, wire: Wire) -> bool:
        """Answer one request; return whether the connection stays open."""
        target = urlsplit(request.path)
        kind = target.path.rsplit("/", 1)[1]
        if target.path == f"{API}/invocation/next":
            event = self._client.next_event()
            if event is None:
                return False
            wire.answer(200, *event)
        elif target.path == f"{API}/restore/next":
            if not self._client.restored():
                return False
            wire.answer(200)
        elif target.path in {f"{API}/init/error", f"{API}/restore/error"}:
            self._client.init_failed(request.body)
            wire.answer(202)
        elif target.path.startswith(f"{API}/invocation/") and kind in {"response", "error"}:
            failed = request.headers.get("lambda-runtime-function-error-type", "Unhandled")
            status = self._client.take_result(request.body, failed if kind == "error" else None)
            if status is None:
                return False
            wire.answer(status, b'{"status":"OK"}')
        elif target.path == "/local/step":
            self._client.at_step(parse_qs(target.query)["name"][0])
            wire.answer(200)
        else:
            wire.answer(404)
        return True
