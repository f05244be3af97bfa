"""Kills a command at one of its requests."""

import os
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from botocore.httpsession import URLLib3Session


class KilledError(BaseException):
    """The command died."""


_WRITES = (
    "Put",
    "Delete",
    "Update",
    "Create",
    "Send",
    "Receive",
    "Change",
)  # to receive is to hide
_LISTS = ("/v3/memories/", "/v3/memories/search/")


def _reads(request: httpx.Request) -> bool:
    return request.method == "GET" or request.url.path in _LISTS


def kill_at(number: int, monkeypatch: pytest.MonkeyPatch, *, sent: bool, command: Callable[[], int]) -> bool:
    """Run a command that dies at its writing request `number`: before it, or after it was `sent`.

    Dying at a request that reads is the same as dying after the one before it. The dead send nothing more,
    whatever they have to clear up. Returns whether it died.
    """
    count = 0
    dead = False

    ours = os.environ["AWS_ENDPOINT_URL"]  # another test's system may still run in this process

    def strike(real: Callable[..., Any], reads: Callable[[Any], bool]) -> Callable[..., Any]:
        def requested(self: Any, request: Any) -> Any:
            nonlocal count, dead
            if self.__class__ is URLLib3Session and not request.url.startswith(ours):
                return real(self, request)
            if dead:
                raise KilledError
            count += not reads(request)
            if count != number or reads(request):
                return real(self, request)
            if sent:
                real(self, request)
            dead = True
            raise KilledError

        return requested

    def aws_reads(request: Any) -> bool:
        operation = request.headers.get("X-Amz-Target", b"").decode().partition(".")[2]
        return not operation.startswith(_WRITES)

    with monkeypatch.context() as patched:
        http, aws = httpx.HTTPTransport, URLLib3Session
        patched.setattr(http, "handle_request", strike(http.handle_request, _reads))
        patched.setattr(aws, "send", strike(aws.send, aws_reads))
        try:
            command()
        except KilledError:
            return True
    return False
