"""What each request of Mem0's API does. Paths, statuses and shapes follow Mem0's OpenAPI file."""

import hmac
import json
import time
import uuid
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict

from local.faults import Faults
from local.http_server import Request, Routes
from local.mem0 import bodies, sentences
from local.mem0.errors import ApiError, invalid
from local.mem0.events import Events, WorkFailedError, iso
from local.mem0.faults import EXTRACTION, Mem0Rule
from local.mem0.filters import ENTITIES, condition
from local.mem0.store import Store

ROUTES = {
    "ping": ("GET", "/v1/ping/"),
    "add": ("POST", "/v3/memories/add/"),
    "get_all": ("POST", "/v3/memories/"),
    "search": ("POST", "/v3/memories/search/"),
    "get": ("GET", "/v1/memories/{identifier}/"),
    "history": ("GET", "/v1/memories/{identifier}/history/"),
    "delete": ("DELETE", "/v1/memories/{identifier}/"),
    "delete_all": ("DELETE", "/v1/memories/"),
    "delete_entity": ("DELETE", "/v2/entities/{kind}/{name}/"),
    "entities": ("GET", "/v1/entities/"),
    "event": ("GET", "/v1/event/{identifier}/"),
    "events": ("GET", "/v1/events/"),
}
Json = dict[str, Any]

_EVENTS_OF_A_PAGE = 100


class Credentials(BaseModel):
    """Which keys are accepted, and to which organization and project they belong."""

    model_config = ConfigDict(extra="forbid", strict=True)

    api_keys: list[bodies.Text]
    org_id: str
    project_id: str


class Api:
    """The operations on one store; `infer_seconds` after an add its facts appear."""

    def __init__(
        self, store: Store, credentials: Credentials, faults: Faults[Mem0Rule], infer_seconds: float
    ) -> None:
        self.store = store
        self.credentials = credentials
        self.routes = Routes(ROUTES)
        self._faults = faults
        # Last, as it begins to work at once on what an earlier run has left.
        self.events = Events(store, {"ADD": self._extract, "DELETE": self._purge}, infer_seconds)

    def operation(self, request: Request) -> str:
        """The name of a request's operation, or `unknown`."""
        found = self.routes.find(request.method, request.path)
        return found[0] if found else "unknown"

    def answer(self, request: Request) -> Json:
        """Do what a request asks; return the JSON of the 200.

        Raises:
            ApiError: for every other status.
        """
        self._check_key(request.header("authorization"))
        body = decode(request.body)
        found = self.routes.find(request.method, request.path)
        if found is None:
            if self.routes.has(request.path):
                raise ApiError(405, {"detail": f'Method "{request.method}" not allowed.'})
            raise ApiError(404, {"detail": "Not found."})
        name, parameters = found
        result: Json = getattr(self, f"_{name}")(request, body, **parameters)
        return result

    def _check_key(self, authorization: str) -> None:
        scheme, _, given = authorization.partition(" ")
        if scheme != "Token" or not given.strip():
            raise ApiError(401, {"detail": "Authentication credentials were not provided."})
        sent = given.strip().encode("utf-8", "replace")
        if not any(hmac.compare_digest(sent, key.encode()) for key in self.credentials.api_keys):
            raise ApiError(401, {"detail": "Invalid API key: this stand-in knows no such key."})

    def _ping(self, _request: Request, _body: Json) -> Json:
        return {
            "status": "ok",
            "org_id": self.credentials.org_id,
            "project_id": self.credentials.project_id,
            "user_email": "nobody@example.com",
        }

    def _add(self, _request: Request, body: Json) -> Json:
        add = bodies.Add.check(body)
        draft = add.draft()
        if add.infer:
            rule = self._faults.pick(EXTRACTION, json.dumps(body).encode(), lambda rule: not rule.fail)
            late = rule.latency_seconds if rule else 0.0
            return {"event_id": self.events.accept("ADD", body, late), "status": "PENDING"}
        spoken = [message.content for message in add.messages if message.role != "system"]
        results = _added(self.store.add([replace(draft, memory=content) for content in spoken]))
        event = self.events.done("ADD", body, results)
        words = "Memories stored word for word."
        return {"message": words, "status": "SUCCEEDED", "event_id": event, "results": results}

    def _extract(self, body: Json) -> list[Json]:
        """Keep the caller's sentences, or the agent's if the memory is only its own."""
        if self._faults.pick(EXTRACTION, json.dumps(body).encode(), lambda rule: rule.fail):
            raise WorkFailedError("the extraction failed because a fault rule says so")
        add = bodies.Add.check(body)
        draft = add.draft()
        role = "assistant" if add.agent_id and not add.user_id else "user"
        facts = sentences.facts(message.content for message in add.messages if message.role == role)
        return _added(
            self.store.add([replace(draft, memory=fact, sentence_key=sentences.key(fact)) for fact in facts])
        )

    def _get_all(self, request: Request, body: Json) -> Json:
        bodies.refuse_entities(body)
        numbers = {name: value for name, value in request.query.items() if name in ("page", "page_size")}
        listing = bodies.Listing.check(body | numbers)
        offset = (listing.page - 1) * listing.page_size
        count, rows = self.store.page(listing.where(), listing.page_size, offset)
        if listing.page > 1 and offset >= count:
            # Mem0 runs on Django's REST framework, whose paginator says this.
            raise ApiError(404, {"detail": "Invalid page."})

        def link(page: int) -> str:
            query = urlencode({"page": page, "page_size": listing.page_size})
            return f"{request.base_url}{request.path}?{query}"

        return {
            "count": count,
            "next": link(listing.page + 1) if offset + len(rows) < count else None,
            "previous": link(listing.page - 1) if listing.page > 1 else None,
            "results": [public_row(row, "session_id") for row in rows],
        }

    def _search(self, _request: Request, body: Json) -> Json:
        bodies.refuse_entities(body)
        search = bodies.Search.check(body)
        results = []
        for hit in self.store.search(search.query, search.where(), search.top_k, search.threshold):
            scores = {"semantic": round(hit.semantic, 6), "bm25": round(hit.words, 6)}
            scored = {"score": round(hit.score, 6), "score_breakdown": scores}
            results.append(public_row(hit.row, "run_id") | scored)
        return {"results": results}

    def _get(self, _request: Request, _body: Json, identifier: str) -> Json:
        _, rows = self.store.page(condition("memory_ids", [_uuid(identifier)]), 1, 0)
        if not rows:
            raise ApiError(404, {"error": "Memory not found!"})
        return public_row(rows[0], "session_id")

    def _history(self, request: Request, body: Json, identifier: str) -> list[Json]:
        row = self._get(request, body, identifier)
        shared = {name: row[name] for name in ("user_id", "metadata", "created_at", "updated_at")}
        event = {"event": "ADD", "old_memory": None, "new_memory": row["memory"], "input": []}
        return [{"id": identifier, "memory_id": identifier, **event, **shared}]

    def _delete(self, _request: Request, _body: Json, identifier: str) -> Json:
        if not self.store.remove(condition("memory_ids", [_uuid(identifier)])):
            raise ApiError(404, {"error": "Memory not found!"})
        return {"message": "Memory deleted successfully!"}

    def _purge(self, query: Json) -> list[Json]:
        self.store.remove(bodies.deletion(query))
        return []

    def _delete_all(self, request: Request, _body: Json) -> Json:
        bodies.deletion(request.query)
        return self._accept_deletion(request.query)

    def _delete_entity(self, _request: Request, _body: Json, kind: str, name: str) -> Json:
        if f"{kind}_id" not in ENTITIES:
            raise ApiError(400, {"message": "Invalid entity type"})
        return self._accept_deletion({f"{kind}_id": name})

    def _accept_deletion(self, query: dict[str, str]) -> Json:
        words = "Delete in progress. This may take some time."
        return {"message": words, "event_id": self.events.accept("DELETE", query)}

    def _entities(self, _request: Request, _body: Json) -> Json:
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
        kinds = [name.removesuffix("_id") for name in ENTITIES]
        totals = {f"total_{kind}s": sum(row["type"] == kind for row in results) for kind in kinds}
        return {"count": len(results), "next": None, "previous": None, "results": results, **totals}

    def _event(self, _request: Request, _body: Json, identifier: str) -> Json:
        event = self.events.get(identifier)
        if event is None:
            raise ApiError(404, {"error": "Event not found or you don't have permission to access it."})
        return event

    def _events(self, request: Request, _body: Json) -> Json:
        given = request.query.get("page", "1")
        page = int(given) if given.isdecimal() and int(given) else 1
        rows = self.events.latest(page * _EVENTS_OF_A_PAGE + 1)
        more = len(rows) > page * _EVENTS_OF_A_PAGE
        results = rows[(page - 1) * _EVENTS_OF_A_PAGE : page * _EVENTS_OF_A_PAGE]
        following = f"{request.base_url}{request.path}?page={page + 1}" if more else None
        return {"count": len(rows), "next": following, "previous": None, "results": results}


def decode(raw: bytes) -> Json:
    """Read a body; an empty one is an empty object.

    Raises:
        ApiError: 400 if it is no JSON object, or holds text that cannot be stored.
    """
    try:
        body = json.loads(raw) if raw else {}
        if b"\\ud" in raw.lower():
            # Half of a surrogate pair is valid JSON, but no text: it can be neither stored nor embedded.
            json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ApiError(400, {"detail": f"JSON parse error - {error}"}) from None
    if not isinstance(body, dict):
        raise ApiError(400, {"detail": "the body must be a JSON object"})
    return body


def foreign_row(rule: Mem0Rule, place: int) -> Json:
    """A memory of another user, as a broken Mem0 might put it into an answer. It is stored nowhere."""
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


def public_row(row: Json, run_name: str) -> Json:
    """A memory as Mem0 returns it; `run_name` is `session_id` in a listing, `run_id` in a search."""
    return {
        **{name: row[name] for name in ("id", "memory", "user_id", "agent_id", "app_id", "hash")},
        run_name: row["run_id"],
        "metadata": json.loads(row["metadata"]),
        "categories": [],
        "expiration_date": row["expiration_date"],
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
    }


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise invalid("memory_id should be a valid UUID") from None


def _added(stored: list[Json]) -> list[Json]:
    return [{"id": row["id"], "data": {"memory": row["memory"]}, "event": "ADD"} for row in stored]
