"""What each request of Mem0's interface does, without HTTP: a method, a path and a body in, JSON out.

Paths, statuses and shapes follow Mem0's public OpenAPI file. Paths that are not in it are refused with 404.
"""

import hmac
import re
import time
import uuid
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlencode

from local.mem0 import bodies, sentences
from local.mem0.errors import ApiError, invalid
from local.mem0.events import Events, WorkFailedError, iso
from local.mem0.faults import Faults, Rule
from local.mem0.filters import ENTITIES, extra
from local.mem0.rows import narrowed, public_row
from local.mem0.store import Draft, Store

_ID = r"(?P<id>[^/]+)"
ROUTES: tuple[tuple[str, str, re.Pattern[str]], ...] = tuple(
    (operation, method, re.compile(path))
    for operation, method, path in (
        ("ping", "GET", r"/v1/ping/"),
        ("add", "POST", r"/v3/memories/add/"),
        ("get_all", "POST", r"/v3/memories/"),
        ("search", "POST", r"/v3/memories/search/"),
        ("get", "GET", rf"/v1/memories/{_ID}/"),
        ("update", "PUT", rf"/v1/memories/{_ID}/"),
        ("delete", "DELETE", rf"/v1/memories/{_ID}/"),
        ("delete_all", "DELETE", r"/v1/memories/"),
        ("delete_entity", "DELETE", rf"/v2/entities/(?P<kind>[^/]+)/{_ID}/"),
        ("entities", "GET", r"/v1/entities/"),
        ("event", "GET", rf"/v1/event/{_ID}/"),
        ("events", "GET", r"/v1/events/"),
    )
)

_IN_PROGRESS = "Delete in progress. This may take some time."


@dataclass(frozen=True)
class Request:
    """One request, read and parsed.

    Attributes:
        method: In capitals.
        path: Without the query string, still percent-encoded.
        query: The query string's values.
        body: The JSON object; empty when there was none.
        authorization: The header, or an empty string.
        base_url: What the client calls us, for the links between pages.
        unreadable: Why the body could not be read, if it could not.
    """

    method: str
    path: str
    query: dict[str, str]
    body: dict[str, Any]
    authorization: str
    base_url: str
    unreadable: str | None = None


def operation_of(method: str, path: str) -> str:
    """The name of the operation at ``method path``, or ``unknown``."""
    for name, verb, pattern in ROUTES:
        if verb == method and pattern.fullmatch(path):
            return name
    return "unknown"


@dataclass
class Credentials:
    """Which keys are let in, and to which organisation and project they belong."""

    api_keys: list[str]
    org_id: str
    project_id: str


class Api:
    """The operations on one store.

    Args:
        store: The memories.
        credentials: May be changed while it runs.
        faults: Asked before an extraction whether it is to fail or be late.
        infer_seconds: How long after an add its facts appear.
    """

    def __init__(self, store: Store, credentials: Credentials, faults: Faults, infer_seconds: float) -> None:
        self.store = store
        self.credentials = credentials
        self._faults = faults
        self.events = Events(store, {"ADD": self._extract, "DELETE": self._purge}, infer_seconds)

    def answer(self, request: Request) -> dict[str, Any]:
        """Do what ``request`` asks; returns the JSON of the 200.

        Raises:
            ApiError: For every other status.
        """
        self._check_key(request.authorization)
        if request.unreadable is not None:
            raise ApiError(400, {"detail": request.unreadable})
        for name, verb, pattern in ROUTES:
            match = pattern.fullmatch(request.path)
            if match and verb == request.method:
                parts = {key: unquote(value) for key, value in match.groupdict().items()}
                result: dict[str, Any] = getattr(self, f"_{name}")(request, **parts)
                return result
        if any(pattern.fullmatch(request.path) for _, _, pattern in ROUTES):
            raise ApiError(405, {"detail": f'Method "{request.method}" not allowed.'})
        raise ApiError(404, {"detail": "Not found."})

    def foreign_row(self, rule: Rule, place: int) -> dict[str, Any]:
        """A memory of another user, as a broken Mem0 might slip it into an answer. It is nowhere stored."""
        now = iso(time.time())
        return {
            "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{rule.foreign_user} {place}")),
            "memory": rule.foreign_memory,
            "user_id": rule.foreign_user,
            "metadata": {"type": "factual"},
            "categories": [],
            "score": 1.0,
            "created_at": now,
            "updated_at": now,
        }

    def _check_key(self, authorization: str) -> None:
        scheme, _, given = authorization.partition(" ")
        if scheme != "Token" or not given.strip():
            raise ApiError(401, {"detail": "Authentication credentials were not provided."})
        sent = given.strip().encode("utf-8", "replace")
        if not any(hmac.compare_digest(sent, key.encode()) for key in self.credentials.api_keys):
            raise ApiError(401, {"detail": "Invalid API key: this stand-in knows no such key."})

    def _ping(self, _request: Request) -> dict[str, Any]:
        return {
            "status": "ok",
            "org_id": self.credentials.org_id,
            "project_id": self.credentials.project_id,
            "user_email": "nobody@example.com",
        }

    def _add(self, request: Request) -> dict[str, Any]:
        addition = bodies.addition(request.body)
        if addition.infer:
            late = self._faults.extraction_delay(request.body)
            return {"event_id": self.events.accept("ADD", request.body, late), "status": "PENDING"}
        spoken = [message for message in addition.messages if message["role"] != "system"]
        stored = self.store.add([replace(addition.template, memory=message["content"]) for message in spoken])
        results = _added(stored)
        event = self.events.done("ADD", request.body, results)
        return {
            "message": "Memories stored word for word.",
            "status": "SUCCEEDED",
            "event_id": event,
            "results": results,
        }

    def _extract(self, payload: dict[str, Any]) -> list[dict[str, Any]]:
        """What an extraction does: the caller's sentences, or the agent's when the memory is only its own."""
        if self._faults.extraction_fails(payload):
            raise WorkFailedError("the extraction failed because a fault rule says so")
        addition = bodies.addition(payload)
        of_agent = "agent_id" in addition.template.entities and "user_id" not in addition.template.entities
        drafts: list[Draft] = [
            replace(addition.template, memory=fact, sentence_key=sentences.key(fact))
            for fact in sentences.facts(addition.messages, "assistant" if of_agent else "user")
        ]
        return _added(self.store.add(drafts))

    def _get_all(self, request: Request) -> dict[str, Any]:
        listing = bodies.listing(request.body, request.query)
        offset = (listing.page - 1) * listing.page_size
        count, rows = self.store.page(listing.where, listing.page_size, offset)
        if listing.page > 1 and offset >= count:
            # Mem0 runs on Django's REST framework, whose paginator says this.
            raise ApiError(404, {"detail": "Invalid page."})

        def link(page: int) -> str:
            numbers = urlencode({"page": page, "page_size": listing.page_size})
            return f"{request.base_url}{request.path}?{numbers}"

        return {
            "count": count,
            "next": link(listing.page + 1) if offset + len(rows) < count else None,
            "previous": link(listing.page - 1) if listing.page > 1 else None,
            "results": narrowed([public_row(row, "session_id") for row in rows], listing.fields),
        }

    def _search(self, request: Request) -> dict[str, Any]:
        question = bodies.question(request.body)
        results = []
        for hit in self.store.search(question.query, question.where, question.limit, question.threshold):
            row = public_row(hit.row, "run_id")
            row["score"] = round(hit.score, 6)
            row["score_breakdown"] = {"semantic": round(hit.semantic, 6), "bm25": round(hit.words, 6)}
            results.append(row)
        return {"results": narrowed(results, question.fields)}

    def _get(self, _request: Request, id: str) -> dict[str, Any]:  # noqa: A002 - the path's own word
        _, rows = self.store.page(extra("memory_ids", [_uuid(id)]), 1, 0)
        if not rows:
            raise ApiError(404, {"error": "Memory not found!"})
        return public_row(rows[0], "session_id")

    def _update(self, request: Request, id: str) -> dict[str, Any]:  # noqa: A002
        changes = bodies.changes(request.body)
        if not self.store.update(_uuid(id), changes):
            raise ApiError(404, {"error": "Memory not found!"})
        return self._get(request, id)

    def _delete(self, _request: Request, id: str) -> dict[str, Any]:  # noqa: A002
        if not self.store.remove(extra("memory_ids", [_uuid(id)])):
            raise ApiError(404, {"error": "Memory not found!"})
        return {"message": "Memory deleted successfully!"}

    def _purge(self, payload: dict[str, Any]) -> list[dict[str, Any]]:
        self.store.remove(bodies.deletion(payload))
        return []

    def _delete_all(self, request: Request) -> dict[str, Any]:
        bodies.deletion(request.query)
        return {"message": _IN_PROGRESS, "event_id": self.events.accept("DELETE", request.query)}

    def _delete_entity(self, _request: Request, kind: str, id: str) -> dict[str, Any]:  # noqa: A002
        if f"{kind}_id" not in ENTITIES:
            raise ApiError(400, {"message": "Invalid entity type"})
        return {"message": _IN_PROGRESS, "event_id": self.events.accept("DELETE", {f"{kind}_id": id})}

    def _entities(self, _request: Request) -> dict[str, Any]:
        results = [
            {
                "id": f"{entity['type']}:{entity['name']}",
                "name": entity["name"],
                "type": entity["type"],
                "owner": self.credentials.org_id,
                "metadata": None,
                "total_memories": entity["count"],
                "created_at": iso(entity["first"]),
                "updated_at": iso(entity["last"]),
            }
            for entity in self.store.entities()
        ]
        totals = {
            f"total_{name.removesuffix('_id')}s": sum(
                row["type"] == name.removesuffix("_id") for row in results
            )
            for name in ENTITIES
        }
        return {"count": len(results), "next": None, "previous": None, "results": results, **totals}

    def _event(self, _request: Request, id: str) -> dict[str, Any]:  # noqa: A002
        event = self.events.get(id)
        if event is None:
            raise ApiError(404, {"error": "Event not found or you don't have permission to access it."})
        return event

    def _events(self, _request: Request) -> dict[str, Any]:
        results = self.events.latest(100)
        return {"count": len(results), "next": None, "previous": None, "results": results}


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise invalid("memory_id should be a valid UUID") from None


def _added(stored: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"id": row["id"], "data": {"memory": row["memory"]}, "event": "ADD"} for row in stored]
