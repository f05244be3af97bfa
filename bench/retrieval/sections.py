"""The sections of docs/recall.md."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from statistics import fmean

from bench.common.charts import NAIVE, OURS, Bar
from bench.common.rig import Progress
from bench.common.section import Section, percentile
from bench.retrieval import naive, scale
from bench.retrieval.histories import OF_OTHERS, History
from bench.retrieval.run import Results, run
from bench.retrieval.score import Answer, Figures, add_up

OURS_NAME = "AgenticMemory"
HIT = 0.8
REFUSED = 1 / 3
LOST = 0.01
STORED = 1.2
CHARACTERS = 1800
PER_MEMORY = 400
_KINDS = {
    "detail": "details",
    "name": "names",
    "date": "dates",
    "number": "numbers",
    "negation": "negations",
    "update": "updates of old facts",
    "multi": "several calls together",
    "infer": "conclusions",
}


class Recall:
    """What is measured about `histories`; `chosen_on` are those on which the ranking was chosen."""

    def __init__(
        self,
        histories: Sequence[History],
        chosen_on: Sequence[History],
        progress: Progress,
        memories: int = scale.MEMORIES,
    ) -> None:
        self.histories = histories
        self._chosen_on = chosen_on
        self._progress = progress
        self._memories = memories

    @cached_property
    def ours(self) -> Results:
        """What our functions answered."""
        return run(self.histories, self._progress)

    @cached_property
    def shapes(self) -> dict[str, Results]:
        """What the naive ways answered, by their words."""
        return {
            words: naive.run(shape, self.histories, self._progress) for shape, words in naive.SHAPES.items()
        }

    def found(self) -> Section:
        """The targets, and the two halves of the data."""
        section = Section(title="What was asked", how=self._asked())
        add_targets(section, self.ours)
        halves = {"reported": self.ours.answers}
        if self._chosen_on:
            halves["chosen on"] = run(self._chosen_on, self._progress).answers
        refused = ("refused: no answer", "refused: of others", "refused: with an answer")
        headers = ("callers", "questions with an answer", "found in 3", "said by the agent", *refused)
        section.table(headers, [_half(name, answers) for name, answers in halves.items()])
        section.note = HALVES
        return section

    def naive(self) -> Section:
        """Our functions beside the naive ways."""
        section = Section(title="Beside the naive ways", how=NAIVE_WAYS)
        ways = {OURS_NAME: self.ours, **self.shapes}
        figures = {name: add_up(results.answers, results.wider) for name, results in ways.items()}
        shares = {name: found.hit[3] or 0.0 for name, found in figures.items()}
        read = {name: found.characters for name, found in figures.items()}
        for file, title, values, form in (
            ("recall-found.svg", "Questions whose evidence is among the three memories", shares, ".0%"),
            ("recall-read.svg", "Characters that the agent reads for one question", read, ",.0f"),
        ):
            drawn = [
                Bar(label=name, value=value, words=format(value, form), colour=NAIVE)
                for name, value in values.items()
            ]
            section.chart(file, title, [[replace(drawn[0], colour=OURS)], drawn[1:]])
        headers = ("", "evidence in the first", "first 3", "first 5", "complete", "characters", "at most")
        rows = [_way(name, figures[name], results) for name, results in ways.items()]
        section.table((*headers, "memories a call", "characters a memory"), rows)
        return section

    def kinds(self) -> Section:
        """How many questions of each kind are answered."""
        section = Section(title="By kind of question")
        answers = self.ours.answers
        rows = []
        for kind in dict.fromkeys(answer.kind for answer in answers if answer.ranks):
            figures = add_up([answer for answer in answers if answer.kind == kind])
            rows.append([_KINDS.get(kind, kind), str(figures.questions), _share(figures.hit[3])])
        section.table(("kind", "questions", "found in 3"), rows)
        without = [answer for answer in answers if not answer.ranks]
        section.note = (
            f"{len(without)} questions have no answer in the caller's calls: some were written so, the others"
            f" are answered in another caller's. {sum(not answer.returned for answer in without)} of them got"
            " no memory; the others got what comes nearest, which is for the agent to judge."
        )
        return section

    def context(self) -> Section:
        """What ClientData tells before the call."""
        latest = self.ours.latest
        words = f"{fmean(latest) if latest else 0.0:.1%} of {len(latest)}"
        return Section(title="Told before the call", how=CONTEXT.format(share=words))

    def scale(self) -> Section:
        """How fast the stand-in searches among 50,000 memories."""
        times = scale.measure(self.histories, self._progress, memories=self._memories)
        p50, p99 = percentile(times, 50), percentile(times, 99)
        section = Section(title="The stand-in at scale")
        section.how = (
            f"With {self._memories:,} memories of {scale.CALLERS} callers, a search over HTTP for"
            f" {scale.CANDIDATES} candidates takes {p50:.0f} ms (median) and {p99:.0f} ms (99 of 100 are"
            " faster), one after the other."
        )
        wanted, found = f"< {scale.TARGET:.0f} ms", f"{p99:.0f} ms"
        section.target("the stand-in's search, p99", wanted, found, reached=p99 < scale.TARGET)
        return section

    def first_sentence(self) -> str:
        """What the page begins with: ours beside the whole call as one memory."""
        ours, whole = add_up(self.ours.answers), add_up(self.shapes[naive.SHAPES["session"]].answers)
        more = (whole.hit[3] or 0.0) - (ours.hit[3] or 0.0)
        than = f"{abs(more):.0%} of the questions {'more' if more > 0 else 'fewer'}"
        times = whole.characters / ours.characters
        return (
            f"The whole call as one memory finds the evidence of {than}, at {times:.1f} times the characters."
        )

    def _asked(self) -> str:
        asked = [question for history in self.histories for question in history.questions]
        calls = [session for history in self.histories for session in history.sessions]
        return ASKED.format(
            callers=len(self.histories),
            calls=len(calls),
            characters=sum(call.characters for call in calls),
            questions=len(asked),
            answerable=sum(bool(question.evidence) for question in asked),
        )


def add_targets(section: Section, ours: Results) -> None:
    """What is to be reached."""
    figures = add_up(ours.answers)
    hit = figures.hit[3] or 0.0
    tight = [call for call in ours.calls if call.characters < PER_MEMORY * call.semantic]
    long = sum(call.characters >= 2 * PER_MEMORY for call in tight)
    refused = _refused(ours.answers, with_answer=False)
    lost = _refused(ours.answers, with_answer=True)
    for what, wanted, found, reached in (
        ("questions without an answer that got nothing", "≥ 1/3", f"{refused:.1%}", refused >= REFUSED),
        ("questions with an answer that got nothing", f"≤ {LOST:.0%}", f"{lost:.1%}", lost <= LOST),
        (
            "characters kept for each one said in long calls",
            f"≤ {STORED}",
            f"{ours.characters:.2f}",
            ours.characters <= STORED,
        ),
        ("evidence found in three memories", f"≥ {HIT:.0%}", f"{hit:.1%}", hit >= HIT),
        ("characters of an answer", f"≤ {CHARACTERS}", f"{figures.most}", figures.most <= CHARACTERS),
        (
            f"calls of {2 * PER_MEMORY} characters or more with over one memory for each {PER_MEMORY}",
            "none",
            f"{long}",
            not long,
        ),
    ):
        section.target(what, wanted, found, reached=reached)


def _way(name: str, figures: Figures, results: Results) -> list[str]:
    count = sum(call.semantic for call in results.calls)
    said = sum(call.characters for call in results.calls)
    return [
        name,
        *map(_share, figures.hit.values()),
        f"{figures.completeness:.1%}",
        f"{figures.characters:,.0f}",
        f"{figures.most:,}",
        f"{count / len(results.calls):.1f}" if count else "-",
        f"{said / count:,.0f}" if count else "-",
    ]


def _half(name: str, answers: Sequence[Answer]) -> list[str | int | float]:
    found = add_up(answers)
    by_agent = add_up([answer for answer in answers if answer.by_agent])
    return [
        name,
        found.questions,
        _share(found.hit[3]),
        _share(by_agent.hit[3]),
        f"{_refused(answers, with_answer=False, kind='none'):.0%}",
        f"{_refused(answers, with_answer=False, kind=OF_OTHERS):.0%}",
        f"{_refused(answers, with_answer=True):.1%}",
    ]


def _refused(answers: Sequence[Answer], *, with_answer: bool, kind: str = "") -> float:
    """The share of the questions with or without an answer that got no memory."""
    asked = [answer for answer in answers if bool(answer.ranks) is with_answer and kind in ("", answer.kind)]
    return sum(not answer.returned for answer in asked) / len(asked) if asked else 0.0


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


ASKED = """{callers} callers made {calls} calls ({characters:,} characters). {questions} questions were asked,
{answerable} of them with evidence. The calls went as signed webhooks through PostCall, its queue and its
worker into the stand-in for Mem0; the questions went to Retrieve over HTTP."""
HALVES = """*Chosen on*: the callers on whom the ranking and its thresholds were chosen. *Reported*: other
callers, of whom all other figures on this page are; the thresholds for refusing were checked against them
too. *Of others*: questions that another caller's calls answer, asked about this caller."""
NAIVE_WAYS = """*Complete* is the mean share of a question's evidence that is in the three memories;
*characters* is what the agent reads for three. Memories are those kept word for word, summaries included. The
naive ways are what one writes first with Mem0's client, in the same stand-in. *Inferred facts only* is
unfairly low here: the stand-in has no language model and keeps single sentences."""
CONTEXT = """ClientData's context tells {share} latest facts: what the caller said in the last three calls and
a question asks about. A fact is told if the context holds one of the turn's sentences."""
