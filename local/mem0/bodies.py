"""Checks what a request carries, as strictly as Mem0 does, and turns it into plain values.

It refuses what Mem0's OpenAPI file and contract refuse. Fields that Mem0 accepts and that mean nothing
without a language model (``custom_instructions``, ``custom_categories``, ``rerank`` and the like) are checked
for their type only; the whole body stays visible in the request log and the event.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from local.mem0.errors import invalid
from local.mem0.filters import ENTITIES, Where, all_of, compile_filters, extra, seconds
from local.mem0.store import Draft

ROLES = ("user", "assistant", "system")
LARGEST_PAGE = 200
MOST_RESULTS = 1000
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Addition:
    """A checked ``add``.

    Attributes:
        messages: ``{"role", "content"}`` each, at least one.
        template: A memory without its text: whose, which metadata, when.
        infer: Whether facts are to be extracted, or the messages kept word for word.
    """

    messages: list[dict[str, str]]
    template: Draft
    infer: bool


@dataclass(frozen=True)
class Question:
    """A checked ``search``."""

    query: str
    where: Where
    limit: int
    threshold: float
    fields: list[str] | None


@dataclass(frozen=True)
class Listing:
    """A checked ``get_all``; pages count from 1."""

    where: Where
    page: int
    page_size: int
    fields: list[str] | None


def addition(body: dict[str, Any]) -> Addition:
    """Check the body of ``POST /v3/memories/add/``.

    Raises:
        ApiError: 400 if messages, entity ids or any known option are missing or of the wrong kind.
    """
    messages = _messages(body.get("messages"))
    entities = {}
    for name in ENTITIES:
        value = body.get(name)
        if value is not None:
            if not isinstance(value, str) or not value.strip():
                raise invalid(f"{name} must be a string that is not empty, not {value!r}")
            entities[name] = value
    if not entities:
        raise invalid("at least one of user_id, agent_id, app_id, run_id is required to add memories")
    for name in ("custom_instructions", "agent_custom_instructions", "includes", "excludes"):
        _optional(body, name, str, "a string")
    _optional(body, "custom_categories", list, "a list of objects")
    metadata = _optional(body, "metadata", dict, "an object") or {}
    infer = _optional(body, "infer", bool, "true or false")
    template = Draft(
        "",
        entities,
        metadata,
        _timestamp(body.get("timestamp")),
        expiration_date(body.get("expiration_date")),
    )
    return Addition(messages, template, infer is not False)


def question(body: dict[str, Any]) -> Question:
    """Check the body of ``POST /v3/memories/search/``.

    Raises:
        ApiError: 400 if the query is empty, the filters are not well scoped, or an option is out of range.
    """
    _refuse_top_level_entities(body)
    query = body.get("query")
    if not isinstance(query, str) or not query.strip():
        raise invalid(f"query must be a string that is not empty, not {query!r}")
    limit = body.get("top_k")
    limit = 10 if limit is None else limit
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MOST_RESULTS:
        raise invalid(f"top_k must be a whole number from 1 to {MOST_RESULTS}, not {limit!r}")
    threshold = body.get("threshold")
    threshold = 0.1 if threshold is None else threshold
    if not isinstance(threshold, int | float) or isinstance(threshold, bool) or not 0 <= threshold <= 1:
        raise invalid(f"threshold must be a number from 0 to 1, not {threshold!r}")
    for name in ("rerank", "latest_only", "keyword_search"):
        _optional(body, name, bool, "true or false")
    return Question(query, _where(body, ("categories", "metadata")), limit, float(threshold), _fields(body))


def listing(body: dict[str, Any], query: dict[str, str]) -> Listing:
    """Check the body and the query string of ``POST /v3/memories/``; the query string wins.

    Raises:
        ApiError: 400 if the filters are not well scoped or a page number is out of range.
    """
    _refuse_top_level_entities(body)
    page = _number(query.get("page", body.get("page")), "page", 1, 10**9, 1)
    page_size = _number(query.get("page_size", body.get("page_size")), "page_size", 1, LARGEST_PAGE, 100)
    return Listing(_where(body, ("categories", "keywords")), page, page_size, _fields(body))


def deletion(query: dict[str, str]) -> Where:
    """Check the query string of ``DELETE /v1/memories/``: at least one filter, ``*`` for every one.

    Raises:
        ApiError: 400 without any.
    """
    parts = [extra(name, query[name]) for name in ENTITIES if query.get(name)]
    if query.get("metadata"):
        try:
            parts.append(extra("metadata", json.loads(query["metadata"])))
        except ValueError:
            raise invalid(f"metadata must be a JSON object, not {query['metadata']!r}") from None
    if not parts:
        raise invalid(
            "at least one filter is required to delete memories: user_id, agent_id, app_id or run_id"
        )
    return all_of(parts)


def changes(body: dict[str, Any]) -> dict[str, Any]:
    """Check the body of ``PUT /v1/memories/{id}/``; returns the table's columns that change.

    Raises:
        ApiError: 400 if nothing is to change or a value is of the wrong kind.
    """
    columns: dict[str, Any] = {}
    text = _optional(body, "text", str, "a string")
    if text is not None:
        columns["memory"] = text
    metadata = _optional(body, "metadata", dict, "an object")
    if metadata is not None:
        columns["metadata"] = json.dumps(metadata)
    if "expiration_date" in body:
        columns["expiration_date"] = expiration_date(body["expiration_date"])
    if body.get("timestamp") is not None:
        columns["created_at"] = seconds(body["timestamp"], "timestamp")
    if not columns:
        raise invalid("at least one of text, metadata, timestamp, expiration_date is required")
    return columns


def expiration_date(value: object) -> str | None:
    """A day written YYYY-MM-DD, or None.

    Raises:
        ApiError: 400 if it is anything else.
    """
    if value is None:
        return None
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            pass
    raise invalid(f"expiration_date must be a day written YYYY-MM-DD, not {value!r}")


def _messages(value: object) -> list[dict[str, str]]:
    if not isinstance(value, list) or not value:
        raise invalid("messages must be a list with at least one message")
    for place, message in enumerate(value):
        if not isinstance(message, dict):
            raise invalid(f"messages[{place}] must be an object with role and content, not {message!r}")
        if message.get("role") not in ROLES:
            raise invalid(
                f"messages[{place}].role must be one of {', '.join(ROLES)}, not {message.get('role')!r}"
            )
        if not isinstance(message.get("content"), str):
            raise invalid(f"messages[{place}].content must be a string, not {message.get('content')!r}")
    return value


def _refuse_top_level_entities(body: dict[str, Any]) -> None:
    found = [name for name in ENTITIES if name in body]
    if found:
        raise invalid(f"{', '.join(found)} must be inside filters, not at the top level")


def _where(body: dict[str, Any], beside: tuple[str, ...]) -> Where:
    """The filters, with what else narrows a request: further conditions, a span of days, expiry."""
    parts = [compile_filters(body.get("filters"))]
    parts += [extra(name, body[name]) for name in beside if body.get(name)]
    if body.get("start_date"):
        parts.append(extra("created_at", {"gte": body["start_date"]}))
    if body.get("end_date"):
        parts.append(extra("created_at", {"lte": body["end_date"]}))
    if not _optional(body, "show_expired", bool, "true or false"):
        today = datetime.now(UTC).date().isoformat()
        parts.append(Where("expiration_date IS NULL OR expiration_date >= ?", [today]))
    return all_of(parts)


def _fields(body: dict[str, Any]) -> list[str] | None:
    fields = body.get("fields")
    if fields is not None and not (
        isinstance(fields, list) and all(isinstance(name, str) for name in fields)
    ):
        raise invalid(f"fields must be a list of strings, not {fields!r}")
    return fields


def _optional(body: dict[str, Any], name: str, kind: type, words: str) -> Any:
    value = body.get(name)
    if value is not None and not isinstance(value, kind):
        raise invalid(f"{name} must be {words}, not {value!r}")
    return value


def _number(value: object, name: str, least: int, most: int, default: int) -> int:
    if value is None:
        return default
    text = str(value)
    if (
        isinstance(value, bool)
        or not text.isascii()
        or not text.isdecimal()
        or not least <= int(text) <= most
    ):
        raise invalid(f"{name} must be a whole number from {least} to {most}, not {value!r}")
    return int(text)


def _timestamp(value: object) -> float:
    if value is None:
        return datetime.now(UTC).timestamp()
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value, UTC).timestamp()
        except (ValueError, OverflowError, OSError):
            pass
    raise invalid(f"timestamp must be unix seconds, not {value!r}")
