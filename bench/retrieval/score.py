"""Scores an answer by whether it holds the evidence, and adds up the scores.

The evidence of a question is a turn of the conversation. It is found if a run of at least 80 % of the turn's
words stands, unbroken and in order, in one returned memory; case, punctuation and the names of the speakers
in front of turns do not count. A summary or a fact in other words is not evidence here, even if it answers.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

SHARE = 0.8
_SPEAKER = re.compile(r"\b(?:Caller|Agent): ")


@dataclass(frozen=True)
class Answer:
    """What came back for one question.

    Attributes:
        kind: the question's.
        ranks: for each turn of the evidence, in which memory it is (from 1), or 0 for nowhere.
        characters: of all memories together.
        returned: how many memories there were.
        by_agent: whether the agent said the evidence.
    """

    kind: str
    ranks: tuple[int, ...]
    characters: int
    returned: int
    by_agent: bool = False

    def hit(self, within: int) -> bool:
        """Whether a turn of the evidence is in the first `within` memories."""
        return any(0 < rank <= within for rank in self.ranks)

    @property
    def completeness(self) -> float:
        """The share of the evidence's turns that was returned."""
        return sum(rank > 0 for rank in self.ranks) / len(self.ranks) if self.ranks else 0.0


def score(kind: str, evidence: Sequence[str], memories: Sequence[str], *, by_agent: bool = False) -> Answer:
    """How `memories`, best first, answer a question whose evidence are these turns."""
    told = [_words(memory) for memory in memories]
    ranks = tuple(
        next((rank for rank, text in enumerate(told, 1) if holds(text, turn)), 0) for turn in evidence
    )
    return Answer(kind, ranks, sum(map(len, memories)), len(memories), by_agent)


def holds(words: Sequence[str], turn: str) -> bool:
    """Whether `words` hold an unbroken run of at least `SHARE` of the turn's words."""
    wanted = _words(turn)
    needed = max(1, round(SHARE * len(wanted)))
    text = f" {' '.join(words)} "
    return bool(wanted) and any(
        f" {' '.join(wanted[start : start + needed])} " in text for start in range(len(wanted) - needed + 1)
    )


def in_context(context: str, turn: str) -> bool:
    """Whether a prompt tells one of the turn's sentences that has at least four words."""
    text = f" {' '.join(_words(context))} "
    sentences = [_words(sentence) for sentence in re.split(r"[.!?]+", turn)]
    return any(f" {' '.join(words)} " in text for words in sentences if len(words) >= 4)  # noqa: PLR2004


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", _SPEAKER.sub("", text).casefold())


@dataclass(frozen=True)
class Figures:
    """The figures of one way to remember.

    Attributes:
        hit: the share of questions with evidence in the first 1, 3 and 5 memories; None if not asked for.
        completeness: the mean share of a question's evidence that is in the first three.
        characters: mean of the first three together.
        most: the longest answer of all.
        questions: how many were asked.
    """

    hit: dict[int, float | None]
    completeness: float
    characters: float
    most: int
    questions: int


def add_up(answers: Sequence[Answer], wider: Sequence[Answer] = ()) -> Figures:
    """The figures of answers with three memories, and with five (`wider`); the unanswerable do not count."""
    asked = [answer for answer in answers if answer.ranks]
    wide = [answer for answer in wider if answer.ranks]
    return Figures(
        hit={1: _share(asked, 1), 3: _share(asked, 3), 5: _share(wide, 5)},
        completeness=sum(answer.completeness for answer in asked) / len(asked) if asked else 0.0,
        characters=sum(answer.characters for answer in asked) / len(asked) if asked else 0.0,
        most=max((answer.characters for answer in answers), default=0),
        questions=len(asked),
    )


def _share(answers: Sequence[Answer], within: int) -> float | None:
    return sum(answer.hit(within) for answer in answers) / len(answers) if answers else None
