"""Mem0's filter grammar, turned into SQL.

Grammar and meaning follow Mem0's public page "Memory Filters" and its OpenAPI file: implicit AND of the keys
of an object; ``AND``, ``OR``, ``NOT``; a bare value means equal; ``"*"`` means any non-null value, **every
user**; ``ne`` matches missing values too; a key that is not on the list is refused. Where these say nothing,
the stand-in takes the reading that leaves more open, because it is there to prove that nobody relies on Mem0
to close a hole: ``"*"`` works inside ``in`` and ``eq`` too. ``NOT`` with a list leaves out what matches any
of its members.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local.mem0.errors import invalid

ENTITIES = ("user_id", "agent_id", "app_id", "run_id")
DEEPEST = 20
LONGEST_LIST = 1000
# SQLite's own LIKE and lower() know only ASCII; the store registers this function on each connection.
FOLD = "fold"

_COMPARE = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "IS", "ne": "IS NOT"}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass
class Where:
    """A condition on the ``memories`` table.

    Attributes:
        sql: An SQL expression; unknown (NULL) counts as no.
        params: Its parameters, in order.
        scoped: Whether an entity id narrows it, which Mem0 demands of a whole filter.
        user: The one user that all matches belong to, when that is certain.
    """

    sql: str
    params: list[Any] = field(default_factory=list)
    scoped: bool = False
    user: str | None = None


def compile_filters(filters: object) -> Where:
    """Turn the ``filters`` of a request into SQL.

    Args:
        filters: What the request carried.

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


def extra(name: str, value: object) -> Where:
    """A condition that a request gives beside its filters, such as ``categories`` or ``metadata``."""
    return _object({name: value}, 0)


def all_of(parts: list[Where]) -> Where:
    """The conjunction of ``parts``."""
    user = next((part.user for part in parts if part.user is not None), None)
    joined = _join(" AND ", parts)
    return Where(joined.sql, joined.params, any(part.scoped for part in parts), user)


def seconds(value: object, name: str) -> float:
    """A moment in unix seconds, from unix seconds or an ISO 8601 date or time (without a zone: UTC).

    Raises:
        ApiError: 400 naming ``name`` if it is none of these.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is not None:
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    raise invalid(f"{name} must be an ISO 8601 date or time, or unix seconds, not {value!r}")


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
        members = [value] if name == "NOT" and isinstance(value, dict) else value
        if not isinstance(members, list) or not members:
            raise invalid(f"{name} must be a list of conditions that is not empty, not {value!r}")
        parts = [_object(member, depth + 1) for member in members]
        if name == "AND":
            return all_of(parts)
        joined = _join(" OR ", parts)
        if name == "OR":
            return Where(joined.sql, joined.params, any(part.scoped for part in parts))
        # Unknown must become "no" before it is negated, or rows without the field would be lost.
        return Where(f"NOT COALESCE(({joined.sql}), 0)", joined.params)
    if name in ENTITIES:
        return _entity(name, value)
    if name == "metadata":
        return _metadata(value)
    if name in _FIELDS:
        return _join(
            " AND ", [_FIELDS[name](name, operator, operand) for operator, operand in _operators(name, value)]
        )
    raise invalid(
        f"unknown filter field {name!r}: use {', '.join((*ENTITIES, 'metadata', *_FIELDS))}, AND, OR or NOT"
    )


def _operators(name: str, value: object) -> list[tuple[str, object]]:
    """``value`` as operators: a bare value means equal."""
    if not isinstance(value, dict):
        return [("eq", value)]
    if not value:
        raise invalid(f"the condition on {name} is an empty object")
    return [(str(operator), operand) for operator, operand in value.items()]


def _refuse(name: str, operator: str) -> Exception:
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


def _entity(name: str, value: object) -> Where:
    parts = []
    for operator, operand in _operators(name, value):
        if operator == "in":
            wanted = _strings(name, operand)
            anyone = "*" in wanted
            marks = ", ".join("?" * len(wanted))
            parts.append(
                Where(
                    f"{name} IS NOT NULL" if anyone else f"{name} IN ({marks})",
                    [] if anyone else list(wanted),
                )
            )
            parts[-1].scoped = True
        elif operator == "ne":
            parts.append(Where(f"{name} IS NOT ?", [_string(name, operand)]))
        elif operator == "eq":
            wanted_one = _string(name, operand)
            if wanted_one == "*":
                parts.append(Where(f"{name} IS NOT NULL", [], scoped=True))
            else:
                owner = wanted_one if name == "user_id" else None
                parts.append(Where(f"{name} = ?", [wanted_one], scoped=True, user=owner))
        else:
            raise _refuse(name, operator)
    return all_of(parts)


def _moment(name: str, operator: str, operand: object) -> Where:
    if operator not in _COMPARE:
        raise _refuse(name, operator)
    column = "updated_at" if name == "updated_at" else "created_at"
    moment = seconds(operand, f"filters.{name}")
    # "up to 3 March" means that whole day.
    if operator == "lte" and isinstance(operand, str) and _DATE.fullmatch(operand):
        return Where(f"{column} < ?", [moment + 86400])
    return Where(f"{column} {_COMPARE[operator]} ?", [moment])


def _categories(name: str, operator: str, operand: object) -> Where:
    each = "SELECT 1 FROM json_each(memories.categories) WHERE "
    if operator == "in" or (operator == "eq" and isinstance(operand, list)):
        wanted = _strings(name, operand)
        return Where(f"EXISTS ({each} value IN ({', '.join('?' * len(wanted))}))", list(wanted))
    one = _string(name, operand)
    if operator in ("eq", "ne"):
        return Where(f"{'NOT ' if operator == 'ne' else ''}EXISTS ({each} value = ?)", [one])
    if operator == "contains":
        return Where(f"EXISTS ({each} instr(value, ?) > 0)", [one])
    if operator == "icontains":
        return Where(f"EXISTS ({each} instr({FOLD}(value), ?) > 0)", [one.casefold()])
    raise _refuse(name, operator)


def _keywords(name: str, operator: str, operand: object) -> Where:
    wanted = _string(name, operand)
    if operator == "contains":
        return Where("instr(memory, ?) > 0", [wanted])
    if operator in ("icontains", "eq"):
        return Where(f"instr({FOLD}(memory), ?) > 0", [wanted.casefold()])
    raise _refuse(name, operator)


def _memory_ids(name: str, operator: str, operand: object) -> Where:
    if operator not in ("eq", "in"):
        raise _refuse(name, operator)
    wanted = _strings(name, [operand] if isinstance(operand, str) else operand)
    return Where(f"id IN ({', '.join('?' * len(wanted))})", list(wanted))


_FIELDS: dict[str, Callable[[str, str, object], Where]] = {
    "created_at": _moment,
    "updated_at": _moment,
    "timestamp": _moment,
    "categories": _categories,
    "keywords": _keywords,
    "memory_ids": _memory_ids,
}


def _metadata(value: object) -> Where:
    """Top-level keys of the metadata; Mem0 knows equal, ``ne`` and ``contains`` there and no more."""
    if not isinstance(value, dict) or not value:
        raise invalid(f"metadata must be an object with at least one key, not {value!r}")
    parts = []
    for name, wanted in value.items():
        known = isinstance(wanted, dict) and wanted and set(wanted) <= {"eq", "ne", "contains"}
        if isinstance(wanted, dict) and not known:
            raise invalid(f"metadata.{name} takes a plain value, or one of eq, ne, contains, not {wanted!r}")
        for operator, operand in _operators(f"metadata.{name}", wanted):
            parts.append(_metadata_value(str(name), operator, operand))
    return _join(" AND ", parts)


def _metadata_value(name: str, operator: str, operand: object) -> Where:
    each = "SELECT 1 FROM json_each(memories.metadata) AS pair WHERE pair.key = ? AND "
    if operator == "contains":
        sql = (
            "CASE pair.type WHEN 'array' THEN"
            " EXISTS (SELECT 1 FROM json_each(pair.value) AS item WHERE item.value = ?) "
            "WHEN 'text' THEN instr(pair.value, ?) > 0 ELSE 0 END"
        )
        wanted = _string(f"metadata.{name}", operand)
        return Where(f"EXISTS ({each} {sql})", [name, wanted, wanted])
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
    return Where(f"{negation}EXISTS ({each} {sql})", [name, *params])
