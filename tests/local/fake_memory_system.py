"""Our three endpoints and Mem0 in one small server, for tests of the simulated ElevenLabs and of the story.

It remembers in a list what callers said, word for word, and can be told to be wrong in the ways that matter.
Its signature check is that of the official SDK.
"""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from elevenlabs.errors import BadRequestError
from elevenlabs.webhooks_custom import WebhooksClient

from local.endpoints import Endpoints

NAMES = (
    "caller_id",
    "memory_count",
    "memory_context",
    "returning_caller",
    "caller_name",
    "secret__memory_token",
)


@dataclass
class Request:
    """One request as it arrived; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The decoded body."""
        return json.loads(self.body)


@dataclass
class FakeSystem:
    """A system that can be told to misbehave.

    ``statuses``: what PostCall answers, one for each request, then 200. ``client_data``: replaces the whole
    answer. ``forgets``: calls are accepted and not stored. ``blurts``: everybody hears everybody's memories.
    ``silent_prompt``: the prompt says nothing of what is remembered.
    """

    statuses: list[int] = field(default_factory=list)
    client_data: tuple[int, Any] | None = None
    forgets: bool = False
    blurts: bool = False
    silent_prompt: bool = False
    requests: list[Request] = field(default_factory=list)
    memories: list[dict[str, Any]] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Serve."""
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                fake.serve(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def endpoints(self) -> Endpoints:
        """Where it is."""
        root = f"http://127.0.0.1:{self._server.server_port}"
        return Endpoints(
            client_data_url=f"{root}/client-data",
            retrieve_url=f"{root}/retrieve",
            post_call_url=f"{root}/post-call",
            mem0_url=root,
            workspace_key="local-workspace-key",
            hmac_key="local-hmac-key",
            mem0_api_key="local-mem0-key",
        )

    def to(self, path: str) -> list[Request]:
        """The requests that arrived at a path."""
        return [request for request in self.requests if request.path == path]

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        request = Request(handler.path.partition("?")[0], headers, body)
        self.requests.append(request)
        answer = {
            "/client-data": self._client_data,
            "/retrieve": self._retrieve,
            "/post-call": self._post_call,
            "/v3/memories/": self._mem0,
        }[request.path]
        status, reply = answer(request)
        raw = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw)

    def _of(self, caller: str) -> list[dict[str, Any]]:
        return [row for row in self.memories if self.blurts or row["user_id"] == caller]

    def _client_data(self, request: Request) -> tuple[int, Any]:
        if self.client_data:
            return self.client_data
        if request.headers.get("x-workspace-key") != "local-workspace-key":
            return 401, {"error": "wrong key"}
        caller = request.json["caller_id"]
        rows = self._of(caller)
        context = "" if self.silent_prompt else "\n".join(f"- {row['memory']}" for row in rows)
        values = (caller, str(len(rows)), context, "yes" if rows else "no", "", f"token-of-{caller}")
        return 200, client_data(dict(zip(NAMES, values, strict=True)), f"You are a receptionist.\n{context}")

    def _retrieve(self, request: Request) -> tuple[int, Any]:
        asked = request.json.get("parameters", request.json)
        words = {word for word in asked["query"].lower().split() if len(word) > 3}
        rows = [row for row in self._of(asked["user_id"]) if words & set(row["memory"].lower().split())]
        found = [
            {"memory": row["memory"], "type": "semantic", "date": "2026-11-10", "score": 0.8} for row in rows
        ]
        return 200, {"memories": found}

    def _post_call(self, request: Request) -> tuple[int, Any]:
        status = self.statuses.pop(0) if self.statuses else 200
        if status != 200:
            return status, {"error": "told to fail"}
        client = WebhooksClient.__new__(WebhooksClient)  # construct_event needs nothing of the client
        try:
            event = client.construct_event(
                request.body.decode(), request.headers["elevenlabs-signature"], "local-hmac-key"
            )
        except BadRequestError:
            return 401, {"error": "bad signature"}
        if event["type"] == "post_call_transcription" and not self.forgets:
            self._remember(event["data"])
        return 200, {"status": "queued"}

    def _remember(self, data: dict[str, Any]) -> None:
        call = data["metadata"]["phone_call"] or {}
        caller = call.get("external_number") or data["user_id"]
        if not caller or caller == "+266696687":
            return
        for turn in data["transcript"]:
            if turn["role"] == "user" and any(letter.isalnum() for letter in turn["message"] or ""):
                for kind in ("factual", "semantic"):
                    metadata = {"type": kind, "conversation_id": data["conversation_id"]}
                    self.memories.append(
                        {
                            "memory": turn["message"],
                            "user_id": caller,
                            "metadata": metadata,
                            "created_at": "2026-11-10T22:40:00Z",
                        }
                    )

    def _mem0(self, request: Request) -> tuple[int, Any]:
        if request.headers.get("authorization") != "Token local-mem0-key":
            return 401, {"detail": "wrong key"}
        filters = request.json["filters"]
        if "AND" in filters:
            wanted = filters["AND"][1]["metadata"]["conversation_id"]
            rows = [row for row in self.memories if row["metadata"]["conversation_id"] == wanted]
        else:
            rows = [row for row in self.memories if row["user_id"] == filters["user_id"]]
        return 200, {"count": len(rows), "next": None, "previous": None, "results": rows}


def client_data(variables: dict[str, Any], prompt: str | None = None) -> dict[str, Any]:
    """An answer of ClientData with these variables, and a prompt override unless ``prompt`` is None."""
    answer: dict[str, Any] = {"type": "conversation_initiation_client_data", "dynamic_variables": variables}
    if prompt is not None:
        answer["conversation_config_override"] = {"agent": {"prompt": {"prompt": prompt}}}
    return answer
