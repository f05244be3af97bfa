"""Lets mem0's client send over connections of ours: an `httpx.BaseTransport` on top of `HttpClient`."""

import http.client
from math import inf

import httpx

from shared.http_client import HttpClient, deadline
from shared.mem0.connection import PING

_READS = ("/v3/memories/", "/v3/memories/search/")  # they are POSTs, because their filters are JSON


class Transport(httpx.BaseTransport):
    """Sends requests by `client`. The timeout of a request bounds the whole of it, not each step.

    The ping by which `MemoryClient` checks its key while it is constructed is answered here: `Mem0Connection`
    asks Mem0, beside the first read instead of before it.
    """

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` and return the whole response.

        Raises:
            httpx.TimeoutException: if its timeout or the deadline came first.
            httpx.TransportError: if there is no connection, or what comes over it is no HTTP.
        """
        if request.url.path.endswith(PING):
            return httpx.Response(200, json={"org_id": "unasked", "project_id": "unasked"})
        body = request.read()
        headers = {name: value for name, value in request.headers.items() if name != "transfer-encoding"}
        repeatable = request.method == "GET" or (
            request.method == "POST" and request.url.path.endswith(_READS)
        )
        try:
            with deadline(_timeout(request)):
                response = self._client.request(
                    request.method, request.url.raw_path.decode(), headers, body, repeatable=repeatable
                )
        except http.client.HTTPException as error:
            raise httpx.RemoteProtocolError(type(error).__name__) from None
        except ValueError as error:
            raise httpx.LocalProtocolError(str(error)) from None
        except TimeoutError as error:
            raise httpx.ReadTimeout(str(error)) from None
        except OSError as error:
            raise httpx.NetworkError(type(error).__name__) from None
        return httpx.Response(
            response.status, headers=response.headers, stream=httpx.ByteStream(response.body)
        )

    def close(self) -> None:
        """Close what is idle."""
        self._client.close()


def _timeout(request: httpx.Request) -> float:
    """The longest of the request's timeouts, in seconds. Source: httpx docs, "Request extensions"."""
    timeouts = request.extensions.get("timeout", {}).values()
    return max((inf if seconds is None else seconds for seconds in timeouts), default=inf)
