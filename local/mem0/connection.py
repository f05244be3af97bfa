"""One HTTP connection to the stand-in: reads requests, applies the faults, writes answers, stays open.

HTTP/1.1, Nagle's algorithm off (with it each answer waits 40 ms for an acknowledgement), an answer written in
one piece. Refused: bodies over 20 MB or without a length, and the paths under ``/_`` to anybody who is not on
this machine.
"""

import ipaddress
import json
import logging
import select
import socket
import ssl
import time
from dataclasses import dataclass, field
from http.client import responses
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from local.mem0.api import Request, operation_of
from local.mem0.errors import ApiError
from local.mem0.faults import Rule

if TYPE_CHECKING:
    from local.mem0.listener import Listener

LARGEST_BODY: Final = 20_000_000
HANDSHAKE_SECONDS: Final = 30.0
_HTML: Final = b"<!DOCTYPE html><html><body><h1>We will be back soon</h1></body></html>"
_GARBAGE: Final = b'{"results": [{"id": "9d1f", "memory": '

log = logging.getLogger(__name__)


@dataclass
class Answer:
    """What goes back to the client."""

    status: int
    payload: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


class Connection(BaseHTTPRequestHandler):
    """Answers the requests of one connection, one after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "Listener"

    def setup(self) -> None:
        """Shake hands, if TLS, in this connection's own thread: a client that stalls holds up nobody."""
        self.number = self.server.opened(self.request)
        rule = self.server.faults.pick("connect", "", "", {})
        if rule is not None:
            self._wait(rule, rule.latency_seconds)
            if rule.hang:
                self._hang(rule)
        self.refused = rule is not None and bool(rule.hang or rule.refuse)
        if self.server.tls is not None and not self.refused:
            self._shake_hands(self.server.tls)
        if not self.refused:
            super().setup()

    def _shake_hands(self, tls: ssl.SSLContext) -> None:
        self.request.settimeout(HANDSHAKE_SECONDS)
        plain = self.request
        try:
            self.request = tls.wrap_socket(plain, server_side=True)
        except OSError:
            self.refused = True
            return
        self.request.settimeout(None)
        self.server.secured(plain, self.request)

    def handle(self) -> None:
        """Answer requests until one side ends the connection."""
        if not self.refused:
            super().handle()

    def finish(self) -> None:
        """Let the connection go."""
        self.server.closed(self.request)
        try:
            if not self.refused:
                super().finish()
        finally:
            self.request.close()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's signature
        """Print nothing: paths and bodies hold phone numbers; the request log is at ``GET /_requests``."""

    def do_GET(self) -> None:
        """Answer one request, whatever its method."""
        began = time.perf_counter()
        path, _, query_text = self.path.partition("?")
        query = dict(parse_qsl(query_text, keep_blank_values=True))
        try:
            body = self._body()
        except ApiError as problem:
            self.close_connection = True
            self._send(_json(problem.status, problem.body), None)
            return
        with self.server.serving(self.request):
            if path.startswith("/_"):
                self._send(self._admin(path, query, body), None)
            else:
                self._serve(path, query, body, began)

    do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = do_GET  # noqa: N815 - names of http.server

    def _serve(self, path: str, query: dict[str, str], raw: bytes, began: float) -> None:
        operation = operation_of(self.command, path)
        try:
            body = json.loads(raw) if raw else {}
            unreadable = None if isinstance(body, dict) else "the body must be a JSON object"
            if b"\\ud" in raw.lower():
                # Half of a surrogate pair is valid JSON, but no text: it can be neither stored nor embedded.
                json.dumps(body, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as problem:
            body, unreadable = raw.decode("utf-8", "replace"), f"JSON parse error - {problem}"
        entry = self.server.traffic.began(
            {
                "method": self.command,
                "path": path,
                "query": query,
                "operation": operation,
                "body": body,
                "connection": self.number,
                "fault": None,
            }
        )
        fields = body if isinstance(body, dict) else {}
        rule = self.server.faults.pick(operation, self.command, path, fields)
        answer: Answer | None = None
        try:
            if rule is not None:
                entry["fault"] = rule.name or "unnamed"
                self._wait(rule, rule.latency_seconds)
            if rule is None or rule.after_work or not rule.replaces_answer:
                authorization = self.headers.get("Authorization", "")
                base_url = f"{'https' if self.server.tls else 'http'}://{self.headers.get('Host', '')}"
                request = Request(self.command, path, query, fields, authorization, base_url, unreadable)
                answer = self._work(request, rule)
            if rule is not None and rule.replaces_answer:
                answer = self._spoiled(rule)
        finally:
            # Before it is sent: whoever has the answer finds the request's end in the log.
            status = None if answer is None else answer.status
            self.server.traffic.ended(entry, status, time.perf_counter() - began)
        if answer is None:
            self.close_connection = True
        else:
            self._send(answer, rule)

    def _work(self, request: Request, rule: Rule | None) -> Answer:
        """The honest answer, with another user's rows put first if the rule says so."""
        try:
            result = self.server.api.answer(request)
        except ApiError as problem:
            return _json(problem.status, problem.body)
        except Exception:
            if self.server.stopping.is_set():
                raise
            log.exception(
                "the stand-in failed at %s %s", request.method, operation_of(request.method, request.path)
            )
            return _json(500, {"error": "the stand-in itself failed; its log says how"})
        if rule is not None and rule.foreign_rows and isinstance(result.get("results"), list):
            result["results"][:0] = [
                self.server.api.foreign_row(rule, place) for place in range(rule.foreign_rows)
            ]
        return _json(200, result)

    def _admin(self, path: str, query: dict[str, str], raw: bytes) -> Answer:
        if not ipaddress.ip_address(self.client_address[0]).is_loopback:
            return _json(403, {"error": "the paths under /_ answer only on the machine itself"})
        try:
            return _json(200, self.server.admin.answer(self.command, path, query, json.loads(raw or b"null")))
        except ValueError as problem:
            return _json(400, {"error": f"the body is no JSON: {problem}"})
        except ApiError as problem:
            return _json(problem.status, problem.body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding"):
            raise ApiError(411, {"detail": "A body must come with its Content-Length."})
        length = self.headers.get("Content-Length", "0")
        if not length.isascii() or not length.isdecimal():
            raise ApiError(400, {"detail": f"Content-Length is no number: {length!r}"})
        if int(length) > LARGEST_BODY:
            raise ApiError(413, {"detail": f"A body may have {LARGEST_BODY} bytes, not {length}."})
        return self.rfile.read(int(length))

    def _spoiled(self, rule: Rule) -> Answer | None:
        """What the rule sends in place of the honest answer; None: the connection just closes."""
        if rule.hang:
            self._hang(rule)
            return None
        if rule.refuse:
            return None
        if rule.html:
            return Answer(rule.status or 200, _HTML, "text/html; charset=utf-8", rule.headers)
        if rule.garbage:
            return Answer(rule.status or 200, _GARBAGE, headers=rule.headers)
        status = rule.status or 500
        if isinstance(rule.body, str):
            return Answer(status, rule.body.encode(), "text/plain; charset=utf-8", rule.headers)
        body = {"detail": responses.get(status, "Error")} if rule.body is None else rule.body
        answer = _json(status, body)
        answer.headers = rule.headers
        return answer

    def _wait(self, rule: Rule, seconds: float) -> None:
        """Wait, unless the rules change or the server stops meanwhile."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.server.stopping.is_set():
            if rule.released.wait(min(0.5, max(end - time.monotonic(), 0))):
                return

    def _hang(self, rule: Rule) -> None:
        """Keep silent until the rules change, the time is up, the client goes away or the server stops."""
        end = time.monotonic() + (float("inf") if rule.hang is True else float(rule.hang))
        while time.monotonic() < end and not self.server.stopping.is_set():
            if rule.released.wait(min(0.5, max(end - time.monotonic(), 0))) or self._client_is_gone():
                return

    def _client_is_gone(self) -> bool:
        if not select.select([self.request], [], [], 0)[0]:
            return False
        if isinstance(self.request, ssl.SSLSocket):
            return True  # bytes that come now are the goodbye of TLS
        try:
            return not self.request.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def _send(self, answer: Answer, rule: Rule | None) -> None:
        head = f"HTTP/1.1 {answer.status} {responses.get(answer.status, 'Unknown')}\r\n"
        headers = {
            "Content-Type": answer.content_type,
            "Content-Length": str(len(answer.payload)),
            **answer.headers,
        }
        if self.close_connection:
            headers["Connection"] = "close"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
        start = head.encode("latin-1", "replace")
        payload = b"" if self.command == "HEAD" else answer.payload
        if rule is None or not rule.drip_bytes_per_second:
            self.wfile.write(start + payload)
            return
        if not rule.drip_headers:
            self.wfile.write(start)
            start = b""
        self._drip(start + payload, rule, rule.drip_bytes_per_second)

    def _drip(self, data: bytes, rule: Rule, rate: float) -> None:
        """Send ``data`` at ``rate`` bytes per second; all at once from the moment the rules change."""
        piece = max(1, int(rate / 20))
        for start in range(0, len(data), piece):
            if rule.released.is_set() or self.server.stopping.is_set():
                self.wfile.write(data[start:])
                return
            self.wfile.write(data[start : start + piece])
            self._wait(rule, piece / rate)


def _json(status: int, body: Any) -> Answer:
    return Answer(status, json.dumps(body).encode())
