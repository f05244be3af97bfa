"""Fault injection: rules say at which requests a stand-in fails, and how.

The first rule that fits a request decides. A rule that replaces the answer keeps the request from being
done, unless it says `after_work`.
"""

import threading
import time
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from http.client import responses
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, PositiveFloat, PrivateAttr, ValidationError

from local.http_server import Connection, Response, json_response
from local.validation import problem

CONNECT = "connect"  # the operation of a new connection, before TLS
HTML = b"<!DOCTYPE html><html><body><h1>We will be back soon</h1></body></html>"
HALF_JSON = b'{"results": [{"id": "9d1f", "memory": '


class FaultRule(BaseModel):
    """One rule. All conditions that are set must hold; effects may be combined.

    Attributes:
        operation: the operation's name, `*` as in a shell, or a list; None fits every request.
        contains: text that must be part of the request's body, or a list of texts that all must be.
        after: let the first so many pass.
        count: act at most so often; None for always.
        name: what the request log calls the fault.
        latency_seconds: wait first.
        status, headers, body: answer this; a `body` that is text is sent as text, else as JSON.
        html, garbage: answer with a web page, or with half a JSON document.
        hang: say nothing for so many seconds, or (true) until the rules change; then close.
        refuse: close the connection without an answer.
        reset: end the connection by a TCP reset.
        truncate: send half of the answer's body, then close.
        drip_bytes_per_second: send the answer's body so slowly; with `drip_headers` its head too.
        after_work: do the work first, so that it is done and the client does not know.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    operation: str | list[str] | None = None
    contains: str | list[str] = []
    after: int = 0
    count: int | None = None
    name: str = "unnamed"
    latency_seconds: float = 0.0
    status: int | None = None
    headers: dict[str, str] = {}
    body: Any = None
    html: bool = False
    garbage: bool = False
    hang: bool | float = False
    refuse: bool = False
    reset: bool = False
    truncate: bool = False
    drip_bytes_per_second: PositiveFloat | None = None
    drip_headers: bool = False
    after_work: bool = False
    _matched: int = PrivateAttr(default=0)
    _fired: int = PrivateAttr(default=0)
    _withdrawn: threading.Event = PrivateAttr(default_factory=threading.Event)

    def names(self) -> list[str]:
        """The operations that it names, or patterns of them."""
        return [self.operation] if isinstance(self.operation, str) else self.operation or []

    def fits(self, operation: str, body: bytes) -> bool:
        """Whether the rule is for such a request."""
        texts = [self.contains] if isinstance(self.contains, str) else self.contains
        return (self.operation is None or any(fnmatchcase(operation, name) for name in self.names())) and all(
            text.encode() in body for text in texts
        )

    def fires(self) -> bool:
        """Count a request that the rule is for, and return whether the rule acts on it."""
        self._matched += 1
        if self._matched <= self.after or (self.count is not None and self._fired >= self.count):
            return False
        self._fired += 1
        return True

    def withdraw(self) -> None:
        """Let go of all requests that the rule holds up."""
        self._withdrawn.set()

    def describe(self) -> dict[str, Any]:
        """The rule, with how many requests it `matched`, and on how many it `fired`."""
        return {**self.model_dump(), "matched": self._matched, "fired": self._fired}

    def respond(self, connection: Connection | None, work: Callable[[], Response]) -> Response | None:
        """Return what the client gets under this rule, and do `work` if the rule lets it be done."""
        self._withdrawn.wait(self.latency_seconds)
        silent = self.hang or self.refuse or self.reset
        replaced = bool(self.status or self.html or self.garbage)
        response = work() if self.after_work or not (silent or replaced) else None
        if self.hang:
            self._hang(connection)
        if self.reset and connection:
            connection.reset()
        if silent:
            return None
        if response is None or replaced:
            response = self._replacement()
        if self.truncate or self.drip_bytes_per_second:
            return Response(
                status=response.status, headers=response.headers, body=response.body, send=self._send
            )
        return response

    def admits(self, connection: Connection) -> bool:
        """Let a new connection wait or hang as the rule says; return whether it may go on."""
        self._withdrawn.wait(self.latency_seconds)
        if self.hang:
            self._hang(connection)
        return not (self.hang or self.refuse)

    def _replacement(self) -> Response:
        headers = list(self.headers.items())
        if self.html:
            headers.append(("content-type", "text/html; charset=utf-8"))
            return Response(status=self.status or 200, headers=headers, body=HTML)
        if self.garbage:
            headers.append(("content-type", "application/json"))
            return Response(status=self.status or 200, headers=headers, body=HALF_JSON)
        status = self.status or 500
        if isinstance(self.body, str):
            headers.append(("content-type", "text/plain; charset=utf-8"))
            return Response(status=status, headers=headers, body=self.body.encode())
        default = {"detail": responses.get(status, "Error")}
        return json_response(status, default if self.body is None else self.body, headers)

    def _hang(self, connection: Connection | None) -> None:
        end = time.monotonic() + (float("inf") if self.hang is True else self.hang)
        while (left := end - time.monotonic()) > 0:
            if self._withdrawn.wait(min(left, 0.5)) or (connection and connection.is_gone()):
                return

    def _send(self, connection: Connection, head: bytes, body: bytes) -> None:
        if self.truncate:
            body = body[: len(body) // 2]
        slow = head + body if self.drip_headers else body
        connection.socket.sendall(b"" if self.drip_headers else head)
        rate = self.drip_bytes_per_second or float("inf")
        piece = max(1, int(min(rate / 20, len(slow))))
        for start in range(0, len(slow), piece):
            connection.socket.sendall(slow[start : start + piece])
            self._withdrawn.wait(piece / rate)
        if self.truncate:
            connection.shut_down()


RuleT = TypeVar("RuleT", bound=FaultRule)


class Faults(Generic[RuleT]):
    """The rules in force at one stand-in. Safe to use from many threads.

    Args:
        rule: the class of its rules.
        operations: the names that rules may use; empty if they are not known.
        apart: operations that are no requests: only a rule that names them fits.
    """

    def __init__(self, rule: type[RuleT], operations: Iterable[str] = (), apart: Iterable[str] = ()) -> None:
        self._rule = rule
        self._apart = {CONNECT, *apart}
        self._operations = {*operations, *self._apart} if operations else set()
        self._lock = threading.Lock()
        self._rules: list[RuleT] = []

    def replace(self, rules: object) -> list[dict[str, Any]]:
        """Put one rule, or a list of rules, in force instead of the old ones; return them as understood.

        Raises:
            ValueError: a rule has an unknown field or operation, or a value of the wrong kind.
        """
        try:
            wanted = rules if isinstance(rules, list) else [rules]
            fresh = [self._rule.model_validate(rule) for rule in wanted]
        except ValidationError as error:
            raise ValueError(f"a fault rule is wrong: {problem(error)}") from None
        for name in (name for rule in fresh for name in rule.names() if self._operations):
            if not any(fnmatchcase(known, name) for known in self._operations):
                known_names = ", ".join(sorted(self._operations))
                raise ValueError(f"unknown operation {name!r} in a fault rule: use {known_names}")
        with self._lock:
            old, self._rules = self._rules, fresh
        for rule in old:
            rule.withdraw()
        return self.describe()

    def pick(
        self, operation: str, body: bytes, condition: Callable[[RuleT], bool] = lambda _rule: True
    ) -> RuleT | None:
        """Return the rule that acts on a request, and count it; None if none does."""
        with self._lock:
            for rule in self._rules:
                meant = rule.operation is not None or operation not in self._apart
                if meant and rule.fits(operation, body) and condition(rule) and rule.fires():
                    return rule
        return None

    def admits(self, connection: Connection) -> bool:
        """Apply the rules for new connections: the server's `on_connect`."""
        rule = self.pick(CONNECT, b"")
        return rule is None or rule.admits(connection)

    def describe(self) -> list[dict[str, Any]]:
        """The rules in force, see `FaultRule.describe`."""
        with self._lock:
            return [rule.describe() for rule in self._rules]
