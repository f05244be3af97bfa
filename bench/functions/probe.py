"""Runs inside a function's process, around its handler, to measure what cannot be seen from outside.

It times the handler and its waiting, lists what is loaded, and moves `time.monotonic`, by which connection
pools judge how long a connection was idle. It is not loaded where a cold start is measured.
"""

import importlib
import os
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

_module, _, _name = os.environ["BENCH_HANDLER"].rpartition(".")
_handler = getattr(importlib.import_module(_module), _name)
_real_monotonic = time.monotonic
_idle = 0.0
_waited = 0.0


def _timed(receive: Callable[..., Any]) -> Callable[..., Any]:
    """`receive` of a socket, which also notes how long it took: that is waiting for the other side."""

    def timed(*arguments: Any) -> Any:
        global _waited  # noqa: PLW0603 - one counter for the whole process
        started = time.perf_counter()
        try:
            return receive(*arguments)
        finally:
            _waited += time.perf_counter() - started

    return timed


for _receive in ("recv", "recv_into"):  # httpcore's way, and http.client's
    setattr(socket.socket, _receive, _timed(getattr(socket.socket, _receive)))


def _monotonic() -> float:
    return _real_monotonic() + _idle


def lambda_handler(event: dict[str, Any], context: object) -> object:
    """Do what `bench` in the event asks for; without it, call the handler and say how long it took (ms)."""
    global _idle, _waited  # noqa: PLW0603 - the clock belongs to the whole process, as time.monotonic does
    match event.get("bench"):
        case "modules":
            return sorted(set(sys.modules) - {__name__})
        case "idle":
            _idle += event["seconds"]
            time.monotonic = _monotonic
            return _idle
    _waited = 0.0
    busy, started = time.process_time(), time.perf_counter()
    answer = _handler(event, context)
    spent, busy = time.perf_counter() - started, time.process_time() - busy
    return {
        "ms": spent * 1000,
        "waited_ms": _waited * 1000,
        "cpu_ms": busy * 1000,
        "answer": answer,
    }
