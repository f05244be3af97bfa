"""The Mem0 stand-in as it runs: Mem0's API, and beside it the paths under `/_` by which tests steer it."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from local.faults import Faults
from local.http_server import HttpServer, Request, Response, json_response
from local.mem0.api import ROUTES, Api, Credentials, foreign_row
from local.mem0.embedding import preload
from local.mem0.errors import ApiError, invalid
from local.mem0.faults import EXTRACTION, Mem0Rule
from local.mem0.store import Store
from local.mem0.tls import server_context
from local.request_log import RequestLog

DEFAULT_KEY = "local-mem0-key"
DEFAULT_ORG = "local-org"
DEFAULT_PROJECT = "local-project"
# Mem0 Cloud needs seconds; long enough to notice who relies on an immediate answer, short enough for tests.
INFER_SECONDS = 0.2
LONGEST_SETTLE = 600.0
Action = Callable[[dict[str, str], Any], Any]


class Mem0StandIn:
    """A running stand-in, made by `start`; a context manager that stops it.

    With TLS, `certificate` is the file (PEM) by which clients trust it.
    """

    def __init__(
        self,
        store: Store,
        credentials: Credentials,
        infer_seconds: float,
        port: int,
        certificate: Path | None,
    ) -> None:
        self._store = store
        self._faults = Faults(Mem0Rule, (*ROUTES, "unknown"), apart=[EXTRACTION])
        self._log = RequestLog()
        self._api = Api(store, credentials, self._faults, infer_seconds)
        self._stopped = False
        self._admin: dict[tuple[str, str], Action] = {
            ("GET", "/_faults"): lambda _query, _body: self._faults.describe(),
            ("PUT", "/_faults"): lambda _query, body: self._faults.replace(body),
            ("DELETE", "/_faults"): lambda _query, _body: self._faults.replace([]),
            ("GET", "/_requests"): lambda query, _body: self._log.requests(
                query.get("operation"), int(query.get("after", "0"))
            ),
            ("DELETE", "/_requests"): lambda _query, _body: self.clear_requests(),
            ("GET", "/_stats"): lambda _query, _body: self.stats(),
            ("POST", "/_settle"): self._settle,
            ("PUT", "/_credentials"): self._set_credentials,
            ("DELETE", "/_connections"): lambda _query, _body: {"closed": self._server.drop_idle()},
        }
        try:
            self._server = HttpServer(
                self._answer,
                name="mem0",
                port=port,
                tls=server_context(certificate) if certificate else None,
                error=lambda status, words: json_response(status, {"detail": words}),
                on_connect=self._faults.admits,
            )
        except OSError:
            self._api.events.stop()
            raise
        self.url = self._server.url
        self.port = self._server.port
        self.certificate = certificate

    def __enter__(self) -> Self:
        """Return itself: it runs already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def stop(self) -> None:
        """Close all connections and files; what is pending waits on disk. Safe to call twice."""
        if not self._stopped:
            self._stopped = True
            self._faults.replace([])
            self._server.stop()
            self._api.events.stop()
            self._store.close()

    def set_faults(self, *rules: dict[str, Any]) -> list[dict[str, Any]]:
        """Put rules (see `Mem0Rule`) in force instead of the old ones; without any: behave.

        Raises:
            ValueError: a rule has an unknown field or operation, or a value of the wrong kind.
        """
        return self._faults.replace(list(rules))

    def requests(self, operation: str | None = None) -> list[dict[str, Any]]:
        """The requests so far, oldest first; of one operation or of all."""
        return self._log.requests(operation)

    def clear_requests(self) -> dict[str, Any]:
        """Forget the requests and set the counters to zero (open connections stay counted)."""
        self._log.clear()
        self._server.counts.clear()
        return {}

    def stats(self) -> dict[str, Any]:
        """Memories by user, and the counters."""
        users = {row["name"]: row["count"] for row in self._store.entities() if row["type"] == "user"}
        return {
            "memories": self._store.stored,
            "users": users,
            "pending": self._api.events.settle(0),
            **self._log.counts(),
            "connections": self._server.counts["connections"],
            "connections_open": len(self._server.connections()),
            "tls_handshakes": self._server.counts["tls_handshakes"],
        }

    def settle(self, timeout: float = 10.0) -> bool:
        """Wait until no extraction or deletion is left; False if some are after `timeout` seconds."""
        return not self._api.events.settle(timeout)

    def _answer(self, request: Request) -> Response | None:
        if request.path.startswith("/_"):
            return self._steer(request)
        began = time.perf_counter()
        operation = self._api.operation(request)
        body = _logged(request.body)
        entry = self._log.begin(
            operation,
            method=request.method,
            path=request.path,
            query=request.query,
            body=body,
            connection=request.connection.number if request.connection else None,
            fault=None,
        )
        infer = not isinstance(body, dict) or body.get("infer") is not False
        rule = self._faults.pick(operation, request.body, lambda rule: rule.infer in (None, infer))
        response = None
        try:
            if rule is None:
                response = self._work(request)
            else:
                entry["fault"] = rule.name
                response = rule.respond(request.connection, lambda: self._work(request, rule))
        finally:
            # Before it is sent: whoever has the answer finds the request's end in the log.
            self._log.end(entry, response.status if response else None, time.perf_counter() - began)
        return response

    def _work(self, request: Request, rule: Mem0Rule | None = None) -> Response:
        try:
            result = self._api.answer(request)
        except ApiError as error:
            return json_response(error.status, error.body)
        if rule and rule.foreign_rows and isinstance(result.get("results"), list):
            result["results"][:0] = [foreign_row(rule, place) for place in range(rule.foreign_rows)]
        return json_response(200, result)

    def _steer(self, request: Request) -> Response:
        action = self._admin.get((request.method, request.path.rstrip("/")))
        if action is None:
            known = ", ".join(" ".join(entry) for entry in self._admin)
            return json_response(404, {"error": f"no {request.method} {request.path} here; there is {known}"})
        try:
            return json_response(200, action(request.query, json.loads(request.body or b"null")))
        except ApiError as error:
            return json_response(error.status, error.body)
        except ValueError as error:  # no JSON, no number, or no such rule
            return json_response(400, {"error": str(error)})

    def _settle(self, query: dict[str, str], _body: Any) -> dict[str, Any]:
        timeout = min(max(float(query.get("timeout", "10")), 0.0), LONGEST_SETTLE)
        left = self._api.events.settle(timeout)
        return {"settled": not left, "pending": left}

    def _set_credentials(self, _query: dict[str, str], body: Any) -> dict[str, Any]:
        """Change any of the accepted keys, the organization and the project."""
        current = self._api.credentials.model_dump()
        try:
            self._api.credentials = Credentials.model_validate({**current, **body})
        except (TypeError, ValidationError) as error:
            raise invalid("credentials may hold api_keys (a list), org_id and project_id") from error
        return self._api.credentials.model_dump(exclude={"api_keys"})


def start(  # noqa: PLR0913 - settings with defaults
    data_dir: Path,
    port: int = 0,
    api_key: str = DEFAULT_KEY,
    org_id: str = DEFAULT_ORG,
    project_id: str = DEFAULT_PROJECT,
    *,
    infer_seconds: float = INFER_SECONDS,
    tls: bool = False,
) -> Mem0StandIn:
    """Start a stand-in in this process, on 127.0.0.1.

    Args:
        data_dir: where its file lies; memories of an earlier run are there again.
        port: 0 takes a free one.
        api_key: the key that is accepted.
        org_id: what the ping returns.
        project_id: likewise.
        infer_seconds: how long after an `infer=true` add its facts appear.
        tls: serve HTTPS with a certificate made for this run.

    Raises:
        PortTakenError: another program listens on the port.
        DataDirInUseError: another stand-in uses the folder.
    """
    store = Store(data_dir)
    certificate = data_dir / "mem0-certificate.pem" if tls else None
    try:
        stand_in = Mem0StandIn(
            store,
            Credentials(api_keys=[api_key], org_id=org_id, project_id=project_id),
            infer_seconds,
            port,
            certificate,
        )
    except BaseException:
        store.close()
        raise
    preload()
    return stand_in


def _logged(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else {}
    except (ValueError, RecursionError):
        return raw.decode("utf-8", "replace")
