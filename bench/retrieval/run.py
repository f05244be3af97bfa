"""Runs histories through the whole system, and asks the questions: as ElevenLabs does it, over HTTP.

Each session is a call: its signed webhook goes to PostCall, through the real queue into the stand-in for
Mem0. Then the questions go to Retrieve, and ClientData is asked once for each caller. What the functions
stored is read from the stand-in.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.common.calls import make_call
from bench.common.command import MeasureError
from bench.common.rig import Progress, Rig, stand_in
from bench.retrieval.histories import History, Session
from bench.retrieval.score import Answer, in_context, score
from local.elevenlabs import Reply
from local.mem0.server import Mem0StandIn
from local.memories import Memories, Memory
from local.system import LocalCredentials

RETURNED = 3
WIDER = 5
LONG_CALL = 2000
PATIENCE = 120.0
_POLL = 0.25
_LATEST_CALLS = 3
_OK = 200


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
class Results:
    """What a run brought.

    Attributes:
        calls: what became of each call.
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


def run(histories: Sequence[History], progress: Progress) -> Results:
    """Remember all calls and ask all questions.

    Raises:
        MeasureError: a call was not remembered, or a question not answered.
    """
    keys = LocalCredentials.from_environment()
    with stand_in() as mem0:
        with Rig(progress, mem0_url=mem0.url, credentials=keys) as rig:
            calls = _remember(histories, rig, mem0)
            answers = _ask(histories, rig)
            latest = [told for history in histories for told in _latest(history, rig)]
        progress(f"asking again, for {WIDER} memories")
        with Rig(mem0_url=mem0.url, credentials=keys, settings={"search_limit": WIDER}) as rig:
            wider = _ask(histories, rig)
    return Results(calls, answers, wider, latest)


def _remember(histories: Sequence[History], rig: Rig, mem0: Mem0StandIn) -> list[Stored]:
    sent: dict[str, Session] = {}
    for history in histories:
        rig.progress(f"{history.name}: {len(history.sessions)} calls")
        for number, session in enumerate(history.sessions, 1):
            call = make_call(
                history.number,
                conversation_id=f"conv_{history.name}_{number}",
                start=session.start,
                turns=[{"role": turn.role, "message": turn.text} for turn in session.turns],
                summary=session.summary or None,
            )
            delivery = rig.post(call.body)
            if not delivery.accepted:
                words = f"{delivery.last} {delivery.last.text}"
                raise MeasureError(f"PostCall did not take {call.conversation_id}: {words}")
            sent[call.conversation_id] = session
    rig.progress("waiting until all of it is remembered")
    with Memories(rig.system.endpoints) as remembered:
        deadline = time.monotonic() + PATIENCE + len(sent)
        for conversation in sent:
            while not remembered.of_conversation(conversation):
                if time.monotonic() > deadline:
                    log = rig.system.data_dir / "logs"
                    raise MeasureError(f"{conversation} was not remembered; the log is in {log}")
                time.sleep(_POLL)
        mem0.settle(PATIENCE)
        return [_stored(session, remembered.of_conversation(name)) for name, session in sent.items()]


def _stored(session: Session, memories: Sequence[Memory]) -> Stored:
    word_for_word = [memory.text for memory in memories if memory.kind == "semantic"]
    passages = [text for text in word_for_word if " summary] " not in text[:25]]
    facts = sum(memory.kind == "factual" for memory in memories)
    return Stored(session.characters, len(word_for_word), facts, sum(map(len, passages)))


def _ask(histories: Sequence[History], rig: Rig) -> list[Answer]:
    answers = []
    for history in histories:
        rig.progress(f"{history.name}: {len(history.questions)} questions")
        for question in history.questions:
            reply = _answered(rig.retrieve(history.number, question.text), f"Retrieve to {question.text!r}")
            memories = [found["memory"] for found in json.loads(reply.text)["memories"]]
            evidence = [history.turn(dia_id) for dia_id in question.evidence]
            by_agent = bool(evidence) and all(turn.role == "agent" for turn in evidence)
            texts = [turn.text for turn in evidence]
            answers.append(score(question.kind, texts, memories, by_agent=by_agent))
    return answers


def _latest(history: History, rig: Rig) -> list[bool]:
    """Whether the context tells what the caller said last of what anybody asks about."""
    newest = history.sessions[-_LATEST_CALLS:]
    asked = {dia_id for question in history.questions for dia_id in question.evidence}
    facts = [
        turn for session in newest for turn in session.turns if turn.role == "user" and turn.dia_id in asked
    ]
    reply = _answered(rig.look_up(history.number), "ClientData")
    context = json.loads(reply.text)["dynamic_variables"]["memory_context"]
    return [in_context(context, turn.text) for turn in facts]


def _answered(reply: Reply, what: str) -> Reply:
    if reply.status != _OK:
        raise MeasureError(f"{what} answered {reply}: {reply.text}")
    return reply
