"""The process that stands for AWS: moto behind our HTTP server, made reliable enough to test races with.

Run as `python -m local.aws.server PORT`; prints `ready PORT` once it listens. State is in memory only. What
moto 5.2 does not do, and this adds:

- One request at a time: moto has no locks, so that two conditional writes could both succeed.
- Order after a failure: messages of one group that reappear together are received in their order again.
- Long polling that waits without spinning while all visible messages belong to groups in flight.
- SQS's deduplication: within the message group where the queue says so, and for five minutes even after the
  message was deleted.
- Sequence numbers that grow.
- The age of a queue's oldest message in CloudWatch.
- `POST /_local/clock {"advance": SECONDS}` moves SQS's clock, so that visibility timeouts and deduplication
  windows pass at once. It also ends all long polls.
- `PUT /_local/faults` sets rules (`local.faults.FaultRule`), `GET` tells how often each fired. Operations are
  named as in IAM, e.g. `sqs:SendMessage`.
"""

import datetime as dt
import itertools
import json
import sys
import threading
import time
from typing import Any

from moto.cloudwatch.models import MetricDatum
from moto.core.common_models import CloudWatchMetricProvider
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sqs import models
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response as WsgiResponse

from local.faults import FaultRule, Faults
from local.http_server import HttpServer, Request, Response, json_response

DEDUPLICATION_MS = 5 * 60 * 1000
POLL_SECONDS = 0.1


class Aws:
    """moto, and what was added to it."""

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._receive = models.SQSBackend.receive_message
        self._turn = threading.Condition(threading.RLock())
        self._advanced_seconds = 0.0
        self._wakes = 0
        self._sequence = itertools.count(18_850_000_000_000_000_000)
        self._faults = Faults(FaultRule)
        # Functions, not bound methods: the backend and the queue are passed as first arguments.
        models.SQSBackend.receive_message = lambda *values, **named: self.receive(*values, **named)  # noqa: PLW0108
        models.Queue.add_message = lambda queue, message: self.add(queue, message)  # noqa: PLW0108
        models.unix_time = self.now
        models.unix_time_millis = lambda: self.now() * 1000

    def now(self) -> float:
        """SQS's time in unix seconds."""
        return time.time() + self._advanced_seconds

    def answer(self, request: Request) -> Response | None:
        """Answer a request to AWS, or one of our own paths."""
        if request.path == "/_local/clock":
            return self._advance_clock(json.loads(request.body)["advance"])
        if request.path == "/_local/faults":
            return self._set_faults(request)
        rule = self._faults.pick(operation(request.header("x-amz-target")), request.body)
        if rule is None:
            return self._work(request)
        return rule.respond(request.connection, lambda: self._work(request))

    def receive(
        self, backend: Any, queue_name: str, count: int, wait_seconds: int, *arguments: Any, **named: Any
    ) -> Any:
        """Receive as moto does, but let others take their turn while waiting for a message."""
        end = time.monotonic() + (wait_seconds or 0)
        wakes = self._wakes
        queue = backend.get_queue(queue_name)
        while True:
            # moto forgets one by one that messages were in flight, so the first of a group would wait for
            # the second.
            queue._pending_messages = {message for message in queue.pending_messages if not message.visible}  # noqa: SLF001
            found = self._receive(backend, queue_name, count, 0, *arguments, **named)
            left = end - time.monotonic()
            if found or left <= 0 or wakes != self._wakes:
                return found
            self._turn.wait(min(left, POLL_SECONDS))

    def add(self, queue: Any, message: Any) -> None:
        """Add a message to a queue, unless it repeats one of the last five minutes."""
        moved_by_redrive = message.approximate_receive_count > 0
        if queue.fifo_queue and message.deduplication_id and not moved_by_redrive:
            seen = queue.__dict__.setdefault("local_seen", {})
            per_group = queue.attributes.get("DeduplicationScope") == "messageGroup"
            key = (message.group_id if per_group else None, message.deduplication_id)
            before = seen.get(key)
            if before is not None and message.sent_timestamp - before.sent_timestamp < DEDUPLICATION_MS:
                message.id, message.sequence_number = before.id, before.sequence_number
                return
            seen[key] = message
        if queue.fifo_queue and not moved_by_redrive:
            message.sequence_number = str(next(self._sequence))
        if moved_by_redrive:
            message.visible_at = 0.0
        queue._messages.append(message)  # noqa: SLF001 - moto has no public way

    def _work(self, request: Request) -> Response:
        environ = EnvironBuilder(
            path=request.target,
            method=request.method,
            headers=list(request.headers),
            data=request.body,
            base_url=request.base_url,
        ).get_environ()
        with self._turn:
            answer = WsgiResponse.from_app(self._moto, environ, buffered=True)
            self._turn.notify_all()
        headers = [pair for pair in answer.headers.items() if pair[0].lower() != "content-length"]
        return Response(status=answer.status_code, headers=headers, body=answer.get_data())

    def _advance_clock(self, seconds: float) -> Response:
        with self._turn:
            self._wakes += 1
            self._advanced_seconds += seconds
            self._turn.notify_all()
        return json_response(200, {"advanced": self._advanced_seconds})

    def _set_faults(self, request: Request) -> Response:
        try:
            rules = json.loads(request.body) if request.method == "PUT" else None
            return json_response(
                200, self._faults.describe() if rules is None else self._faults.replace(rules)
            )
        except ValueError as error:
            return json_response(400, {"error": str(error)})


class QueueAges(CloudWatchMetricProvider):  # type: ignore[misc] # moto has no types
    """SQS's metric of each queue's oldest message. moto finds this class by what it inherits from."""

    @staticmethod
    def get_cloudwatch_metrics(account_id: str, region: str) -> list[MetricDatum]:
        """What CloudWatch would have seen in this moment."""
        now = models.unix_time()
        return [
            MetricDatum(
                namespace="AWS/SQS",
                name="ApproximateAgeOfOldestMessage",
                value=now - min(message.sent_timestamp for message in queue._messages) / 1000,  # noqa: SLF001
                dimensions=[{"Name": "QueueName", "Value": queue.name}],
                timestamp=dt.datetime.now(dt.UTC).replace(tzinfo=None),
                unit="Seconds",
            )
            for queue in models.sqs_backends[account_id][region].queues.values()
            if queue._messages  # noqa: SLF001
        ]


def operation(target: str) -> str:
    """Name a call as IAM does: `sqs:SendMessage` for the X-Amz-Target `AmazonSQS.SendMessage`."""
    service, _, name = target.partition(".")
    return f"{service.lower().removeprefix('amazon').partition('_')[0]}:{name}"


def main() -> None:
    """Serve on the port given as the only argument (0: any free one) until killed."""
    server = HttpServer(Aws().answer, name="aws", port=int(sys.argv[1]))
    print(f"ready {server.port}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
