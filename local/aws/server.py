"""The process that stands for AWS: moto's server, made fit to be trusted with a race.

Run as `python -m local.aws.server PORT`; prints `ready PORT` once it listens. State is in memory only. What
moto 5.2 does not do, and this adds:

- One request at a time. moto has no locks: two conditional writes could both succeed, and a message that is
  sent while another is deleted could vanish. That would be our loss in a test, and not AWS's.
- Order after a failure: messages of one group that reappear together are received in their order again.
- Long polling that waits instead of spinning while all visible messages belong to groups in flight.
- Deduplication as SQS does it: within the message group where the queue says so, and for five minutes even
  after the message was deleted.
- Sequence numbers that grow. moto's are random.
- Answers without Nagle's delay.
- `POST /_local/clock {"advance": SECONDS}` moves SQS's clock forward: visibility timeouts and deduplication
  windows pass at once, so that no test waits for them. It also ends all long polls, with what they have.
- `PUT /_local/faults` with a list of rules (`local.aws.faults.Rule`) makes calls fail; `GET` tells how often
  each fired.
"""

import io
import itertools
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.sqs import models
from werkzeug.serving import make_server

from local.aws.faults import Faults, Rule

DEDUPLICATION_MS = 5 * 60 * 1000
POLL_SECONDS = 0.1
StartResponse = Callable[..., Any]

_turn = threading.Condition(threading.RLock())
_advanced_seconds = 0.0
_wakes = 0
_rules = Faults()
_sequence = itertools.count(18_850_000_000_000_000_000)
_real_receive = models.SQSBackend.receive_message


def _now() -> float:
    return time.time() + _advanced_seconds


def _now_ms() -> float:
    return _now() * 1000


def _receive(
    backend: Any, queue_name: str, count: int, wait_seconds_timeout: int, *arguments: Any, **named: Any
) -> Any:
    """Receive as moto does, but wait for a message with the turn given to others."""
    end = time.monotonic() + (wait_seconds_timeout or 0)
    wakes = _wakes
    queue = backend.get_queue(queue_name)
    while True:
        # moto forgets one by one that messages were in flight, so the first of a group would wait for the
        # second.
        queue._pending_messages = {one for one in queue.pending_messages if not one.visible}  # noqa: SLF001
        found = _real_receive(backend, queue_name, count, 0, *arguments, **named)
        left = end - time.monotonic()
        if found or left <= 0 or wakes != _wakes:
            return found
        _turn.wait(min(left, POLL_SECONDS))


def _add(queue: Any, message: Any) -> None:
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
        message.sequence_number = str(next(_sequence))
    if moved_by_redrive:
        message.visible_at = 0.0
    queue._messages.append(message)  # noqa: SLF001 - moto has no public way


def _advance_clock(body: bytes) -> bytes:
    global _advanced_seconds, _wakes  # noqa: PLW0603 - the process has one clock
    _wakes += 1
    _advanced_seconds += float(json.loads(body)["advance"])
    return json.dumps({"advanced": _advanced_seconds}).encode()


def _faults(method: str, body: bytes) -> bytes:
    return json.dumps(_rules.replace(json.loads(body)) if method == "PUT" else _rules.describe()).encode()


class _OneAtATime:
    """WSGI: read the request first, then take the turn and let moto answer, unless a rule forbids."""

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length) if length else b""
        environ["wsgi.input"] = io.BytesIO(body)
        rule = _rules.pick(environ.get("HTTP_X_AMZ_TARGET", ""), body)
        if rule is None:
            return self._work(environ, body, start_response)
        time.sleep(rule.latency_seconds)
        if not rule.replaces_answer:
            return self._work(environ, body, start_response)
        if rule.after_work:
            self._work(environ, body, lambda _status, _headers, *_more: None)
        return _misbehave(rule, environ, start_response)

    def _work(self, environ: dict[str, Any], body: bytes, start_response: StartResponse) -> list[bytes]:
        with _turn:
            if environ["PATH_INFO"].startswith("/_local/"):
                clock = environ["PATH_INFO"] == "/_local/clock"
                answer = [_advance_clock(body) if clock else _faults(environ["REQUEST_METHOD"], body)]
                start_response("200 OK", [("content-type", "application/json")])
            else:
                answer = list(self._moto(environ, start_response))
            _turn.notify_all()
        return answer


def _misbehave(rule: Rule, environ: dict[str, Any], start_response: StartResponse) -> list[bytes]:
    if rule.refuse:
        with suppress(OSError):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionResetError
    start_response(f"{rule.status} Fault", [("content-type", "application/x-amz-json-1.0")])
    return [json.dumps({"__type": rule.code, "message": "a fault that was asked for"}).encode()]


class _Handler(MotoRequestHandler):  # type: ignore[misc] # moto is not typed
    disable_nagle_algorithm = True
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        """Print nothing for each request."""


def main() -> None:
    """Serve on the port given as the only argument (0: any free one) until killed."""
    models.SQSBackend.receive_message = _receive
    models.Queue.add_message = _add
    models.unix_time = _now
    models.unix_time_millis = _now_ms
    server = make_server(
        "127.0.0.1", int(sys.argv[1]), _OneAtATime(), threaded=True, request_handler=_Handler
    )
    server.socket.listen(1024)  # 300 callers at once must not meet a refused connection
    print(f"ready {server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
