"""Our three endpoints and Mem0 in one small server, for tests of the simulated ElevenLabs and of the demo.

It remembers in a list what callers said, word for word. Its signature check is that of the official SDK.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Self

from elevenlabs.errors import BadRequestError
from elevenlabs.webhooks_custom import WebhooksClient

from local.elevenlabs import WorkspaceServer
from local.endpoints import Endpoints
from local.http_server import HttpServer, Request, Response, json_response

NAMES = (
    "caller_id",
    "memory_count",
    "memory_context",
    "returning_caller",
    "caller_name",
    "secret__memory_token",
)


@dataclass
class FakeSystem:
    """A system that can be told to misbehave.

    `statuses`: what PostCall answers, one for each request, then 200. `client_data`: replaces the whole
    answer. `forgets`: calls are accepted and not stored. `mixes`: everybody hears everybody's memories.
    `silent_prompt`: the prompt says nothing of what is remembered.
    """

    statuses: list[int] = field(default_factory=list)
    client_data: tuple[int, Any] | None = None
    forgets: bool = False
    mixes: bool = False
    silent_prompt: bool = False
    page_size: int = 200
    requests: list[Request] = field(default_factory=list)
    memories: list[dict[str, Any]] = field(default_factory=list)
    elevenlabs: WorkspaceServer = field(init=False)

    def __enter__(self) -> Self:
        """Serve."""
        self._server = HttpServer(self._answer, name="fake")
        self.elevenlabs = WorkspaceServer()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving."""
        self._server.stop()
        self.elevenlabs.stop()

    @property
    def operator_environment(self) -> dict[str, str]:
        """Nothing: there is no AWS to operate."""
        return {}

    @property
    def endpoints(self) -> Endpoints:
        """Where it is."""
        root = self._server.url
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

    def _answer(self, request: Request) -> Response:
        self.requests.append(request)
        answer = {
            "/client-data": self._client_data,
            "/retrieve": self._retrieve,
            "/post-call": self._post_call,
            "/v3/memories/": self._mem0,
        }[request.path]
        status, reply = answer(request)
        return (
            Response(status=status, body=reply) if isinstance(reply, bytes) else json_response(status, reply)
        )

    def _of(self, caller: str) -> list[dict[str, Any]]:
        return [row for row in self.memories if self.mixes or row["user_id"] == caller]

    def _client_data(self, request: Request) -> tuple[int, Any]:
        if self.client_data:
            return self.client_data
        if request.header("x-workspace-key") != "local-workspace-key":
            return 401, {"error": "wrong key"}
        caller = json.loads(request.body)["caller_id"]
        rows = self._of(caller)
        context = "" if self.silent_prompt else "\n".join(f"- {row['memory']}" for row in rows)
        values = (caller, str(len(rows)), context, "yes" if rows else "no", "", f"token-of-{caller}")
        return 200, client_data(dict(zip(NAMES, values, strict=True)), f"You are a receptionist.\n{context}")

    def _retrieve(self, request: Request) -> tuple[int, Any]:
        body = json.loads(request.body)
        asked = body.get("parameters", body)
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
                request.body.decode(), request.header("elevenlabs-signature"), "local-hmac-key"
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
                    self.memories.append(memory(turn["message"], kind, caller, data["conversation_id"]))

    def _mem0(self, request: Request) -> tuple[int, Any]:
        if request.header("authorization") != "Token local-mem0-key":
            return 401, {"detail": "wrong key"}
        wanted = json.loads(request.body)["filters"]["AND"][1]["metadata"]
        rows = [row for row in self.memories if row["metadata"].items() >= wanted.items()]
        first = (int(request.query["page"]) - 1) * self.page_size
        page = rows[first : first + self.page_size]
        return 200, {"next": "more" if len(rows) > first + len(page) else None, "results": page}


def memory(
    text: str,
    kind: str = "factual",
    user_id: str = "+16125550142",
    conversation_id: str = "conv_1",
    created_at: str = "2026-11-10T22:40:00Z",
) -> dict[str, Any]:
    """A memory as Mem0 lists it."""
    metadata = {"type": kind, "conversation_id": conversation_id}
    return {"memory": text, "user_id": user_id, "metadata": metadata, "created_at": created_at}


def client_data(variables: dict[str, Any], prompt: str | None = None) -> dict[str, Any]:
    """An answer of ClientData with these variables, and a prompt override unless `prompt` is None."""
    answer: dict[str, Any] = {"type": "conversation_initiation_client_data", "dynamic_variables": variables}
    if prompt is not None:
        answer["conversation_config_override"] = {"agent": {"prompt": {"prompt": prompt}}}
    return answer
