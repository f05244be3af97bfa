"""Serves the console on this machine: in a thread beside something else, or alone until Ctrl-C."""

import os
import secrets
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

import uvicorn

from console.app import build
from console.phone import Phone
from ops.calls import Sources

HOST = "127.0.0.1"

_END_SECONDS = 1  # in which open streams must end


class ConsoleServer:
    """A console that listens; a context manager.

    Args:
        sources: what it shows.
        token: of this console.
        port: where it listens; 0 takes a free one.
        allow_changes: whether it may change what it shows.
        phone: makes calls, on this machine only.
        seconds: between two looks for changed calls, while a page is open.

    Raises:
        OSError: if the port is taken.
    """

    def __init__(  # noqa: PLR0913 - keyword-only settings with defaults
        self,
        sources: Sources,
        *,
        token: str,
        port: int,
        allow_changes: bool = False,
        phone: Phone | None = None,
        seconds: float = 10.0,
    ) -> None:
        self._socket = socket.create_server((HOST, port))
        self.port: int = self._socket.getsockname()[1]
        self.token = token
        app = build(
            sources,
            token=token,
            port=self.port,
            allow_changes=allow_changes,
            phone=phone,
            seconds=seconds,
        )
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=_END_SECONDS
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self.run, name="console", daemon=True)

    @property
    def url(self) -> str:
        """The first address, with the token in it."""
        return f"http://{HOST}:{self.port}/?token={self.token}"

    def run(self) -> None:
        """Serve until a signal comes, or `__exit__`."""
        self._server.run(sockets=[self._socket])

    def __enter__(self) -> Self:
        """Serve in a thread."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._server.should_exit = True
        self._thread.join()


def kept_token(path: Path) -> str:
    """The token in a file that only its owner can read; made if there is none.

    It is kept, so that pages that are open go on after a restart.
    """
    with suppress(FileNotFoundError):
        path.chmod(0o600)
        if token := path.read_text().strip():
            return token
    path.parent.mkdir(parents=True, exist_ok=True)
    token = secrets.token_urlsafe(24)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(token)
    return token


def token_path(name: str) -> Path:
    """Where the token of a stage's console is kept: where the XDG base directory specification has state."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return state / "agentic-memory" / f"console-{name}.token"
