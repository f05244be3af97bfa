"""What the functions print: kept in memory for tests and in a file for people, never interpreted."""

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

KEPT_LINES = 50_000
Listener = Callable[[str, str], None]


class Logs:
    """The log groups of the local functions; `folder` None keeps them in memory only.

    Attributes:
        listeners: are called with the function and each line.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lines: dict[str, deque[str]] = {}
        self._files: dict[str, TextIO] = {}
        self._lock = threading.Lock()
        self.listeners: list[Listener] = []
        if folder:
            folder.mkdir(parents=True, exist_ok=True)

    def add(self, function: str, line: str) -> None:
        """Append one line to a function's log."""
        with self._lock:
            self._lines.setdefault(function, deque(maxlen=KEPT_LINES)).append(line)
            if self._folder:
                if function not in self._files:
                    self._files[function] = (self._folder / f"{function}.log").open("a", encoding="utf-8")
                self._files[function].write(line + "\n")
                self._files[function].flush()
        for listener in self.listeners:
            listener(function, line)

    def lines(self, function: str | None = None) -> list[str]:
        """Return the lines of one function, or of all."""
        with self._lock:
            if function is not None:
                return list(self._lines.get(function, ()))
            return [line for lines in self._lines.values() for line in lines]

    def close(self) -> None:
        """Close the files; lines in memory stay readable."""
        with self._lock:
            for file in self._files.values():
                file.close()
            self._files.clear()
            self._folder = None
