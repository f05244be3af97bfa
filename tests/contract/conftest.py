"""Which services the contract is tested against: the stand-ins, or with AMEM_LIVE=1 the real ones.

The real ones are those of ELEVENLABS_API_KEY (at ELEVENLABS_BASE_URL) and MEM0_API_KEY (at MEM0_HOST).
Everything that the tests make there bears the prefix `amem_contract_`, and is removed: by each test, and in
the end what a test that was killed has left.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.elevenlabs import WorkspaceServer
from local.mem0.server import DEFAULT_KEY, Mem0StandIn, start

LIVE = os.environ.get("AMEM_LIVE") == "1"
PREFIX = "amem_contract_"
COUNTS = os.environ.get("AMEM_COUNTS")
"""A file that is to hold how many requests of each operation the stand-ins got."""


@pytest.fixture(scope="session")
def requests() -> Iterator[Counter[str]]:
    """Requests by service and operation, as far as a stand-in has counted them."""
    counts = Counter[str]()
    yield counts
    if COUNTS:
        Path(COUNTS).write_text(json.dumps(counts), encoding="utf-8")


@pytest.fixture(scope="module")
def workspace_server(requests: Counter[str]) -> Iterator[WorkspaceServer | None]:
    """ElevenLabs' stand-in; None for the real service. Of one module: others wait for threads to end."""
    if LIVE:
        yield None
        return
    with WorkspaceServer() as server:
        yield server
        requests.update(f"elevenlabs {request['operation']}" for request in server.requests())


@pytest.fixture(scope="module")
def elevenlabs(workspace_server: WorkspaceServer | None) -> Iterator[httpx.Client]:
    """A client of the workspace, with a key that may do everything."""
    url = workspace_server.url if workspace_server else os.environ.get("ELEVENLABS_BASE_URL")
    key = workspace_server.api_key if workspace_server else os.environ["ELEVENLABS_API_KEY"]
    options: dict[str, Any] = {"headers": {"xi-api-key": key}, "timeout": 30, "trust_env": LIVE}
    with httpx.Client(base_url=url or "https://api.elevenlabs.io", **options) as client:
        yield client
        assert _leftovers_in_workspace(client) == []


@pytest.fixture(scope="module")
def mem0_server(
    tmp_path_factory: pytest.TempPathFactory, requests: Counter[str]
) -> Iterator[Mem0StandIn | None]:
    """Mem0's stand-in; None for the real service."""
    if LIVE:
        yield None
        return
    with start(tmp_path_factory.mktemp("mem0"), infer_seconds=0.05) as server:
        yield server
        requests.update(f"mem0 {request['operation']}" for request in server.requests())
        adds = [request["body"] for request in server.requests() if request["operation"] == "add"]
        requests["mem0 extractions"] = sum(body.get("infer", True) for body in adds)


@pytest.fixture(scope="module")
def mem0(mem0_server: Mem0StandIn | None) -> Iterator[httpx.Client]:
    """A client of a Mem0 project."""
    url = mem0_server.url if mem0_server else os.environ.get("MEM0_HOST")
    key = DEFAULT_KEY if mem0_server else os.environ["MEM0_API_KEY"]
    options: dict[str, Any] = {"headers": {"Authorization": f"Token {key}"}, "timeout": 60, "trust_env": LIVE}
    with httpx.Client(base_url=url or "https://api.mem0.ai", **options) as client:
        yield client
        _remove_users(client)


@pytest.fixture
def saw(record_property: Callable[[str, object], None]) -> Callable[[object], None]:
    """Records what an undocumented answer was: a property of the test in a JUnit report."""

    def note(what: object) -> None:
        record_property("saw", str(what))

    return note


def _leftovers_in_workspace(client: httpx.Client) -> list[str]:
    """Remove what tests have left in the workspace; what could not be removed."""
    _free_settings(client)
    left: list[str] = []
    for path, kind, id_, query in (
        ("/v1/convai/agents", "agents", "agent_id", ""),
        ("/v1/convai/tools", "tools", "id", "?force=true"),
        ("/v1/convai/secrets", "secrets", "secret_id", ""),
        ("/v1/workspace/webhooks", "webhooks", "webhook_id", ""),
    ):
        cursor = ""
        ours = []
        while cursor is not None:
            page = client.get(path, params={"cursor": cursor} if cursor else {}).raise_for_status().json()
            ours += [row[id_] for row in page[kind] if _name(row).startswith(PREFIX)]
            cursor = page.get("next_cursor")
        left += [f"{path}/{one}" for one in ours if not client.delete(f"{path}/{one}{query}").is_success]
    return left


def _free_settings(client: httpx.Client) -> None:
    """Take a scratch webhook out of the workspace's settings."""
    settings = client.get("/v1/convai/settings").raise_for_status().json().get("webhooks") or {}
    webhooks = client.get("/v1/workspace/webhooks").raise_for_status().json()["webhooks"]
    ours = {row["webhook_id"] for row in webhooks if row["name"].startswith(PREFIX)}
    if settings.get("post_call_webhook_id") in ours:
        body = {"webhooks": {**settings, "post_call_webhook_id": None}}
        client.patch("/v1/convai/settings", json=body).raise_for_status()


def _name(row: Mapping[str, Any]) -> str:
    return str(row.get("name") or (row.get("tool_config") or {}).get("name") or "")


def _remove_users(client: httpx.Client) -> None:
    """Remove the users that tests have left at Mem0."""
    for user_id in users(client):
        client.delete(f"/v2/entities/user/{user_id}/").raise_for_status()


def users(client: httpx.Client) -> list[str]:
    """The test users that Mem0 lists."""
    found: list[str] = []
    page, more = 1, True
    while more:
        answer = client.get("/v1/entities/", params={"page": page}).raise_for_status().json()
        found += [
            row["name"]
            for row in answer["results"]
            if row["type"] == "user" and row["name"].startswith(PREFIX)
        ]
        page, more = page + 1, bool(answer.get("next"))
    return found
