"""Servers below HTTP: each treats its connections as a function says."""

import contextlib
import socket
import threading
from collections.abc import Callable

PATIENCE = 3.0
"""Seconds: far more than a deadline under test, far less than any server here would take."""

Treat = Callable[[socket.socket], None]


class Servers:
    """Servers that treat each connection as a function says."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.connections = 0
        self._listeners: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def start(self, *treatments: Treat) -> str:
        """Start one that treats its first connection as the first says, and so on; the last, the rest."""
        listener = socket.create_server(("127.0.0.1", 0))
        self._listeners.append(listener)
        left = list(treatments)

        def treat(connection: socket.socket, how: Treat) -> None:
            with connection, contextlib.suppress(OSError):
                how(connection)
                self.done.wait(PATIENCE * 3)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    self.connections += 1
                    how = left.pop(0) if len(left) > 1 else left[0]
                    thread = threading.Thread(target=treat, args=[connection, how], daemon=True)
                    self._threads.append(thread)
                    thread.start()

        threading.Thread(target=accept, daemon=True).start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    def stop(self) -> None:
        self.done.set()
        for listener in self._listeners:
            listener.close()
        for thread in self._threads:
            thread.join(PATIENCE)


def say_nothing(_connection: socket.socket) -> None:
    """Accept, and neither read nor write."""


def drip(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    pause = threading.Event()
    while not pause.wait(0.1):
        connection.sendall(b"x")


def replay(*answers: bytes, closing: bool = False) -> Treat:
    """Give these answers, one for a request, whatever it is, and then close or wait."""

    def treat(connection: socket.socket) -> None:
        for answer in answers:
            if not connection.recv(65536):
                return
            connection.sendall(answer)
        if closing:
            connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    return treat


def ok(body: bytes = b"{}") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
