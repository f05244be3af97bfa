"""Stops a function at named places of its code, so that a test can kill or freeze it exactly there.

The places are wrapped when their module is imported, so the code under test holds no hooks of its own.
"""

import socket
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any
from urllib.parse import quote


def watch(places: list[str], api: str) -> None:
    """Report each call of, and return from, the places to the Runtime API, and wait for its answer.

    Args:
        places: "module:qualname" each, e.g. "post_call.worker:remember".
        api: host and port of the instance's Runtime API.
    """
    wanted: dict[str, list[str]] = {}
    for place in places:
        module, _, name = place.partition(":")
        wanted.setdefault(module, []).append(name)
    sys.meta_path.insert(0, _Finder(wanted, api))


class _Finder:
    """Finds the modules that hold places, as Python would, and wraps the places once a module has run."""

    def __init__(self, wanted: dict[str, list[str]], api: str) -> None:
        self._wanted = wanted
        self._api = api

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in self._wanted else None
        if spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def run_and_wrap(module: ModuleType) -> None:
            run(module)
            for place in self._wanted[name]:
                _wrap(module, place, self._api)

        spec.loader.exec_module = run_and_wrap  # type: ignore[method-assign] # of this one module's loader
        return spec


def _wrap(module: ModuleType, place: str, api: str) -> None:
    owner: Any = module
    *path, name = place.split(".")
    for part in path:
        owner = getattr(owner, part)
    function: Callable[..., Any] = getattr(owner, name)
    step = f"{module.__name__}:{place}"

    @wraps(function)
    def stopped(*arguments: Any, **named: Any) -> Any:
        _tell(f"{step}:before", api)
        try:
            return function(*arguments, **named)
        finally:
            _tell(f"{step}:after", api)

    setattr(owner, name, stopped)


def _tell(step: str, api: str) -> None:
    # A bare socket: http.client would be in sys.modules before the function asks for it.
    host, port = api.rsplit(":", 1)
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"GET /local/step?name={quote(step)} HTTP/1.1\r\nHost: local\r\n\r\n".encode())
        connection.recv(1024)
