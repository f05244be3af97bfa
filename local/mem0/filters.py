"""Turns Mem0's filters into SQL, by its page "Memory Filters" and its OpenAPI file.

Where these say nothing, the reading that leaves more open is taken, so that nobody relies on Mem0 to close a
hole: `"*"` (every user) works inside `in` and `eq` too. Filters on categories and keywords are not there.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local.mem0.errors import ApiError, invalid

ENTITIES = ("user_id", "agent_id", "app_id", "run_id")
MOMENTS = ("created_at", "updated_at", "timestamp")
KEYS = (*ENTITIES, *MOMENTS, "metadata", "memory_ids", "AND", "OR", "NOT")
DEEPEST = 20
LONGEST_LIST = 1000
COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "IS", "ne": "IS NOT"}
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass
class Where:
    """A condition on the `memories` table: an SQL expression (NULL counts as no) and its parameters.

    `scoped` says whether an entity id narrows it, which Mem0 requires of a whole filter. `user` is the one
    user that all matches belong to, when that is certain.
    """

    sql: str
    params: list[Any] = field(default_factory=list)
    scoped: bool = False
    user: str | None = None


def compile_filters(filters: object) -> Where:
    """Turn the `filters` of a request into SQL.

    Raises:
        ApiError: 400 if it is missing, names no entity id, or has an unknown key, operator or type.
    """
    if not isinstance(filters, dict) or not filters:
        raise invalid("filters must be an object with at least one of user_id, agent_id, app_id, run_id")
    where = _object(filters, 0)
    if not where.scoped:
        raise invalid(
            "filters must hold at least one positively scoped entity id: user_id, agent_id, app_id or run_id"
        )
    return where


def condition(name: str, value: object) -> Where:
    """Turn one key of a filter into SQL, e.g. `metadata` beside the filters of a request."""
    return _object({name: value}, 0)


def all_of(parts: list[Where]) -> Where:
    """The conjunction of `parts`."""
    joined = _join(" AND ", parts)
    joined.scoped = any(part.scoped for part in parts)
    joined.user = next((part.user for part in parts if part.user is not None), None)
    return joined


def seconds(value: object, name: str) -> float:
    """A moment in unix seconds, from unix seconds or an ISO 8601 date or time (without a zone: UTC).

    Raises:
        ApiError: 400 naming `name` if it is none of these.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        moment = datetime.fromisoformat(value)  # type: ignore[arg-type] # other types are a TypeError
    except (TypeError, ValueError):
        raise invalid(f"{name} must be an ISO 8601 date or time, or unix seconds, not {value!r}") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _join(word: str, parts: list[Where]) -> Where:
    return Where(
        word.join(f"({part.sql})" for part in parts), [param for part in parts for param in part.params]
    )


def _object(clause: object, depth: int) -> Where:
    if depth > DEEPEST:
        raise invalid(f"filters are nested deeper than {DEEPEST} levels")
    if not isinstance(clause, dict) or not clause:
        raise invalid(f"a filter condition must be an object with at least one key, not {clause!r}")
    return all_of([_key(str(name), value, depth) for name, value in clause.items()])


def _key(name: str, value: object, depth: int) -> Where:
    if name in ("AND", "OR", "NOT"):
        return _combination(name, value, depth)
    if name == "metadata":
        return _metadata(value)
    if name == "memory_ids":
        return _in("id", _strings(name, [value] if isinstance(value, str) else value))
    if name in ENTITIES:
        return all_of([_entity(name, operator, operand) for operator, operand in _operators(name, value)])
    if name in MOMENTS:
        return all_of([_moment(name, operator, operand) for operator, operand in _operators(name, value)])
    raise invalid(f"unknown filter field {name!r}: use {', '.join(KEYS)}")


def _combination(name: str, value: object, depth: int) -> Where:
    members = [value] if name == "NOT" and isinstance(value, dict) else value
    if not isinstance(members, list) or not members:
        raise invalid(f"{name} must be a list of conditions that is not empty, not {value!r}")
    parts = [_object(member, depth + 1) for member in members]
    if name == "AND":
        return all_of(parts)
    joined = _join(" OR ", parts)
    if name == "OR":
        joined.scoped = any(part.scoped for part in parts)
        return joined
    # Unknown must become "no" before it is negated, or rows without the field would be lost.
    return Where(f"NOT COALESCE(({joined.sql}), 0)", joined.params)


def _operators(name: str, value: object) -> list[tuple[str, object]]:
    """`value` as operators: a bare value means equal."""
    if not isinstance(value, dict):
        return [("eq", value)]
    if not value:
        raise invalid(f"the condition on {name} is an empty object")
    return [(str(operator), operand) for operator, operand in value.items()]


def _unsupported(name: str, operator: str) -> ApiError:
    return invalid(f"operator {operator!r} is not supported for {name}")


def _strings(name: str, value: object) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise invalid(f"{name} takes a list of strings that is not empty, not {value!r}")
    if len(value) > LONGEST_LIST:
        raise invalid(f"{name} takes at most {LONGEST_LIST} values, not {len(value)}")
    return value


def _string(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise invalid(f"{name} must be a string that is not empty, not {value!r}")
    return value


def _in(column: str, values: list[str]) -> Where:
    return Where(f"{column} IN ({', '.join('?' * len(values))})", list(values))


def _entity(name: str, operator: str, operand: object) -> Where:
    if operator == "ne":
        return Where(f"{name} IS NOT ?", [_string(name, operand)])
    if operator not in ("eq", "in"):
        raise _unsupported(name, operator)
    wanted = _strings(name, operand) if operator == "in" else [_string(name, operand)]
    where = Where(f"{name} IS NOT NULL") if "*" in wanted else _in(name, wanted)
    where.scoped = True
    if operator == "eq" and name == "user_id" and where.params:
        where.user = wanted[0]
    return where


def _moment(name: str, operator: str, operand: object) -> Where:
    if operator not in COMPARISONS:
        raise _unsupported(name, operator)
    column = "updated_at" if name == "updated_at" else "created_at"
    moment = seconds(operand, f"filters.{name}")
    # "up to 3 March" means that whole day.
    if operator == "lte" and isinstance(operand, str) and DAY.fullmatch(operand):
        return Where(f"{column} < ?", [moment + 86_400])
    return Where(f"{column} {COMPARISONS[operator]} ?", [moment])


def _metadata(value: object) -> Where:
    """Top-level keys of the metadata, for which Mem0 has equal, `ne` and `contains` only."""
    if not isinstance(value, dict) or not value:
        raise invalid(f"metadata must be an object with at least one key, not {value!r}")
    parts = []
    for name, wanted in value.items():
        if isinstance(wanted, dict) and not (wanted and wanted.keys() <= {"eq", "ne", "contains"}):
            raise invalid(f"metadata.{name} takes a plain value, or one of eq, ne, contains, not {wanted!r}")
        for operator, operand in _operators(f"metadata.{name}", wanted):
            parts.append(_metadata_value(str(name), operator, operand))
    return _join(" AND ", parts)


def _metadata_value(name: str, operator: str, operand: object) -> Where:
    pair = "SELECT 1 FROM json_each(memories.metadata) AS pair WHERE pair.key = ? AND "
    if operator == "contains":
        sql = (
            "CASE pair.type WHEN 'array' THEN"
            " EXISTS (SELECT 1 FROM json_each(pair.value) AS item WHERE item.value = ?) "
            "WHEN 'text' THEN instr(pair.value, ?) > 0 ELSE 0 END"
        )
        wanted = _string(f"metadata.{name}", operand)
        return Where(f"EXISTS ({pair} {sql})", [name, wanted, wanted])
    params: list[Any]
    if operand == "*":
        sql, params = "pair.type <> 'null'", []
    elif operand is None or isinstance(operand, bool):
        sql, params = "pair.type = ?", [json.dumps(operand)]
    elif isinstance(operand, str | int | float):
        sql, params = "pair.type NOT IN ('true', 'false') AND pair.atom = ?", [operand]
    else:
        sql, params = "pair.value = json(?)", [json.dumps(operand)]
    negation = "NOT " if operator == "ne" else ""
    return Where(f"{negation}EXISTS ({pair} {sql})", [name, *params])
