"""Rules that make the stand-in misbehave, so that tests see what Mem0 Cloud and the network may do.

A rule says which requests it is for and what happens to them. The first rule that matches and fires decides;
one rule may do several things (be late, then answer 503). Rules never change what is stored, except that an
extraction can be made to fail or be late.
"""

import json
import random
import re
import threading
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from local.mem0.errors import invalid

# Those of api.ROUTES, any other path, and two that are no request: a new connection, an extraction.
OPERATIONS = (
    *("ping", "add", "get_all", "search", "get", "update", "delete", "delete_all", "delete_entity"),
    *("entities", "event", "events", "connect", "infer", "unknown"),
)
FOREIGN_USER = "+15550100999"
FOREIGN_MEMORY = "This memory belongs to somebody else."


@dataclass
class Rule:
    """One rule. All matching fields that are set must fit; see README.md for the meaning of each."""

    # Which requests
    operation: str | list[str] | None = None
    method: str | None = None
    path: str | None = None
    infer: bool | None = None
    contains: str | None = None
    # Which of them
    after: int = 0
    count: int | None = None
    probability: float = 1.0
    seed: int = 0
    # What happens
    latency_seconds: float = 0.0
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    html: bool = False
    garbage: bool = False
    hang: bool | float = False
    refuse: bool = False
    drip_bytes_per_second: float | None = None
    drip_headers: bool = False
    after_work: bool = False
    foreign_rows: int = 0
    foreign_user: str = FOREIGN_USER
    foreign_memory: str = FOREIGN_MEMORY
    fail: bool = False
    name: str = ""
    # What has happened
    matched: int = field(default=0, init=False)
    fired: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Take a dice of its own, and a bell that rings when the rule is taken out of force."""
        self._random = random.Random(self.seed)  # noqa: S311 - a repeatable dice, not a secret
        self.released = threading.Event()

    @property
    def replaces_answer(self) -> bool:
        """Whether the client gets something else than the honest answer, or nothing."""
        return bool(self.status or self.html or self.garbage or self.hang or self.refuse)

    def fits(self, operation: str, method: str, path: str, body: dict[str, Any]) -> bool:
        """Whether the rule is for such a request."""
        wanted = [self.operation] if isinstance(self.operation, str) else self.operation
        return (
            (operation not in ("connect", "infer") if wanted is None else operation in wanted)
            and (self.method is None or self.method == method)
            and (self.path is None or re.search(self.path, path) is not None)
            and (self.infer is None or (body.get("infer") is not False) is self.infer)
            and (self.contains is None or self.contains in json.dumps(body, ensure_ascii=False))
        )

    def fires(self) -> bool:
        """Count one fitting request, and say whether the rule acts on it. Call with the lock held."""
        self.matched += 1
        if self.matched <= self.after or (self.count is not None and self.fired >= self.count):
            return False
        if self.probability < 1 and self._random.random() >= self.probability:
            return False
        self.fired += 1
        return True


_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "operation": ((str, list), "a name or a list of names"),
    "method": ((str,), "a string"),
    "path": ((str,), "a regular expression"),
    "infer": ((bool,), "true or false"),
    "contains": ((str,), "a string"),
    "after": ((int,), "a whole number"),
    "count": ((int,), "a whole number"),
    "probability": ((int, float), "a number from 0 to 1"),
    "seed": ((int,), "a whole number"),
    "latency_seconds": ((int, float), "a number"),
    "status": ((int,), "an HTTP status"),
    "headers": ((dict,), "an object"),
    "hang": ((bool, int, float), "true or seconds"),
    "drip_bytes_per_second": ((int, float), "a number above 0"),
    "foreign_rows": ((int,), "a whole number"),
    "foreign_user": ((str,), "a string"),
    "foreign_memory": ((str,), "a string"),
    "name": ((str,), "a string"),
}
_NAMES = [entry.name for entry in fields(Rule) if entry.init]


def rule_from(value: object) -> Rule:
    """Read one rule from JSON.

    Raises:
        ApiError: 400 that names the field, if one is unknown or of the wrong kind.
    """
    if not isinstance(value, dict):
        raise invalid(f"a fault rule must be an object, not {value!r}")
    for name, given in value.items():
        if name not in _NAMES:
            raise invalid(f"unknown field {name!r} in a fault rule: use {', '.join(_NAMES)}")
        kinds, words = _KINDS.get(name, ((bool,), "true or false"))
        wrong_bool = isinstance(given, bool) and bool not in kinds
        if name != "body" and (not isinstance(given, kinds) or wrong_bool):
            raise invalid(f"{name} in a fault rule must be {words}, not {given!r}")
    named = value.get("operation", [])
    for operation in named if isinstance(named, list) else [named]:
        if operation not in OPERATIONS:
            raise invalid(f"unknown operation {operation!r} in a fault rule: use {', '.join(OPERATIONS)}")
    if "path" in value:
        try:
            re.compile(value["path"])
        except re.error as problem:
            raise invalid(f"path in a fault rule must be a regular expression: {problem}") from None
    if "drip_bytes_per_second" in value and value["drip_bytes_per_second"] <= 0:
        raise invalid("drip_bytes_per_second in a fault rule must be above 0")
    return Rule(**value)


class Faults:
    """The rules in force. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []

    def replace(self, rules: list[Rule]) -> None:
        """Put ``rules`` in force instead of the old ones; requests that hang are let go, unanswered."""
        with self._lock:
            old, self._rules = self._rules, rules
        for rule in old:
            rule.released.set()

    def pick(self, operation: str, method: str, path: str, body: dict[str, Any]) -> Rule | None:
        """The rule that acts on this request, or None."""
        with self._lock:
            return next(
                (rule for rule in self._rules if rule.fits(operation, method, path, body) and rule.fires()),
                None,
            )

    def extraction_delay(self, body: dict[str, Any]) -> float:
        """Seconds by which the extraction of this add is to be late (rules for the operation ``infer``)."""
        with self._lock:
            late = [rule for rule in self._rules if not rule.fail and rule.fits("infer", "POST", "", body)]
            return next((rule.latency_seconds for rule in late if rule.fires()), 0.0)

    def extraction_fails(self, body: dict[str, Any]) -> bool:
        """Whether the extraction of this add is to fail (rules for the operation ``infer`` with ``fail``)."""
        with self._lock:
            return any(
                rule.fires() for rule in self._rules if rule.fail and rule.fits("infer", "POST", "", body)
            )

    def describe(self) -> list[dict[str, Any]]:
        """The rules in force, with how often each matched and fired."""
        with self._lock:
            return [asdict(rule) for rule in self._rules]
