"""Accepts connections, remembers them so that all can be closed at once, and holds what they share.

One thread per connection. It refuses nothing itself; a port that is taken is an OSError from ``bind``.
"""

import logging
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Any

from local.mem0.admin import Admin
from local.mem0.api import Api
from local.mem0.connection import Connection
from local.mem0.faults import Faults
from local.mem0.traffic import Traffic

log = logging.getLogger(__name__)


class Listener(ThreadingHTTPServer):
    """The listening socket.

    Args:
        address: Host and port; port 0 takes a free one.
        api: The operations.
        faults: The rules in force.
        tls: With a context, connections are TLS.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024  # hundreds of callers arrive at once in a load test

    def __init__(
        self, address: tuple[str, int], api: Api, faults: Faults, tls: ssl.SSLContext | None
    ) -> None:
        self.api = api
        self.faults = faults
        self.tls = tls
        self.traffic = Traffic()
        self.stopping = threading.Event()
        self._open: dict[socket.socket, bool] = {}  # and whether it is busy
        self._open_lock = threading.Lock()
        self.admin = Admin(api, faults, self.traffic, self.drop_connections)
        super().__init__(address, Connection)

    def server_bind(self) -> None:
        """Bind without the name lookup that the base class does, which may take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        host, port = self.socket.getsockname()[:2]
        self.server_address = (host, port)
        self.server_name, self.server_port = str(host), int(port)

    @property
    def url(self) -> str:
        """The address for clients, without a slash at its end."""
        return f"{'https' if self.tls else 'http'}://{self.server_name}:{self.server_port}"

    def opened(self, connection: socket.socket) -> int:
        """Note a connection; returns its number, counted from 1."""
        with self._open_lock:
            self._open[connection] = False
        self.traffic.count("connections_open")
        return self.traffic.count("connections")

    def secured(self, plain: socket.socket, secure: socket.socket) -> None:
        """Note that TLS took the place of a plain socket."""
        with self._open_lock:
            self._open.pop(plain, None)
            self._open[secure] = False
        self.traffic.count("tls_handshakes")

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._open_lock:
            self._open.pop(connection, None)
        self.traffic.count("connections_open", -1)

    @contextmanager
    def serving(self, connection: socket.socket) -> Iterator[None]:
        """Mark a connection as busy with a request."""
        with self._open_lock:
            self._open[connection] = True
        try:
            yield
        finally:
            with self._open_lock:
                self._open[connection] = False

    def drop_connections(self, *, busy: bool = False) -> int:
        """Close all idle connections under their clients' feet, as a load balancer does; returns how many.

        Args:
            busy: Those with a request under way too.
        """
        with self._open_lock:
            dropped = [connection for connection, is_busy in self._open.items() if busy or not is_busy]
        for connection in dropped:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # it was closed in this very moment
                continue
        return len(dropped)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's
        """Say nothing when a client goes away or the server is stopping; else log what broke."""
        if not isinstance(sys.exc_info()[1], OSError) and not self.stopping.is_set():
            log.exception("a connection from %s failed", client_address)  # noqa: LOG004 - called while handling
