"""A workspace as it runs: ElevenLabs' API, and beside it the paths under `/_` by which tests steer it."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from local.elevenlabs.api import PERMISSIONS, ROUTES, Api
from local.elevenlabs.errors import ApiError
from local.elevenlabs.workspace import Unknowns, Workspace
from local.faults import FaultRule, Faults
from local.http_server import HttpServer, Request, Response, json_response
from local.request_log import RequestLog
from local.validation import problem

DEFAULT_KEY = "local-elevenlabs-key"
KINDS = ("webhook", "secret", "tool", "agent", "branch", "number")
Action = Callable[[dict[str, str], Any], Any]


class WorkspaceServer:
    """A running workspace on 127.0.0.1; a context manager that stops it.

    Args:
        data_dir: where its state is kept; None keeps it for this run only.
        port: 0 takes a free one.
        api_key: a key that may do everything.

    Attributes:
        url: the base URL of the API.
        workspace: its state, for calls and for tests.

    Raises:
        PortTakenError: another program listens on the port.
    """

    def __init__(self, data_dir: Path | None = None, port: int = 0, api_key: str = DEFAULT_KEY) -> None:
        self.api_key = api_key
        self.workspace = Workspace(data_dir)
        self._api = Api(self.workspace, {api_key: PERMISSIONS})
        self._faults = Faults(FaultRule, (*ROUTES, "unknown"))
        self._log = RequestLog()
        self._admin: dict[tuple[str, str], Action] = {
            ("GET", "/_faults"): lambda _query, _body: self._faults.describe(),
            ("PUT", "/_faults"): lambda _query, body: self._faults.replace(body),
            ("DELETE", "/_faults"): lambda _query, _body: self._faults.replace([]),
            ("GET", "/_requests"): lambda query, _body: self._log.requests(
                query.get("operation"), int(query.get("after", "0"))
            ),
            ("DELETE", "/_requests"): lambda _query, _body: self._log.clear(),
            ("GET", "/_state"): lambda _query, _body: self.state(),
            ("PUT", "/_keys"): self._set_keys,
            ("PUT", "/_unknowns"): self._set_unknowns,
        }
        try:
            self._server = HttpServer(
                self._answer,
                name="elevenlabs",
                port=port,
                error=lambda status, words: json_response(status, {"detail": words}),
                on_connect=self._faults.admits,
            )
        except OSError:
            self.workspace.close()
            raise
        self.url = self._server.url
        self.port = self._server.port

    def __enter__(self) -> Self:
        """Return itself: it runs already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def stop(self) -> None:
        """Close all connections and the file. Safe to call twice."""
        self._faults.replace([])
        self._server.stop()
        self.workspace.close()

    def state(self) -> dict[str, Any]:
        """Everything that the API can change but conversations, for comparing before and after.

        With the secrets' values; without what every request changes (versions, times).
        """
        store = self.workspace.store
        passing = ("version_id", "commits", "last_committed_at", "metadata")
        documents = {
            kind: [
                {name: value for name, value in document.items() if name not in passing}
                for document in store.documents(kind)
            ]
            for kind in KINDS
        }
        counts = {"conversations": store.count_conversations()}
        return {**documents, "settings": self.workspace.settings(), **counts}

    def set_faults(self, *rules: dict[str, Any]) -> list[dict[str, Any]]:
        """Put rules (see `FaultRule`) in force instead of the old ones; without any: behave."""
        return self._faults.replace(list(rules))

    def set_keys(self, **keys: Sequence[str]) -> None:
        """Accept these keys too, with these permissions."""
        self._set_keys({}, keys)

    def requests(self, operation: str | None = None) -> list[dict[str, Any]]:
        """The requests so far, oldest first; of one operation or of all."""
        return self._log.requests(operation)

    def _answer(self, request: Request) -> Response | None:
        if request.path.startswith("/_"):
            return self._steer(request)
        began = time.perf_counter()
        operation = self._api.operation(request)
        # Without bodies: they hold secrets and callers.
        entry = self._log.begin(
            operation, method=request.method, path=request.path, query=request.query, fault=None
        )
        rule = self._faults.pick(operation, request.body)
        response = None
        try:
            if rule is None:
                response = self._work(request)
            else:
                entry["fault"] = rule.name
                response = rule.respond(request.connection, lambda: self._work(request))
        finally:
            self._log.end(entry, response.status if response else None, time.perf_counter() - began)
        return response

    def _work(self, request: Request) -> Response:
        try:
            return json_response(200, self._api.answer(request))
        except ApiError as error:
            return json_response(error.status, error.body)

    def _steer(self, request: Request) -> Response:
        action = self._admin.get((request.method, request.path.rstrip("/")))
        if action is None:
            known = ", ".join(" ".join(entry) for entry in self._admin)
            return json_response(404, {"error": f"no {request.method} {request.path} here; there is {known}"})
        try:
            return json_response(200, action(request.query, json.loads(request.body or b"null")))
        except ValidationError as error:
            return json_response(400, {"error": problem(error)})
        except ValueError as error:  # no JSON, no number, or no such rule
            return json_response(400, {"error": str(error)})

    def _set_keys(self, _query: dict[str, str], body: Any) -> None:
        if not isinstance(body, dict) or not all(set(wanted) <= set(PERMISSIONS) for wanted in body.values()):
            raise ValueError(f"keys are an object: key to a list of {', '.join(PERMISSIONS)}")
        self._api.keys |= body

    def _set_unknowns(self, _query: dict[str, str], body: Any) -> Any:
        self.workspace.unknowns = Unknowns.model_validate(body)
        return self.workspace.unknowns.model_dump()
