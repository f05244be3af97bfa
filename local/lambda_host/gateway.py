"""API Gateway's HTTP API in front of one function: routes, limits, throttling and its own error answers.

One port per API, as each API has a host name of its own in AWS. It refuses everything the template has no
route for.
"""

import socket
import socketserver
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer

from local.lambda_host.host import LambdaHost
from local.lambda_host.model import PayloadTooLargeError, ThrottledError
from local.lambda_host.payload import HttpRequest, HttpResponse, message, to_event, to_response

# Quotas of HTTP APIs: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
MAXIMUM_BODY_BYTES = 10 * 1024 * 1024
INTEGRATION_SECONDS = 30.0
# A body beyond the limit is still read so far, so that its sender sees the answer instead of a reset
# connection.
DRAINED_BYTES = 64 * 1024 * 1024
PIECE_BYTES = 256 * 1024


class PortTakenError(OSError):
    """A fixed port is used by somebody else. The message names it and what to do."""


@dataclass(frozen=True, kw_only=True)
class Throttle:
    """Stage throttling: `rate` requests a second, `burst` at once (a token bucket of that size)."""

    rate: float
    burst: int


class Gateway:
    """One HTTP API on 127.0.0.1.

    Args:
        host: where the function runs.
        function: the function's name.
        routes: route keys, e.g. ["POST /retrieve"].
        port: the port, 0 for any free one.
        stage: the stage; other names than "$default" stand in front of each path, as in AWS.
        throttle: the stage's throttling, None for none.
        integration_seconds: how long a function may take before the caller is sent away.

    Raises:
        PortTakenError: the port is taken.
    """

    def __init__(  # noqa: PLR0913 - keyword-only, as the template gives them
        self,
        host: LambdaHost,
        function: str,
        routes: Sequence[str],
        *,
        port: int = 0,
        stage: str = "$default",
        throttle: Throttle | None = None,
        integration_seconds: float = INTEGRATION_SECONDS,
    ) -> None:
        self._host = host
        self._function = function
        self._prefix = "" if stage == "$default" else f"/{stage}"
        self._stage = stage
        self._routes = {route: tuple(route.split(" ", 1)) for route in routes}
        self._bucket = _Bucket(throttle) if throttle else None
        self._seconds = integration_seconds
        self._server = _Server(("127.0.0.1", port), self)
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}{self._prefix}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name=f"gateway-{function}", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and close every connection. Safe to call twice."""
        self._server.shutdown()
        self._server.close_connections()
        self._server.server_close()
        self._thread.join()

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request as API Gateway would."""
        path = request.target.partition("?")[0]
        route = next(
            (key for key, parts in self._routes.items() if self._matches(parts, request.method, path)), None
        )
        if route is None:
            # HTTP APIs know no 405: a known path with another method is 404 as well.
            return message(404, "Not Found")
        if self._bucket and not self._bucket.take():
            return message(429, "Too Many Requests")
        try:
            outcome = self._host.invoke(
                self._function, to_event(request, route, self._stage), timeout=self._seconds
            )
        except (ThrottledError, TimeoutError):
            # A function that does not answer in time is 503 with this body, and runs on
            # (github.com/anomalyco/sst/issues/2232). A throttled one is the same: Lambda's 429 does not reach
            # the caller. A REST API would make 500 of it (re:Post question QUfI6bsdd0SOiPeyimzxSkfQ); what an
            # HTTP API does stands in no primary source that was found.
            return message(503, "Service Unavailable")
        except PayloadTooLargeError:
            # Lambda's 6 MB come before API Gateway's 10 MB: 413, measured on a REST API with Lambda
            # (github.com/koki-develop/lgtm-generator/issues/10).
            return message(413, "Request Too Long")
        if outcome.error is not None:
            return message(500, "Internal Server Error")
        return to_response(outcome.payload)

    def _matches(self, route: tuple[str, ...], method: str, path: str) -> bool:
        wanted_method, wanted_path = route
        return wanted_method in (method, "ANY") and path == self._prefix + wanted_path


class _Bucket:
    """The token bucket of a stage."""

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle
        self._tokens = float(throttle.burst)
        self._filled = time.monotonic()
        self._lock = threading.Lock()

    def take(self) -> bool:
        with self._lock:
            now = time.monotonic()
            grown = self._tokens + (now - self._filled) * self._throttle.rate
            self._tokens = min(float(self._throttle.burst), grown)
            self._filled = now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True


class _Server(socketserver.ThreadingMixIn, HTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024  # 300 callers at once must not meet a refused connection

    def __init__(self, address: tuple[str, int], gateway: Gateway) -> None:
        self.gateway = gateway
        self._open: set[socket.socket] = set()
        try:
            super().__init__(address, _Handler)
        except OSError as error:
            if address[1] == 0:
                raise
            raise PortTakenError(
                f"port {address[1]} cannot be used ({error.strerror}): stop what uses it, or choose another"
            ) from error

    def server_bind(self) -> None:
        """Bind without HTTPServer's look-up of our own name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def process_request(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        if isinstance(request, socket.socket):
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        if isinstance(request, socket.socket):
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay quiet about callers that hang up; show what is our own fault."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def close_connections(self) -> None:
        """End the connections that callers keep open."""
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet per answer
    server: _Server

    def _respond(self) -> None:
        body = self._read_body()
        if body is None:
            response = message(413, "Request Entity Too Large")
        else:
            request = HttpRequest(
                method=self.command,
                target=self.path,
                headers=tuple(self.headers.items()),
                body=body,
                source_ip=str(self.client_address[0]),
            )
            response = self.server.gateway.handle(request)
        self.send_response_only(response.status)
        for name, value in response.headers:
            self.send_header(name, value)
        self.send_header("date", self.date_time_string())
        self.send_header("content-length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _respond  # noqa: N815 - http.server's

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Print nothing: the functions' logs tell what happened."""

    def _read_body(self) -> bytes | None:
        """Return the body, or None if it exceeds the limit (what is left of it is read and dropped)."""
        pieces: list[bytes] = []
        size = 0
        for piece in self._pieces():
            size += len(piece)
            if size > DRAINED_BYTES:
                self.close_connection = True
                break
            if size <= MAXIMUM_BODY_BYTES:
                pieces.append(piece)
        return None if size > MAXIMUM_BODY_BYTES else b"".join(pieces)

    def _pieces(self) -> Iterator[bytes]:
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline(64).split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline(4)
            self.rfile.readline(4)
            return
        left = int(self.headers.get("content-length") or 0)
        while left > 0:
            piece = self.rfile.read(min(left, PIECE_BYTES))
            if not piece:
                return
            left -= len(piece)
            yield piece
