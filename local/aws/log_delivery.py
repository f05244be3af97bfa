"""Delivers what the functions print to CloudWatch Logs, as Lambda does, so that it can be read there."""

import threading
import time
from queue import Empty, SimpleQueue
from typing import Any

from local.lambda_host import LambdaHost

SECONDS = 0.2  # between two deliveries; Lambda takes a few seconds
MOST_EVENTS = 5000
STREAM = "local"


class LogDelivery:
    """Delivers lines from now on, until it is stopped.

    Args:
        client: boto3's, of CloudWatch Logs.
        host: whose functions' lines are delivered.
    """

    def __init__(self, client: Any, host: LambdaHost) -> None:
        self._client = client
        self._groups = {name: spec.log_group for name, spec in host.functions.items() if spec.log_group}
        for group in self._groups.values():
            client.create_log_group(logGroupName=group)
            client.create_log_stream(logGroupName=group, logStreamName=STREAM)
        self._lines: SimpleQueue[tuple[str, int, str]] = SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-delivery", daemon=True)
        self._thread.start()
        host.logs.listeners.append(self._add)

    def stop(self) -> None:
        """Deliver what is left, and end."""
        self._stopping.set()
        self._thread.join()

    def _add(self, function: str, line: str) -> None:
        if function in self._groups:
            self._lines.put((function, int(time.time() * 1000), line))

    def _run(self) -> None:
        while not self._stopping.wait(SECONDS):
            self._deliver()
        self._deliver()

    def _deliver(self) -> None:
        events: dict[str, list[dict[str, Any]]] = {}
        for _ in range(MOST_EVENTS):
            try:
                function, milliseconds, line = self._lines.get_nowait()
            except Empty:
                break
            events.setdefault(function, []).append({"timestamp": milliseconds, "message": line})
        for function, found in events.items():
            self._client.put_log_events(
                logGroupName=self._groups[function], logStreamName=STREAM, logEvents=found
            )
