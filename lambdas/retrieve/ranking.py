"""Chooses what of Mem0's candidates the agent gets to read: few words, the right ones, none of them twice.

Mem0 ranks whole memories. What answers a question is often one turn of a passage, and which call it belongs
to is told by all that was found of that call. So the candidates are taken apart into turns, each turn is
scored by its own words, its neighbours, its passage, its call and the facts that were inferred from it, and
the best turns are given back call by call, put together where they are neighbours.

It refuses to know how Mem0 scores: only the order of magnitude within one answer counts. It calls nobody.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from retrieve.words import terms
from shared.memory import EPOCH, FACTUAL, SEMANTIC, Memory

CANDIDATES = 100
"""How many memories one search asks Mem0 for. It is one retrieval of the plan, however many come."""
CHARACTERS = 600
"""What the agent reads at most, for each memory of the limit: three are 1,800 characters together."""
LONGEST = 1200
"""Characters of one memory at most: one call may say more if the others say less."""
GAP = " … "
_ORDINARY_TURN = 12  # telling words
_SATURATION = 1.0
_BY_LENGTH = 0.3

# What a turn is worth, chosen on all callers of bench/evidence: other data may differ by a few points. The
# optimum is flat, so the weights are round. A turn that answers follows the one with the question's words.
_OWN_WORDS = 1.5
_WORDS_BEFORE = 0.5
_WORDS_AFTER = 0.25
_PASSAGE = 1.0
_CALL = 0.3
_FIRST_CALL = 0.3  # for the call of Mem0's best passage; half for the next call, a third for the third
_CALLER = 0.15  # what the caller said is what the agent is asked about
_FACT = 0.5
_UNSTATED = -0.5  # a fact that no turn states: a whole memory's score, but it is not what was said
_STATED = 0.8  # share of a fact's words in one turn, from which on the turn says it all


@dataclass
class _Line:
    """A turn, a fact or a summary. `place` orders the lines of a call; neighbours differ by one."""

    text: str
    place: int
    passage: float
    terms: list[str] = field(init=False)
    words: set[str] = field(init=False)
    fact: float = 0.0
    score: float = 0.0

    def __post_init__(self) -> None:
        self.terms = terms(self.text)
        self.words = set(self.terms)


@dataclass
class _Call:
    """What was found of one call: its memories, and their lines in the order in which they will be read."""

    memories: list[Memory]
    lines: list[_Line] = field(default_factory=list)


def choose(query: str, found: Sequence[Memory], limit: int) -> list[Memory]:
    """What the agent is given of `found`.

    Args:
        query: what the agent looks for.
        found: Mem0's candidates, best first.
        limit: the most memories to return.

    Returns:
        At most `limit` memories, best first, each from one call: its facts, then what was said, with `GAP`
        where something is left out. Together at most `limit * CHARACTERS` characters, each at most `LONGEST`;
        no words twice. A memory's score is the best of the candidates that it is made of.
    """
    calls = _calls(found)
    _score(query, calls)
    ranked = sorted(
        ((line, call) for call in calls for line in call.lines), key=lambda each: each[0].score, reverse=True
    )
    chosen: dict[int, list[_Line]] = {}
    lengths: dict[int, int] = {}
    left = limit * CHARACTERS
    told: set[str] = set()
    for line, call in ranked:
        lines = chosen.get(id(call), [])
        if line.text in told or (not lines and len(chosen) == limit) or len(line.text) - len(GAP) > left:
            continue
        more = sorted([*lines, line], key=lambda each: each.place)
        length = len(_text(more))
        cost = length - lengths.get(id(call), 0)
        if cost <= left and length <= LONGEST:
            chosen[id(call)] = more
            lengths[id(call)] = length
            told.add(line.text)
            left -= cost
    by_id = {id(call): call for call in calls}
    return [_told(by_id[key], lines) for key, lines in chosen.items()]


def _calls(found: Iterable[Memory]) -> list[_Call]:
    """The candidates by the moment their call began, which all memories of a call share."""
    memories: dict[object, list[Memory]] = {}
    for number, memory in enumerate(found):
        whole = memory.created > EPOCH
        structured = memory.type == FACTUAL or memory.lines or memory.kind == "summary"
        # What has no date or is no passage of ours has nothing to do with its neighbours.
        memories.setdefault(memory.created if whole and structured else number, []).append(memory)
    best = {kind: max((each.score for each in found if each.type == kind), default=0) for kind in _KINDS}
    return [_taken_apart(_Call(each), best) for each in memories.values()]


_KINDS = (FACTUAL, SEMANTIC)


def _taken_apart(call: _Call, best: dict[str, float]) -> _Call:
    """Fill in the lines of `call`. Scores are taken relative to the `best` candidate of the same type."""

    def relative(memory: Memory) -> float:
        return memory.score / best[memory.type] if best[memory.type] > 0 else 0.0

    said: dict[str, float] = {}
    passages: list[list[str]] = []
    facts: list[_Line] = []
    summaries: list[_Line] = []
    for memory in call.memories:
        if memory.type == FACTUAL:
            facts.append(_Line(_cut(memory.text), 0, relative(memory)))
        elif memory.kind == "summary":
            summaries.append(_Line(_cut(memory.text), 0, relative(memory)))
        else:
            lines = [_cut(line) for line in memory.lines or (memory.text,)]
            passages.append(lines)
            for each in lines:
                said[each] = max(said.get(each, 0.0), relative(memory))
    place = 0
    for passage in _joined(passages):
        place += 2
        for text in passage:
            call.lines.append(_Line(text, place, said[text]))
            place += 1
    call.lines = [*_unstated(facts, call.lines), *call.lines] or summaries
    return call


def _joined(passages: list[list[str]]) -> list[list[str]]:
    """The passages, with those made one of which the first ends with the turn that the second begins with."""
    joined: list[list[str]] = []
    rest = list(passages)
    while rest:
        run = rest.pop(0)
        grown = True
        while grown:
            grown = False
            for other in rest:
                if run[-1] == other[0]:
                    run = run + other[1:]
                elif other[-1] == run[0]:
                    run = other + run[1:]
                else:
                    continue
                rest.remove(other)
                grown = True
                break
        joined.append(run)
    return joined


def _unstated(facts: list[_Line], lines: list[_Line]) -> Iterator[_Line]:
    """The facts that no turn states already; each turn learns how well the facts point to it."""
    for number, fact in enumerate(facts):
        most = 0.0
        for line in lines:
            share = len(fact.words & line.words) / len(fact.words) if fact.words else 0.0
            line.fact = max(line.fact, fact.passage * share)
            most = max(most, share)
        if most < _STATED:
            fact.passage += _UNSTATED
            fact.place = -2 * (len(facts) - number)  # before what was said, and nobody's neighbour
            yield fact


def _score(query: str, calls: list[_Call]) -> None:
    every = [line for call in calls for line in call.lines]
    asked = {}
    for term in terms(query):
        holding = sum(term in line.words for line in every)
        asked[term] = math.log(1 + (len(every) - holding + 1.5) / (holding + 0.5))
    by_call = [
        sorted((each.score for each in call.memories if each.type == SEMANTIC), reverse=True)
        for call in calls
    ]
    firsts = sorted((scores[0] for scores in by_call if scores), reverse=True)
    best = firsts[0] if firsts else 0.0
    for call, scores in zip(calls, by_call, strict=True):
        together = sum(score / rank for rank, score in enumerate(scores[:3], 1)) / best if best > 0 else 0.0
        place = firsts.index(scores[0]) + 1 if scores else 0
        call_score = _CALL * together + (_FIRST_CALL / place if 0 < place <= 3 else 0.0)  # noqa: PLR2004
        own = {line.place: _words_in(line, asked) for line in call.lines}
        for line in call.lines:
            line.score = (
                _OWN_WORDS * own[line.place]
                + _WORDS_BEFORE * own.get(line.place - 1, 0.0)
                + _WORDS_AFTER * own.get(line.place + 1, 0.0)
                + _PASSAGE * line.passage
                + _FACT * line.fact
                + _CALLER * line.text.startswith("Caller: ")
                + call_score
            )


def _words_in(line: _Line, asked: dict[str, float]) -> float:
    """How much of what is asked the line says: Okapi BM25, as a share of what the whole question weighs."""
    if line.words.isdisjoint(asked):
        return 0.0
    damping = _SATURATION * (1 - _BY_LENGTH + _BY_LENGTH * len(line.terms) / _ORDINARY_TURN)
    heard = 0.0
    for term, weight in asked.items():
        if count := line.terms.count(term):
            heard += weight * count * (_SATURATION + 1) / (count + damping)
    return heard / sum(asked.values())


def _cut(text: str) -> str:
    """A line that leaves room for others; what is stored by PostCall is never cut."""
    longest = CHARACTERS - len(GAP)
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _text(lines: Sequence[_Line]) -> str:
    """Lines of a call in their order, as they are read."""
    text = ""
    before = None
    for line in lines:
        joint = "" if before is None else " " if line.place == before + 1 else GAP
        text += joint + line.text
        before = line.place
    return text


def _told(call: _Call, lines: Sequence[_Line]) -> Memory:
    """One memory made of some lines of a call, in their order."""
    return Memory(
        text=_text(lines),
        type=FACTUAL if all(line.place < 0 for line in lines) else SEMANTIC,
        created=call.memories[0].created,
        score=max(memory.score for memory in call.memories),
        caller_name=call.memories[0].caller_name,
    )
