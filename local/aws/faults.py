"""Rules that make the stand-in for AWS misbehave: refused, throttled, slow, or done and never answered.

The first rule that fits a call and fires decides. Rules never change what is stored: a call that is refused
has not happened, unless the rule says `after_work`.
"""

import threading
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Rule:
    """One rule.

    Attributes:
        target: text that must be part of the call's `X-Amz-Target`, e.g. `AmazonSQS.SendMessage`, `DynamoDB`.
        contains: texts that must all be part of the call's body.
        after: let the first so many pass.
        count: fire at most so often; None for always.
        latency_seconds: wait first.
        status: answer this HTTP status ...
        code: ... with this name of an error, e.g. `ThrottlingException`.
        refuse: close the connection without a word.
        after_work: do the work first, so that it happened and nobody heard.
    """

    target: str = ""
    contains: list[str] = field(default_factory=list)
    after: int = 0
    count: int | None = None
    latency_seconds: float = 0.0
    status: int | None = None
    code: str = "InternalServerError"
    refuse: bool = False
    after_work: bool = False
    matched: int = field(default=0, init=False)
    fired: int = field(default=0, init=False)

    @property
    def replaces_answer(self) -> bool:
        """Whether the caller gets something else than the honest answer."""
        return self.refuse or self.status is not None

    def fires(self, target: str, body: bytes) -> bool:
        """Count a fitting call, and say whether the rule acts on it."""
        if (
            not target
            or self.target not in target
            or any(text.encode() not in body for text in self.contains)
        ):
            return False
        self.matched += 1
        if self.matched <= self.after or (self.count is not None and self.fired >= self.count):
            return False
        self.fired += 1
        return True


class Faults:
    """The rules in force. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []

    def replace(self, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Put `rules` in force instead of the old ones; returns them as understood.

        Raises:
            TypeError: a rule has a field that there is not.
        """
        fresh = [Rule(**rule) for rule in rules]
        with self._lock:
            self._rules = fresh
            return [asdict(rule) for rule in self._rules]

    def pick(self, target: str, body: bytes) -> Rule | None:
        """The rule that acts on this call, or None."""
        with self._lock:
            return next((rule for rule in self._rules if rule.fires(target, body)), None)

    def describe(self) -> list[dict[str, Any]]:
        """The rules in force, with how often each matched and fired."""
        with self._lock:
            return [asdict(rule) for rule in self._rules]
