"""Fuzzing: hypothesis over events, headers and bodies of all three handlers, in this process.

What the handlers talk to is obedient and in memory: Mem0 knows no caller, the queue takes everything. So each
5xx is ours, and each id that reaches Mem0 can be looked at.
"""

import importlib
import json
import logging
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, given, settings

from shared.aws import AwsClient
from shared.mem0.store import Added, MemoryStore
from tests.unit.fuzz_inputs import FUNCTIONS, KEYS, inputs

_CALLER = re.compile(r"\+[1-9][0-9]{6,14}|[A-Za-z0-9][A-Za-z0-9._:@+\-]{0,127}")
_TRACE = ("Traceback", 'File "', "Error(", "line ")
_HTTP = range(200, 600)
_ENVIRONMENT = {
    **KEYS,
    "MEM0_HOST": "http://127.0.0.1:9",
    "AWS_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "LEDGER_TABLE": "t",
}
# Mem0's answers, by the store's operation.
_NOTHING_KNOWN = {
    "all_memories": ([], 0),
    "search": [],
    "has": False,
    "find_event": "",
    "add": Added(done=True),
}


class Fuzzed:
    """The three handlers, talking to obedient services, and what was seen of them."""

    def __init__(self) -> None:
        self.statuses: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()
        self._handlers = {
            name: importlib.import_module(f"{name}.handler").build(_ENVIRONMENT) for name in FUNCTIONS
        }

    def try_one(self, function: str, event: dict[str, Any]) -> None:
        """Give an event to a handler.

        Raises:
            AssertionError: the answer is not one that a sender may get; other exceptions are the handler's.
        """
        answer = self._handlers[function](event, None)
        if "batchItemFailures" in answer:
            self.statuses["a batch"] += 1
            return
        status, body = answer["statusCode"], answer["body"]
        if status not in _HTTP or not isinstance(json.loads(body), dict):
            raise AssertionError(f"{function} answered {status} {body[:200]!r}")
        if status >= 500 or any(sign in body for sign in _TRACE):
            raise AssertionError(f"{function} answered {status} {body[:200]!r} to {str(event)[:500]}")
        self.statuses[str(status)] += 1

    def note_id(self, user_id: object) -> None:
        """Take note of an id that reaches Mem0."""
        if not isinstance(user_id, str) or not _CALLER.fullmatch(user_id):
            raise AssertionError(f"the id {user_id!r} reached Mem0")
        self.ids[user_id] += 1


@contextmanager
def handlers() -> Iterator[Fuzzed]:
    """Handlers whose services are obedient while the block lasts."""
    logging.disable()
    try:
        fuzzed = Fuzzed()
        operations = {name: _noting(fuzzed, answer) for name, answer in _NOTHING_KNOWN.items()}
        with patch.object(AwsClient, "call", lambda *_: {}), patch.multiple(MemoryStore, **operations):
            yield fuzzed
    finally:
        logging.disable(logging.NOTSET)


def _noting(fuzzed: Fuzzed, answer: object) -> Any:
    """An operation of the store that notes whom it was asked for."""

    def operation(_self: object, user_id: object, *_arguments: object, **_named: object) -> object:
        fuzzed.note_id(user_id)
        return answer

    return operation


def fuzz(fuzzed: Fuzzed, count: int) -> None:
    """Try so many inputs.

    Raises:
        AssertionError or whatever a handler raised: for the smallest input that hypothesis can find.
    """

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs())
    def one(case: tuple[str, dict[str, Any]]) -> None:
        fuzzed.try_one(*case)

    one()
