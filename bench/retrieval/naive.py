"""The three naive ways to remember a call, in the same Mem0 stand-in and scored alike.

A memory for each turn, the whole session as one memory, or only what Mem0 infers: what one writes first with
Mem0's client. Each searches for the three (or five) best memories and returns them as they are.
"""

from collections.abc import Sequence
from typing import Any

from bench.common.rig import Progress, mem0_client, stand_in
from bench.retrieval.histories import History, Session
from bench.retrieval.run import RETURNED, WIDER, Results, Stored
from bench.retrieval.score import score

SHAPES = {
    "turn": "one memory a turn",
    "session": "the whole call as one memory",
    "inferred": "inferred facts only",
}
_PATIENCE = 300.0


def run(shape: str, histories: Sequence[History], progress: Progress) -> Results:
    """Remember and ask everything in the naive way `shape`, one of SHAPES."""
    infer = shape == "inferred"
    with stand_in() as mem0, mem0_client(mem0.url) as client:

        def post(path: str, **body: object) -> Any:
            return client.post(f"/v3/memories/{path}/", json=body).raise_for_status().json()

        calls = []
        for history in histories:
            for session in history.sessions:
                said = _messages(shape, session)
                post("add", messages=said, user_id=history.number, infer=infer, timestamp=session.start)
                calls.append(Stored(session.characters, 0 if infer else len(said), 0))
        mem0.settle(_PATIENCE)
        progress(f"{SHAPES[shape]}: asking")
        answers, wider = [], []
        for history in histories:
            for question in history.questions:
                filters = {"user_id": history.number}
                rows = post("search", query=question.text, filters=filters, top_k=WIDER)["results"]
                found = [row["memory"] for row in rows]
                evidence = [history.turn(turn_id).text for turn_id in question.evidence]
                answers.append(score(question.kind, evidence, found[:RETURNED]))
                wider.append(score(question.kind, evidence, found))
    return Results(calls, answers, wider, [])


def _messages(shape: str, session: Session) -> list[dict[str, str]]:
    if shape == "session":
        names = {"user": "Caller", "agent": "Agent"}
        text = "\n".join(f"{names[turn.role]}: {turn.text}" for turn in session.turns)
        return [{"role": "user", "content": text}]
    roles = {"user": "user", "agent": "assistant"}
    return [{"role": roles[turn.role], "content": turn.text} for turn in session.turns if turn.text.strip()]
