"""Chooses what of Mem0's candidates the agent gets to read: few words, the right ones, none of them twice.

Mem0 ranks whole memories. What answers a question is often one turn of a passage, and which call it belongs
to shows in all that was found of that call. So the candidates are taken apart into lines, each line is
scored, and the best lines are given back call by call, in the order in which they were said. Only the order
of Mem0's scores counts, not their scale.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean, pstdev

from retrieve.languages import language
from shared.memory import EPOCH, Memory
from shared.words import terms

CANDIDATES = 100
"""How many memories one search asks Mem0 for. It is one retrieval of the plan, however many come."""
CHARACTERS = 600
"""What the agent reads at most, for each memory of the limit: three are 1,800 characters together."""
GAP = " … "

# What a line is worth beside the share of the question's words that it holds itself (at most 1). Chosen on
# some of the callers of bench/retrieval, reported on the others (docs/recall.md).
_WORDS_BEFORE = 0.5  # the words in the line before it: an answer follows its question
_PASSAGE = 0.5  # its passage is Mem0's first; less for later ones
_CALL = 0.5  # the best passage of its call is Mem0's first
_FACT = 0.15  # a fact that Mem0 found states the line
_HALVED_AT = 10  # the place among Mem0's candidates at which these are worth half
_MOST = 1 + _WORDS_BEFORE + _PASSAGE + _CALL + _FACT
_STATED = 0.8  # share of a fact's words in one line, from which on the line says it all
_FEW_WORDS = 0.2
"""Below this share of the question's words in any candidate, nothing may fit."""
_OUTSTANDING = 4.5
"""Standard deviations by which the first fact of Mem0 stands out from the others if it fits all the same."""
_ENOUGH_FACTS = 10


@dataclass(slots=True)
class _Line:
    """A turn, a fact or a summary. `place` orders the lines of a call; neighbors differ by one."""

    text: str
    place: int
    passage: float = 0.0
    fact: float = 0.0
    weight: float = 1.0
    words: frozenset[str] = frozenset()
    score: float = 0.0


@dataclass(slots=True)
class _Call:
    """What was found of one call, and its lines in the order in which they were said."""

    memories: list[Memory]
    lines: list[_Line] = field(default_factory=list)
    best: float = 0.0


def choose(query: str, found: Sequence[Memory], limit: int) -> list[Memory]:
    """What the agent is given of `found`.

    Args:
        query: what the agent looks for.
        found: Mem0's candidates.
        limit: the most memories to return.

    Returns:
        At most `limit` memories, best first, each from one call: its facts, then what was said, with `GAP`
        where something is left out. A fact is a memory of its own while there is room. Together at most
        `limit * CHARACTERS` characters; no words twice. Nothing if nothing seems to fit. Scores are 0 to 1.
    """
    if _nothing_fits(query, found):
        return []
    calls = _calls(found)
    _score(query, calls)
    ranked = sorted(((line, call) for call in calls for line in call.lines), key=lambda pair: -pair[0].score)
    chosen: dict[int, tuple[_Call, list[_Line]]] = {}
    left = limit * CHARACTERS
    seen: set[str] = set()
    for line, call in ranked:
        _, lines = chosen.get(id(call), (call, []))
        if line.text in seen or (not lines and len(chosen) == limit) or len(line.text) - len(GAP) > left:
            continue
        more = sorted([*lines, line], key=lambda one: one.place)
        cost = len(_text(more)) - len(_text(lines))
        if cost <= left:
            chosen[id(call)] = call, more
            seen.add(line.text)
            left -= cost
    memories = [_memory(call, lines) for call, lines in _apart(list(chosen.values()), limit)]
    return sorted(memories, key=lambda memory: -memory.score)


def _apart(chosen: list[tuple[_Call, list[_Line]]], limit: int) -> list[tuple[_Call, list[_Line]]]:
    """`chosen` with facts taken out of their calls, the best first, until there are `limit` parts."""
    facts = [(line, part) for part in chosen for line in part[1] if line.place < 0]
    parts = list(chosen)
    for fact, (call, lines) in sorted(facts, key=lambda pair: -pair[0].score):
        if len(parts) < limit and len(lines) > 1:
            lines.remove(fact)
            parts.append((call, [fact]))
    return parts


def _nothing_fits(query: str, found: Sequence[Memory]) -> bool:
    """Whether the question is most likely about something that was never spoken of.

    Its words are in no candidate, though it is in their language, and no fact stands out among Mem0's scores.
    """
    asked = set(terms(query))
    facts = [memory.score for memory in found if memory.kind == "fact"]
    if not asked or len(facts) < _ENOUGH_FACTS:
        return not found
    texts = [set(terms(memory.text)) for memory in found]
    weights = _weights(asked, texts)
    most = max(sum(weights[term] for term in asked & text) for text in texts) / (sum(weights.values()) or 1)
    if most >= _FEW_WORDS or _stands_out(facts):
        return False
    spoken = language(query)
    return spoken != "" and spoken == language(" ".join(memory.text for memory in found))


def _stands_out(scores: list[float]) -> bool:
    best, *others = sorted(scores, reverse=True)
    return best - fmean(others) >= _OUTSTANDING * (pstdev(others) or math.inf)


def _weights(asked: Iterable[str], texts: Sequence[Iterable[str]]) -> dict[str, float]:
    """What each word of a question tells: much if it is in few of the texts (inverse document frequency)."""
    weights = {}
    for term in asked:
        holding = sum(term in text for text in texts)
        weights[term] = math.log(1 + (len(texts) - holding + 0.5) / (holding + 0.5))
    return weights


def _calls(found: Sequence[Memory]) -> list[_Call]:
    """The candidates by the moment their call began, which all memories of a call share."""
    worth: dict[int, float] = {}
    for is_fact in (True, False):
        kind = sorted((m for m in found if (m.kind == "fact") is is_fact), key=lambda m: -m.score)
        worth |= {id(memory): _HALVED_AT / (_HALVED_AT + place) for place, memory in enumerate(kind)}
    memories: dict[object, list[Memory]] = {}
    for number, memory in enumerate(found):
        # What has no date or is no passage of ours has nothing to do with its neighbors.
        of_call = memory.created > EPOCH and (memory.kind != "passage" or memory.lines)
        memories.setdefault(memory.created if of_call else number, []).append(memory)
    return [_taken_apart(_Call(together), worth) for together in memories.values()]


def _taken_apart(call: _Call, worth: dict[int, float]) -> _Call:
    """Fill in the lines of `call`. `worth` is what a candidate's place among Mem0's is worth."""
    call.lines = list(_spoken(call, worth))
    said = [memory for memory in call.memories if memory.kind != "fact"]
    call.best = max((worth[id(memory)] for memory in said), default=0.0)
    call.lines = [*_unstated(call, worth), *call.lines]
    if not call.lines:  # nothing but the summary
        call.lines = [
            _line(memory.text, -2, worth[id(memory)], weight=0.5)
            for memory in call.memories
            if memory.kind == "summary"
        ]
    return call


def _spoken(call: _Call, worth: dict[int, float]) -> Iterator[_Line]:
    """The lines of the passages in order. What a passage repeats of the one before it is left out."""
    passages = [memory for memory in call.memories if memory.kind == "passage"]
    last: _Line | None = None
    place, previous = 0, -1
    for memory in sorted(passages, key=lambda memory: memory.place):
        lines = memory.lines or (memory.text,)
        # Passages of earlier releases have no place, and begin with the whole last line of the one before.
        in_order = (
            memory.place == previous + 1 if memory.place else last is not None and lines[0] == last.text
        )
        follows = in_order and last is not None
        place += 0 if follows else 2
        for number, text in enumerate(lines):
            if number == 0 and follows and last and _repeats(text, last.text):
                last.passage = max(last.passage, worth[id(memory)])
                continue
            last = _line(text, place, worth[id(memory)])
            place += 1
            yield last
        previous = memory.place


def _repeats(text: str, before: str) -> bool:
    """Whether a line is the one before it, or its last sentence."""
    speaker, _, words = text.partition(": ")
    return before.startswith(speaker) and before.endswith(words)


def _unstated(call: _Call, worth: dict[int, float]) -> Iterator[_Line]:
    """The facts that no line states already; each line learns how well the facts point to it."""
    facts = [memory for memory in call.memories if memory.kind == "fact"]
    for number, memory in enumerate(facts):
        fact = _line(memory.text, -2 * (len(facts) - number), 0.0)
        most = 0.0
        for line in call.lines:
            share = len(fact.words & line.words) / len(fact.words) if fact.words else 0.0
            line.fact = max(line.fact, worth[id(memory)] * share)
            most = max(most, share)
        if most < _STATED:
            fact.fact = worth[id(memory)] / 2
            yield fact


def _line(text: str, place: int, passage: float, *, weight: float = 1.0) -> _Line:
    longest = CHARACTERS - len(GAP)  # what is stored by PostCall is never cut
    text = text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
    words = text.partition(": ")[2] if place >= 0 else text
    return _Line(text, place, passage, weight=weight, words=frozenset(terms(words or text)))


def _score(query: str, calls: list[_Call]) -> None:
    """Score all lines. A word tells more the fewer lines, and the fewer calls, have it."""
    asked = set(terms(query))
    lines = _weights(asked, [line.words for call in calls for line in call.lines])
    whole = _weights(asked, [frozenset().union(*(line.words for line in call.lines)) for call in calls])
    weights = {term: lines[term] * whole[term] for term in asked}
    everything = sum(weights.values()) or 1.0
    for call in calls:
        own = {
            line.place: sum(weights[term] for term in asked & line.words) / everything for line in call.lines
        }
        for line in call.lines:
            line.score = line.weight * (
                own[line.place]
                + _WORDS_BEFORE * own.get(line.place - 1, 0.0)
                + _PASSAGE * line.passage
                + _CALL * call.best
                + _FACT * line.fact
            )


def _text(lines: Sequence[_Line]) -> str:
    """Lines of a call in their order, as they are read."""
    text = ""
    before = None
    for line in lines:
        if before is not None and line.place < 0:  # facts are sentences, and nothing is left out between
            text += " " if text[-1] in ".!?…" else ". "
        elif before is not None:
            text += " " if line.place == before + 1 else GAP
        text += line.text
        before = line.place
    return text


def _memory(call: _Call, lines: Sequence[_Line]) -> Memory:
    """One memory made of some lines of a call."""
    is_fact = all(line.place < 0 for line in lines) and any(memory.kind == "fact" for memory in call.memories)
    return Memory(
        text=_text(lines),
        type="factual" if is_fact else "semantic",
        created=call.memories[0].created,
        score=round(max(line.score for line in lines) / _MOST, 3),
        caller_name=call.memories[0].caller_name,
    )
