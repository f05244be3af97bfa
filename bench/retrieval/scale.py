"""How fast the stand-in searches when it holds 50,000 memories of 500 callers.

The memories are passages made of turns of the histories, mixed by a fixed seed, so that words are as common
as in real talk. Searches go over HTTP, one after the other, each for a caller's whole set of candidates.
"""

import random
import time
from collections.abc import Sequence

from bench.common.rig import Progress, mem0_client, stand_in
from bench.retrieval.histories import History

MEMORIES = 50_000
CALLERS = 500
SEARCHES = 500
CANDIDATES = 100
TARGET = 50.0
_TURNS = 5
_BATCH = 50


def measure(
    histories: Sequence[History], progress: Progress, *, memories: int = MEMORIES, callers: int = CALLERS
) -> list[float]:
    """Fill a stand-in and search it; milliseconds of the searches over HTTP."""
    rng = random.Random(5)  # noqa: S311 - reproducible, not secret
    turns = [turn.text for history in histories for session in history.sessions for turn in session.turns]
    questions = [question.text for history in histories for question in history.questions]
    with stand_in() as mem0, mem0_client(mem0.url) as client:
        for number in range(0, memories, _BATCH):
            texts = ["\n".join(rng.sample(turns, _TURNS)) for _ in range(min(_BATCH, memories - number))]
            body = {
                "messages": [{"role": "user", "content": text} for text in texts],
                "user_id": _caller(number // _BATCH % callers),
                "infer": False,
            }
            client.post("/v3/memories/add/", json=body).raise_for_status()
            if number % (memories // 10 or 1) < _BATCH:
                progress(f"{number} of {memories} memories stored")
        times = []
        for _ in range(SEARCHES):
            asked = {
                "query": rng.choice(questions),
                "filters": {"user_id": _caller(rng.randrange(callers))},
                "top_k": CANDIDATES,
            }
            began = time.perf_counter()
            client.post("/v3/memories/search/", json=asked).raise_for_status()
            times.append((time.perf_counter() - began) * 1000)
    return times


def _caller(number: int) -> str:
    return f"+1612555{number:04}"
