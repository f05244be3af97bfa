"""Fuzzing: hypothesis over events, headers and bodies of all three handlers, in this process.

What the handlers talk to is obedient and in memory here: Mem0 knows nobody, the queue takes everything. So
each 5xx is ours, and each id that reaches Mem0 can be looked at. `tests/unit/test_fuzz.py` runs a part of it.
"""

import base64
import importlib
import json
import logging
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bench.reliability.report import Section
from bench.reliability.rig import Progress
from local.elevenlabs import sign

KEYS = {
    "MEM0_API_KEY": "local-mem0-key",
    "MEM0_ORG_ID": "",
    "MEM0_PROJECT_ID": "",
    "ELEVENLABS_WORKSPACE_KEY": "local-workspace-key",
    "ELEVENLABS_HMAC_KEY": "local-hmac-key",
}
HANDLERS = ("client_data.handler", "retrieve.handler", "post_call.handler")
_CALLER = re.compile(r"\+[1-9][0-9]{6,14}|[A-Za-z0-9][A-Za-z0-9._:@+\-]{0,127}")
_TRACE = ("Traceback", 'File "', "Error(", "line ")
_HTTP = range(200, 600)

_text = st.text(max_size=40) | st.sampled_from(["", "*", "+16125550142", "anonymous", "\x00", "{{x}}"])
_scalar = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | _text
_json = st.recursive(
    _scalar,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def _one_wrong(draw: st.DrawFn, right: Mapping[str, Any]) -> dict[str, Any]:
    """An object that is right (its values may be strategies), but for up to two fields."""
    wrong = draw(st.sets(st.sampled_from(sorted(right)), max_size=2))
    made: dict[str, Any] = {}
    for name, value in right.items():
        if name not in wrong:
            made[name] = draw(value) if isinstance(value, st.SearchStrategy) else value
        elif draw(st.booleans()):
            made[name] = draw(_json)
    return made


_turn = _one_wrong({"role": "user", "message": "Hello.", "multivoice_message": {"parts": [{"text": "Hi"}]}})
_data = _one_wrong(
    {
        "conversation_id": "conv_1",
        "agent_id": "a",
        "user_id": None,
        "transcript": st.lists(_turn | _json, max_size=4),
        "metadata": _one_wrong(
            {
                "phone_call": _one_wrong({"external_number": "+16125550142", "type": "twilio"}),
                "start_time_unix_secs": 1_780_000_000,
            }
        ),
        "analysis": _one_wrong({"transcript_summary": "A call.", "data_collection_results": {}}),
        "conversation_initiation_client_data": _one_wrong({"dynamic_variables": {}}),
    }
)
_envelope = _one_wrong({"type": "post_call_transcription", "event_timestamp": 1_780_000_000, "data": _data})
_bodies = {
    "client_data.handler": _one_wrong(
        {"caller_id": "+16125550142", "agent_id": "a", "called_number": "+16125550100", "call_sid": "CA1"}
    ),
    "retrieve.handler": _one_wrong({"user_id": "+16125550142", "query": "dog", "parameters": {"query": "x"}}),
    "post_call.handler": _envelope | st.lists(_envelope, max_size=2),
}
_headers = st.dictionaries(
    st.sampled_from(["x-workspace-key", "ElevenLabs-Signature", "x-memory-token", "host"]) | _text,
    _scalar,
    max_size=4,
)


# A batch is always shaped like one, because only SQS makes it; what stands in it may be anything.
_record = _one_wrong(
    {
        "conversation_id": "conv_1",
        "agent_id": "a",
        "user_id": "+16125550142",
        "call_start": 1_780_000_000,
        "turns": [["user", "Hello."]],
        "summary": "",
        "collected": {},
        "part": 1,
        "parts": 1,
    }
)
_message = st.fixed_dictionaries(
    {
        "messageId": _text,
        "receiptHandle": _text,
        "body": (_record | _json).map(json.dumps) | _text,
        "attributes": st.just({"MessageGroupId": "g", "ApproximateReceiveCount": "1"}),
    }
)


@st.composite
def inputs(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A handler's name and an event for it: from nearly right to anything at all."""
    handler = draw(st.sampled_from(HANDLERS))
    chosen = draw(st.integers(0, 9))
    if chosen == 0:
        return handler, draw(st.dictionaries(_text | st.sampled_from(["body", "headers"]), _json, max_size=4))
    if chosen == 1:
        return "post_call.handler", {"Records": draw(st.lists(_message, max_size=3))}
    raw = (
        draw(st.binary(max_size=60))
        if draw(st.integers(0, 5)) == 0
        else _dumped(draw(_bodies[handler] | _json))
    )
    headers = draw(_headers)
    if draw(st.booleans()):
        headers |= {"x-workspace-key": KEYS["ELEVENLABS_WORKSPACE_KEY"]}
        headers |= {"elevenlabs-signature": sign(raw, KEYS["ELEVENLABS_HMAC_KEY"], _now())}
    event: dict[str, Any] = {
        "version": "2.0",
        "requestContext": {"http": {"method": "POST"}},
        "headers": headers,
    }
    if draw(st.booleans()):
        return handler, event | {"body": base64.b64encode(raw).decode(), "isBase64Encoded": True}
    return handler, event | {"body": raw.decode("utf-8", "surrogateescape"), "isBase64Encoded": False}


def _dumped(value: object) -> bytes:
    return json.dumps(value).encode()


def _now() -> int:
    return int(time.time())


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
        try:
            made = Handlers()
            logging.getLogger("agentic_memory").setLevel(logging.CRITICAL)
            with _obedient(made):
                yield made
        finally:
            for name in [name for name in sys.modules if _is_ours(name)]:
                del sys.modules[name]
            sys.modules.update(before)
            logging.getLogger("agentic_memory").setLevel(logging.INFO)


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


def run(progress: Progress, inputs: int = 21_000) -> Section:  # noqa: A002, F811, RUF100 - the option's name
    """Fuzz all three handlers."""
    section = Section(
        key="fuzz",
        title="Fuzzing",
        about=(
            "Events, headers and bodies from nearly right to anything at all, half of them with the right key"
            " and signature. Wrong would be: an exception, a stack trace in a body, a 5xx, or an id at Mem0"
            " that is not a plain, checked string."
        ),
    )
    with handlers(Path(".cache") / "fuzz") as made:
        try:
            fuzz(made, inputs)
            problem = ""
        except Exception as error:  # noqa: BLE001 - whatever a handler raised is what is looked for
            problem = f"{type(error).__name__}: {error}"[:500]
        progress(f"fuzz: {sum(made.statuses.values())} inputs")
        figures = {"inputs": sum(made.statuses.values())}
        figures |= dict(sorted(made.statuses.items()))
        section.add(
            "all three handlers",
            {**figures, "reached Mem0": sum(made.ids.values())},
            passed=not problem,
            remark=problem,
        )
    return section
