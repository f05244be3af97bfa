"""A caller: what is remembered, and what the functions would answer now, by their own code."""

import datetime as dt
import functools
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ops.callers import identify
from ops.calls.explanation import in_order
from ops.calls.sources import PAGE_SIZE, Sources, StoredMemory
from ops.errors import OperatorError
from retrieve import ranking
from shared.http import Handler
from shared.memory import FACTUAL, Memory, newest_name, of_one_person

_OK = 200


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """What is remembered of a caller: a page of it, how many memories there are, and on how many pages."""

    memories: Sequence[StoredMemory]
    count: int
    pages: int


@dataclass(frozen=True, kw_only=True)
class ToldNow:
    """What ClientData answers.

    Attributes:
        prompt: the agent's whole prompt; empty with `prompt_mode` variable.
        variables: the dynamic variables, by name; secrets left out.
    """

    prompt: str
    variables: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One memory of Retrieve's answer: `factual` or `semantic`, its day, and its score from 0 to 1."""

    text: str
    type: str
    date: str
    score: float


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A memory that Mem0 offered.

    Attributes:
        memory: with its score.
        chosen: whether the answer is made of it.
        reason: why, or why not.
    """

    memory: StoredMemory
    chosen: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class LookedUp:
    """A look-up done again.

    Attributes:
        query: what was looked for.
        as_of: when; memories may have been others at the time of the call.
        answers: what Retrieve answers, best first.
        candidates: what Mem0 offers, best first.
    """

    query: str
    as_of: dt.datetime
    answers: Sequence[Answer]
    candidates: Sequence[Candidate]


def caller(sources: Sources, user_id: str, page: int = 1) -> Remembered:
    """A page (from 1) of what is remembered of a caller, newest call first, in a call facts first.

    Raises:
        OperatorError: if Mem0 cannot be read, or the id names no caller.
    """
    found, count = sources.newest(identify(sources.deployment, user_id), page)
    found.sort(key=in_order)
    found.sort(key=lambda memory: memory.created, reverse=True)
    return Remembered(memories=found, count=count, pages=max(1, -(-count // PAGE_SIZE)))


def told_now(sources: Sources, user_id: str, agent_id: str = "") -> ToldNow:
    """What an agent would be told if this caller rang now, by ClientData's own code.

    Raises:
        OperatorError: if it would fail; the message is ClientData's.
    """
    body = {"caller_id": identify(sources.deployment, user_id), "agent_id": agent_id}
    answer = _answer(sources, "client_data", body)
    override = answer.get("conversation_config_override", {}).get("agent", {}).get("prompt", {})
    variables = answer["dynamic_variables"]
    return ToldNow(
        prompt=override.get("prompt", ""),
        variables={name: value for name, value in variables.items() if not name.startswith("secret__")},
    )


def search(sources: Sources, user_id: str, query: str) -> list[Answer]:
    """What Retrieve would answer now, by its own code.

    Raises:
        OperatorError: if it would fail; the message is Retrieve's.
    """
    answer = _answer(sources, "retrieve", {"user_id": identify(sources.deployment, user_id), "query": query})
    return [
        Answer(text=item["memory"], type=item["type"], date=item["date"], score=item["score"])
        for item in answer["memories"]
    ]


def look_up(sources: Sources, user_id: str, query: str) -> LookedUp:
    """What Mem0 would offer now, what Retrieve would choose of it, and why not the rest.

    Raises:
        OperatorError: if Mem0 cannot be searched.
    """
    as_of = dt.datetime.now(dt.UTC)
    caller_id = identify(sources.deployment, user_id)
    found = sources.search(caller_id, query, ranking.CANDIDATES)
    offered = [candidate.memory for candidate in found]
    name = newest_name(offered)
    if name and len(found) == ranking.CANDIDATES:  # as Retrieve does: there may be a newer name
        name = newest_name(stored.memory for stored in sources.newest(caller_id, 1)[0]) or name
    attribute = sources.environment.memories_of_others == "attribute"
    own = of_one_person(offered, attribute=attribute, caller=name)
    chosen = ranking.choose(query, own, sources.environment.search_limit)
    own_texts = {memory.text for memory in own}

    def judged(candidate: StoredMemory) -> Candidate:
        if not attribute and candidate.text not in own_texts:
            return Candidate(memory=candidate, chosen=False, reason="another person called from this number")
        return _judged(candidate, chosen)

    return LookedUp(
        query=query,
        as_of=as_of,
        answers=[
            Answer(text=memory.text, type=memory.type, date=memory.date, score=memory.score)
            for memory in chosen
        ],
        candidates=[judged(candidate) for candidate in found],
    )


def _judged(candidate: StoredMemory, chosen: Sequence[Memory]) -> Candidate:
    """Whether a candidate is in the answer, told by its words: an answer is put together of several."""
    same_call = [memory for memory in chosen if memory.created == candidate.created]
    pieces = candidate.memory.lines or (candidate.text,)
    longest = ranking.CHARACTERS - len(ranking.GAP) - 1
    holding = [
        memory for memory in same_call if any(piece[:longest].rstrip() in memory.text for piece in pieces)
    ]
    if any(candidate.kind != "fact" or memory.type == FACTUAL for memory in holding):
        return Candidate(memory=candidate, chosen=True, reason="its words fit the question best")
    if holding:
        reason = "what was said, which was chosen, says it already"
    elif same_call:
        reason = "other words of the same call fit better, or say the same"
    elif chosen:
        reason = f"other calls fit better; {len(chosen)} were chosen"
    else:
        reason = "nothing was chosen"
    return Candidate(memory=candidate, chosen=False, reason=reason)


def _answer(sources: Sources, function: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """What a function would answer to `body`."""
    keys = sources.variables["ELEVENLABS_WORKSPACE_KEY"]
    key = json.loads(keys)[0] if keys.startswith("[") else keys
    event = {"headers": {"x-workspace-key": key}, "body": json.dumps(body)}
    response = _handler(sources, function)(event, None)
    answer: dict[str, Any] = json.loads(response["body"])
    if response["statusCode"] != _OK:
        raise OperatorError(f"the function would answer {response['statusCode']}: {answer.get('error')}")
    return answer


@functools.lru_cache(maxsize=8)
def _handler(sources: Sources, function: str) -> Handler:
    """A function's own handler, without Retrieve's demand for a call's token: there is no call."""
    # A handler's module connects to Mem0 while it is imported: to this stage's, then.
    os.environ.setdefault("MEM0_HOST", sources.environment.mem0_host)
    handler: Handler = import_module(f"{function}.handler").build(
        {**sources.variables, "RETRIEVE_AUTH": "none"}
    )
    return handler
