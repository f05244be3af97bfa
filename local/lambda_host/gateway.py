"""API Gateway's HTTP API in front of one function: routes, limits, throttling and its own error answers.

One port for each API, as each has a host name of its own in AWS.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from local.http_server import HttpServer, Request, Response, message
from local.lambda_host.host import LambdaHost
from local.lambda_host.model import PayloadTooLargeError, ThrottledError
from local.lambda_host.payload import to_event, to_response

# Quotas of HTTP APIs: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
MAXIMUM_BODY_BYTES = 10 * 1024 * 1024
INTEGRATION_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Throttle:
    """Stage throttling: `rate` requests a second, `burst` at once (a token bucket of that size)."""

    rate: float
    burst: int


class Gateway:
    """One HTTP API on 127.0.0.1.

    Args:
        host, function: where the function runs, and its name.
        routes: route keys, e.g. ["POST /retrieve"].
        port: the port, 0 for any free one.
        throttle: the stage's throttling, None for none.
        integration_seconds: how long a function may take before the caller gets a 503.

    Raises:
        PortTakenError: the port is in use.
    """

    def __init__(  # noqa: PLR0913 - keyword-only, as the template gives them
        self,
        host: LambdaHost,
        function: str,
        routes: Sequence[str],
        *,
        port: int = 0,
        throttle: Throttle | None = None,
        integration_seconds: float = INTEGRATION_SECONDS,
    ) -> None:
        self._host = host
        self._function = function
        self._routes = {tuple(route.split(" ", 1)): route for route in routes}
        self._bucket = _Bucket(throttle) if throttle else None
        self._seconds = integration_seconds
        self._server = HttpServer(
            self._answer, name=f"gateway-{function}", port=port, body_limit=MAXIMUM_BODY_BYTES
        )
        self.port = self._server.port
        self.url = self._server.url

    def stop(self) -> None:
        """Stop listening and close every connection. Safe to call twice."""
        self._server.stop()

    def _answer(self, request: Request) -> Response:
        route = self._routes.get((request.method, request.path)) or self._routes.get(("ANY", request.path))
        if route is None:
            # HTTP APIs know no 405: a known path with another method is 404 as well.
            return message(404, "Not Found")
        if self._bucket and not self._bucket.take():
            return message(429, "Too Many Requests")
        try:
            result = self._host.invoke(self._function, to_event(request, route), timeout=self._seconds)
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
        if result.error is not None:
            return message(500, "Internal Server Error")
        return to_response(result.payload)


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
