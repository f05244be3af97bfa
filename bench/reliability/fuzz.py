"""Fuzzing: hypothesis over events, headers and bodies of all three handlers, in this process.

What the handlers talk to is obedient and in memory here: Mem0 knows nobody, the queue takes everything. So
each 5xx is ours, and each id that reaches Mem0 can be looked at. `tests/unit/test_fuzz.py` runs a part of it.
"""

import importlib
import json
import logging
import os
import re
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, given, settings

from bench.reliability.fuzz_inputs import HANDLERS, KEYS, inputs
from bench.reliability.report import Section
from bench.reliability.rig import Progress

_CALLER = re.compile(r"\+[1-9][0-9]{6,14}|[A-Za-z0-9][A-Za-z0-9._:@+\-]{0,127}")
_TRACE = ("Traceback", 'File "', "Error(", "line ")
_HTTP = range(200, 600)
_RUNS = 10


class Handlers:
    """The three handlers, imported anew, talking to nobody."""

    def __init__(self) -> None:
        self.statuses: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()
        self._modules = {name: importlib.import_module(name) for name in HANDLERS}

    def try_one(self, name: str, event: dict[str, Any]) -> None:
        """Give an event to a handler.

        Raises:
            AssertionError: the answer is not one that a sender may get; other exceptions are the handler's.
        """
        answer = self._modules[name].lambda_handler(event, None)
        if "batchItemFailures" in answer:
            self.statuses["a batch"] += 1
            return
        status, body = answer["statusCode"], answer["body"]
        if status not in _HTTP or not isinstance(json.loads(body), dict):
            raise AssertionError(f"{name} answered {status} {body[:200]!r}")
        if status >= 500 or any(sign in body for sign in _TRACE):  # noqa: PLR2004 - HTTP's
            raise AssertionError(f"{name} answered {status} {body[:200]!r} to {str(event)[:500]}")
        self.statuses[str(status)] += 1

    def note_id(self, user_id: object) -> None:
        """Take note of an id that reaches Mem0."""
        if not isinstance(user_id, str) or not _CALLER.fullmatch(user_id):
            raise AssertionError(f"the id {user_id!r} reached Mem0")
        self.ids[user_id] += 1


@contextmanager
def handlers(folder: Path) -> Iterator[Handlers]:
    """Handlers in an environment of their own; `folder` is where Mem0's library may write."""
    environment = {
        **KEYS,
        "MEM0_DIR": str(folder),
        "MEM0_TELEMETRY": "False",
        "MEM0_HOST": "http://127.0.0.1:9",
    }
    environment |= {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "LEDGER_TABLE": "t"}
    before = {name: module for name, module in sys.modules.items() if _is_ours(name)}
    with patch.dict(os.environ, environment):
        for name in before:
            del sys.modules[name]
        logging.disable()
        try:
            made = Handlers()
            with _obedient(made):
                yield made
        finally:
            for name in [name for name in sys.modules if _is_ours(name)]:
                del sys.modules[name]
            sys.modules.update(before)
            logging.disable(logging.NOTSET)


@contextmanager
def _obedient(made: Handlers) -> Iterator[None]:
    aws, mem0 = sys.modules["shared.aws"], sys.modules["shared.mem0"]
    nothing = _nothing_known(mem0, made)
    answer: dict[str, Any] = {}
    with patch.object(aws, "call", lambda *_arguments: answer), patch.multiple(mem0.Mem0, **nothing):
        yield


def _nothing_known(mem0: ModuleType, made: Handlers) -> dict[str, Any]:
    """Mem0's methods, each of which notes whom it was asked for."""

    def noting(answer: object) -> Any:
        def method(_self: object, user_id: object, *_arguments: object, **_named: object) -> object:
            made.note_id(user_id)
            return answer

        return method

    answers = {"all_memories": ([], 0), "search": [], "has": False, "add": None}
    return {name: noting(answer) for name, answer in answers.items() if hasattr(mem0.Mem0, name)}


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] in {"shared", "client_data", "retrieve", "post_call"}


def fuzz(made: Handlers, count: int) -> None:
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
        made.try_one(*case)

    one()


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a run of so many inputs found: answers by status, ids that reached Mem0, and what was wrong."""

    statuses: Counter[str]
    ids: int
    problem: str = ""
    trace: str = ""


def fuzz_by_itself(count: int) -> Found:
    """Try so many inputs in a process of their own."""
    problem = trace = ""
    with handlers(Path(".cache") / "fuzz") as made:
        try:
            fuzz(made, count)
        except Exception as error:  # noqa: BLE001 - whatever a handler raised is what is looked for
            problem = f"{type(error).__name__}: {error}"[:500]
            trace = traceback.format_exc()
        return Found(statuses=made.statuses, ids=made.ids.total(), problem=problem, trace=trace)


def _undisturbed() -> None:
    """A Ctrl-C is for the process that started this one, which ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def run(progress: Progress, inputs: int = 20_000) -> Section:  # noqa: A002, F811, RUF100 - the option's name
    """Fuzz all three handlers, on all cores."""
    section = Section(
        key="fuzz",
        title="Fuzzing",
        about=(
            "Events, headers and bodies from nearly right to anything at all, half of them with the right key"
            " and signature. Wrong would be: an exception, a stack trace in a body, a 5xx, or an id at Mem0"
            f" that is not a plain, checked string. In {_RUNS} runs, each with dice of its own."
        ),
    )
    statuses: Counter[str] = Counter()
    ids, problem = 0, ""
    with get_context("spawn").Pool(os.cpu_count(), _undisturbed) as processes:
        for found in processes.imap_unordered(fuzz_by_itself, [-(-inputs // _RUNS)] * _RUNS):
            statuses += found.statuses
            ids += found.ids
            problem = problem or found.problem
            progress(f"fuzz: {statuses.total()} inputs{f': {found.trace}' if found.trace else ''}")
    section.add(
        "all three handlers",
        {"inputs": statuses.total(), **dict(sorted(statuses.items())), "reached Mem0": ids},
        passed=not problem and statuses.total() >= inputs,
        remark=problem,
    )
    return section
