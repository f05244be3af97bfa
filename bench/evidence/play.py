"""Plays histories through the whole system, and asks the questions: as ElevenLabs does it, over HTTP.

Each session is a call: its signed webhook goes to PostCall, through the real queue into the stand-in for
Mem0. Then the questions go to Retrieve, and ClientData is asked once for each caller. What the functions
stored is read from the stand-in.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.evidence.histories import History, Session
from bench.evidence.judge import Answer, in_context, judge
from local.elevenlabs import CallScript, HttpClient, Turn, Webhook, encode, post_call_event
from local.mem0.server import Mem0StandIn, start
from local.memories import Memories, Memory
from local.system import LocalCredentials, System

RETURNED = 3
WIDER = 5
LONG_CALL = 2000
PATIENCE = 120.0
_POLL = 0.25
_AGENT = "agent_recall"
_LATEST_CALLS = 3

Progress = Callable[[str], None]


class PlayError(Exception):
    """The system did not do what is measured here; the message says what."""


@dataclass(frozen=True)
class Stored:
    """What one call became: characters said, word-for-word memories (summary included), inferred facts.

    `passages` are the characters of its passages.
    """

    characters: int
    semantic: int
    factual: int
    passages: int = 0


@dataclass(frozen=True)
class Outcome:
    """What playing brought.

    Attributes:
        calls: each call that was played.
        answers: to each question, with three memories.
        wider: the same with five.
        latest: for each of the latest facts, whether ClientData's context tells it.
    """

    calls: list[Stored]
    answers: list[Answer]
    wider: list[Answer]
    latest: list[bool]

    @property
    def characters(self) -> float:
        """Characters stored as passages, for each one said, in calls of 2,000 or more."""
        long = [call for call in self.calls if call.characters >= LONG_CALL]
        return sum(call.passages for call in long) / (sum(call.characters for call in long) or 1)


@contextmanager
def stand_in() -> Iterator[Mem0StandIn]:
    """An empty stand-in that goes with everything in it."""
    with tempfile.TemporaryDirectory(prefix="recall-") as folder, start(Path(folder)) as mem0:
        yield mem0


def play(histories: Sequence[History], progress: Progress) -> Outcome:
    """Play everything and ask everything.

    Raises:
        PlayError: if a call was not remembered, or a question not answered.
    """
    with stand_in() as mem0:
        keys = LocalCredentials.from_environment()
        options: dict[str, Any] = {"mem0_url": mem0.url, "credentials": keys, "throttle": False}
        with System(**options, progress=progress) as system, HttpClient() as wire:
            calls = _remember(histories, system, mem0, wire, progress)
            answers = _ask(histories, system, wire, progress)
            latest = [told for history in histories for told in _latest(history, system, wire)]
        progress(f"asking again, for {WIDER} memories")
        with System(**options, settings={"search_limit": WIDER}) as system, HttpClient() as wire:
            wider = _ask(histories, system, wire, progress)
    return Outcome(calls, answers, wider, latest)


def _remember(
    histories: Sequence[History], system: System, mem0: Mem0StandIn, wire: HttpClient, progress: Progress
) -> list[Stored]:
    webhook = Webhook(url=system.endpoints.post_call_url, key=system.endpoints.hmac_key)
    played: dict[str, Session] = {}
    for history in histories:
        progress(f"{history.name}: {len(history.sessions)} calls")
        for number, session in enumerate(history.sessions, 1):
            conversation = f"conv_{history.name}_{number}"
            event = post_call_event(_script(history, session), conversation)
            delivery = webhook.deliver(wire, encode(event))
            if not delivery.accepted:
                raise PlayError(f"PostCall did not take {conversation}: {delivery.last} {delivery.last.text}")
            played[conversation] = session
    progress("waiting until all of it is remembered")
    with Memories(system.endpoints) as remembered:
        stored = {}
        deadline = time.monotonic() + PATIENCE + len(played)
        for conversation, session in played.items():
            while not (found := remembered.of_conversation(conversation)):
                if time.monotonic() > deadline:
                    raise PlayError(
                        f"{conversation} was not remembered; the log is in {system.data_dir}/logs"
                    )
                time.sleep(_POLL)
            stored[conversation] = (session, found)
        mem0.settle(PATIENCE)
        left = {name: remembered.of_conversation(name) for name in played}
    return [_stored(session, left[name]) for name, (session, _) in stored.items()]


def _stored(session: Session, memories: Sequence[Memory]) -> Stored:
    word_for_word = [memory.text for memory in memories if memory.kind == "semantic"]
    passages = [text for text in word_for_word if " summary] " not in text[:25]]
    facts = sum(memory.kind == "factual" for memory in memories)
    return Stored(session.characters, len(word_for_word), facts, sum(map(len, passages)))


def _script(history: History, session: Session) -> CallScript:
    turns = tuple(
        Turn(role="user" if turn.role == "user" else "agent", message=turn.text) for turn in session.turns
    )
    return CallScript(
        kind="phone",
        start=session.start,
        turns=turns,
        caller_id=history.number,
        agent_id=_AGENT,
        summary=session.summary or None,
    )


def _ask(histories: Sequence[History], system: System, wire: HttpClient, progress: Progress) -> list[Answer]:
    answers = []
    for history in histories:
        progress(f"{history.name}: {len(history.questions)} questions")
        for question in history.questions:
            body = json.dumps({"query": question.text, "user_id": history.number}).encode()
            reply = wire.post(system.endpoints.retrieve_url, body, {}, timeout=30)
            if reply.status != 200:  # noqa: PLR2004
                raise PlayError(f"Retrieve answered {reply} to {question.text!r}: {reply.text}")
            memories = [found["memory"] for found in json.loads(reply.text)["memories"]]
            evidence = [history.turn(dia_id) for dia_id in question.evidence]
            by_agent = bool(evidence) and all(turn.role == "agent" for turn in evidence)
            texts = [turn.text for turn in evidence]
            answers.append(judge(question.kind, texts, memories, by_agent=by_agent))
    return answers


def _latest(history: History, system: System, wire: HttpClient) -> list[bool]:
    """Whether the context tells what the caller said last of what anybody asks about."""
    newest = history.sessions[-_LATEST_CALLS:]
    asked = {dia_id for question in history.questions for dia_id in question.evidence}
    facts = [
        turn for session in newest for turn in session.turns if turn.role == "user" and turn.dia_id in asked
    ]
    asking = {
        "caller_id": history.number,
        "agent_id": _AGENT,
        "called_number": "+16515550100",
        "call_sid": "CA0",
    }
    key = {"X-Workspace-Key": system.endpoints.workspace_key}
    body = json.dumps(asking).encode()
    reply = wire.post(system.endpoints.client_data_url, body, key, timeout=30)
    if reply.status != 200:  # noqa: PLR2004
        raise PlayError(f"ClientData answered {reply}: {reply.text}")
    context = json.loads(reply.text)["dynamic_variables"]["memory_context"]
    return [in_context(context, turn.text) for turn in facts]
