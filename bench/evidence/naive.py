"""The three naive ways to remember a call, in the same Mem0 stand-in and judged alike.

A memory for each turn, the whole session as one memory, or only what Mem0 infers: what one writes first with
Mem0's client. Each searches for the three (or five) best memories and returns them as they are.
"""

from collections.abc import Sequence

import httpx

from bench.evidence.histories import History, Session
from bench.evidence.judge import judge
from bench.evidence.play import RETURNED, WIDER, Outcome, PlayError, Progress, Stored, stand_in
from local.mem0.server import DEFAULT_KEY, Mem0StandIn

SHAPES = {
    "turn": "one memory a turn",
    "session": "the whole call as one memory",
    "inferred": "inferred facts only",
}
_PATIENCE = 300.0


def play(shape: str, histories: Sequence[History], progress: Progress) -> Outcome:
    """Remember and ask everything in the naive way `shape`, one of SHAPES."""
    with stand_in() as mem0, _client(mem0) as client:
        calls = []
        for history in histories:
            for session in history.sessions:
                messages = _messages(shape, session)
                _post(
                    client,
                    "/v3/memories/add/",
                    {
                        "messages": messages,
                        "user_id": history.number,
                        "infer": shape == "inferred",
                        "timestamp": session.start,
                    },
                )
                calls.append(Stored(session.characters, 0 if shape == "inferred" else len(messages), 0))
        mem0.settle(_PATIENCE)
        progress(f"{SHAPES[shape]}: asking")
        answers, wider = [], []
        for history in histories:
            for question in history.questions:
                asked = {
                    "query": question.text,
                    "filters": {"user_id": history.number},
                    "top_k": WIDER,
                }
                found = [row["memory"] for row in _post(client, "/v3/memories/search/", asked)["results"]]
                evidence = [history.turn(turn_id).text for turn_id in question.evidence]
                answers.append(judge(question.kind, evidence, found[:RETURNED]))
                wider.append(judge(question.kind, evidence, found))
    return Outcome(calls, answers, wider, [])


def _messages(shape: str, session: Session) -> list[dict[str, str]]:
    if shape == "session":
        names = {"user": "Caller", "agent": "Agent"}
        text = "\n".join(f"{names[turn.role]}: {turn.text}" for turn in session.turns)
        return [{"role": "user", "content": text}]
    roles = {"user": "user", "agent": "assistant"}
    return [{"role": roles[turn.role], "content": turn.text} for turn in session.turns if turn.text.strip()]


def _client(mem0: Mem0StandIn) -> httpx.Client:
    headers = {"Authorization": f"Token {DEFAULT_KEY}"}
    return httpx.Client(base_url=mem0.url, headers=headers, timeout=60, trust_env=False)


def _post(client: httpx.Client, path: str, body: dict[str, object]) -> dict[str, list[dict[str, str]]]:
    answer = client.post(path, json=body)
    if answer.status_code != httpx.codes.OK:
        raise PlayError(f"the Mem0 stand-in answered {answer.status_code} to {path}: {answer.text}")
    found: dict[str, list[dict[str, str]]] = answer.json()
    return found
