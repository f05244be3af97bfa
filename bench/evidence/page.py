"""Writes docs/recall.md and its charts from the figures of one run."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from string import Template

from bench.evidence.histories import OF_OTHERS, History
from bench.evidence.judge import Answer, Figures, add_up
from bench.evidence.naive import SHAPES
from bench.evidence.play import Outcome, Stored
from bench.evidence.scale import TARGET, Speed
from bench.measure.charts import NAIVE, OURS, Bar, bars

_TEMPLATE = Path(__file__).with_name("page.md")
OURS_NAME = "AgenticMemory"
HIT = 0.8
REFUSED = 1 / 3
LOST = 0.01
STORED = 1.2
CHARACTERS = 1800
PER_MEMORY = 400
CHARTS = {
    "recall-found.svg": "Questions whose evidence is among the three memories",
    "recall-read.svg": "Characters that the agent reads for one question",
}
_KINDS = {
    "detail": "details",
    "name": "names",
    "date": "dates",
    "negation": "negations",
    "update": "updates of old facts",
    "multi": "several calls together",
    "infer": "conclusions",
}


@dataclass(frozen=True)
class Run:
    """All that was measured; `chosen_on` are answers about the callers that the ranking was chosen on."""

    histories: Sequence[History]
    ours: Outcome
    naive: Mapping[str, Outcome]
    speed: Speed | None
    chosen_on: Sequence[Answer] | None = None

    def named(self) -> dict[str, Outcome]:
        """Each way to remember by the name that readers see."""
        return {OURS_NAME: self.ours} | {SHAPES[shape]: outcome for shape, outcome in self.naive.items()}

    def halves(self) -> dict[str, Sequence[Answer]]:
        """The answers to report, and those that the ranking was chosen on."""
        return {"reported": self.ours.answers} | ({"chosen on": self.chosen_on} if self.chosen_on else {})

    def targets(self) -> dict[str, bool]:
        """What is to be reached, in words with the figure, and whether it was."""
        figures = add_up(self.ours.answers)
        hit = figures.hit[3] or 0.0
        tight = [call for call in self.ours.calls if call.characters < PER_MEMORY * call.semantic]
        long = [call for call in tight if call.characters >= 2 * PER_MEMORY]
        refused = _refused(self.ours.answers, with_answer=False)
        lost = _refused(self.ours.answers, with_answer=True)
        stored = self.ours.characters
        targets = {
            f"{refused:.1%} of the questions without an answer got nothing, a third wanted": refused
            >= REFUSED,
            f"{lost:.1%} of those with one got nothing, {LOST:.0%} allowed": lost <= LOST,
            f"{stored:.2f} characters kept for each one said in long calls, {STORED} allowed": stored
            <= STORED,
            f"evidence found for {hit:.1%} of the questions, at least {HIT:.0%} wanted": hit >= HIT,
            f"{figures.most} characters at most, {CHARACTERS} allowed": figures.most <= CHARACTERS,
            f"{len(long)} calls of {2 * PER_MEMORY} characters or more with more than one memory for each"
            f" {PER_MEMORY}, none allowed": not long,
        }
        if self.speed:
            words = (
                f"the stand-in's search: p50 {self.speed.p50:.0f} ms, p99 {self.speed.p99:.0f} ms with"
                f" {self.speed.memories:,} memories of {self.speed.callers} callers, {TARGET:.0f} ms allowed"
            )
            targets[words] = self.speed.p99 < TARGET
        return targets


def charts(run: Run) -> dict[str, str]:
    """The charts as SVG, by file name."""
    figures = {name: add_up(outcome.answers) for name, outcome in run.named().items()}

    def drawn(file: str, value: str) -> str:
        rows = []
        for name, found in figures.items():
            number = (found.hit[3] or 0.0) if value == "hit" else found.characters
            words = f"{number:.0%}" if value == "hit" else f"{number:,.0f}"
            rows.append(
                Bar(label=name, value=number, words=words, colour=OURS if name == OURS_NAME else NAIVE)
            )
        return bars(CHARTS[file], [rows[:1], rows[1:]] if len(rows) > 1 else [rows])

    return {
        "recall-found.svg": drawn("recall-found.svg", "hit"),
        "recall-read.svg": drawn("recall-read.svg", "c"),
    }


def terminal(run: Run) -> str:
    """The figures for the terminal."""
    lines = [_row(name, add_up(outcome.answers, outcome.wider)) for name, outcome in run.named().items()]
    reached = [f"{'reached' if good else 'MISSED '}  {words}" for words, good in run.targets().items()]
    return "\n".join([*lines, "", *reached])


def _row(name: str, figures: Figures) -> str:
    hits = "  ".join(f"@{within} {_share(share):>6}" for within, share in figures.hit.items())
    return (
        f"{name:30} {hits}  complete {figures.completeness:6.1%}  "
        f"{figures.characters:6,.0f} characters, at most {figures.most:,}"
    )


def page(run: Run) -> str:
    """docs/recall.md."""
    asked = [question for history in run.histories for question in history.questions]
    calls = [session for history in run.histories for session in history.sessions]
    values = {
        "day": dt.datetime.now(dt.UTC).date().isoformat(),
        "callers": len(run.histories),
        "calls": len(calls),
        "characters": f"{sum(call.characters for call in calls):,}",
        "questions": len(asked),
        "answerable": sum(bool(question.evidence) for question in asked),
        "targets": "\n".join(
            f"- {'Reached' if good else '**Missed**'}: {words}." for words, good in run.targets().items()
        ),
        "found": CHARTS["recall-found.svg"],
        "read": CHARTS["recall-read.svg"],
        "ways": "\n".join(_table_row(name, outcome) for name, outcome in run.named().items()),
        "kinds": "\n".join(_by_kind(run.ours.answers)),
        "unanswerable": _unanswerable(run.ours.answers),
        "first": _first_sentence(run),
        "halves": "\n".join(_half(name, answers) for name, answers in run.halves().items()),
        "context": _context(run.ours.latest),
        "scale": _scale(run.speed),
    }
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(values)


def _table_row(name: str, outcome: Outcome) -> str:
    figures = add_up(outcome.answers, outcome.wider)
    hits = " | ".join(_share(share) for share in figures.hit.values())
    return (
        f"| {name} | {hits} | {figures.completeness:.1%} | {figures.characters:,.0f} | {figures.most:,} |"
        f" {_memories(outcome.calls)} |"
    )


def _memories(calls: Sequence[Stored]) -> str:
    count = sum(call.semantic for call in calls)
    if not count:
        return "- | -"
    said = sum(call.characters for call in calls)
    return f"{fmean(call.semantic for call in calls):.1f} | {said / count:,.0f}"


def _by_kind(answers: Sequence[Answer]) -> list[str]:
    rows = []
    for kind in dict.fromkeys(answer.kind for answer in answers if answer.ranks):
        figures = add_up([answer for answer in answers if answer.kind == kind])
        rows.append(f"| {_KINDS.get(kind, kind)} | {figures.questions} | {_share(figures.hit[3])} |")
    return rows


def _refused(answers: Sequence[Answer], *, with_answer: bool, kind: str = "") -> float:
    """The share of the questions with or without an answer that got no memory."""
    asked = [answer for answer in answers if bool(answer.ranks) is with_answer and kind in ("", answer.kind)]
    return sum(not answer.returned for answer in asked) / len(asked) if asked else 0.0


def _half(name: str, answers: Sequence[Answer]) -> str:
    found = add_up(answers)
    by_agent = add_up([answer for answer in answers if answer.by_agent])
    shares = [
        _share(found.hit[3]),
        _share(by_agent.hit[3]),
        f"{_refused(answers, with_answer=False, kind='none'):.0%}",
        f"{_refused(answers, with_answer=False, kind=OF_OTHERS):.0%}",
        f"{_refused(answers, with_answer=True):.1%}",
    ]
    return f"| {name} | {found.questions} | {' | '.join(shares)} |"


def _first_sentence(run: Run) -> str:
    ours, whole = add_up(run.ours.answers), add_up(run.naive["session"].answers)
    more = (whole.hit[3] or 0.0) - (ours.hit[3] or 0.0)
    times = whole.characters / ours.characters
    than = f"{abs(more):.0%} of the questions {'more' if more > 0 else 'fewer'}"
    return f"The whole call as one memory finds the evidence of {than}, at {times:.1f} times the characters."


def _unanswerable(answers: Sequence[Answer]) -> str:
    without = [answer for answer in answers if not answer.ranks]
    nothing = sum(not answer.returned for answer in without)
    return (
        f"{len(without)} questions have no answer in the caller's calls: some were written so, the others are"
        f" answered in another caller's. {nothing} of them got no memory; the others got what comes nearest,"
        " which is for the agent to judge."
    )


def _context(latest: Sequence[bool]) -> str:
    share = sum(latest) / len(latest) if latest else 0.0
    return (
        f"ClientData's context tells {share:.1%} of {len(latest)} latest facts: what the caller said in the"
        " last three calls and a question asks about. A fact is told if the context holds one of the turn's"
        " sentences."
    )


def _scale(speed: Speed | None) -> str:
    if speed is None:
        return "Not measured in this run."
    return (
        f"With {speed.memories:,} memories of {speed.callers} callers, a search over HTTP for 100 candidates"
        f" takes {speed.p50:.0f} ms (median) and {speed.p99:.0f} ms (99 of 100 are faster), one after"
        " the other."
    )


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
