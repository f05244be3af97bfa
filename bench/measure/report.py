"""What a measurement returns, and how it is printed and written to docs/performance.md."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Target:
    """One target and what was reached.

    Attributes:
        what: what was measured.
        wanted: the target, in words.
        reached: the figure, in words.
        met: whether it was reached; None where the target is only to state the figure.
        reason: why it was missed; told only then.
    """

    what: str
    wanted: str
    reached: str
    met: bool | None
    reason: str = ""

    @property
    def verdict(self) -> str:
        """One word for it."""
        return "stated" if self.met is None else "reached" if self.met else "MISSED"


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table: the first column is text, the others are figures."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """The table in Markdown."""
        rule = ["---", *("---:" for _ in self.headers[1:])]
        return "\n".join(f"| {' | '.join(line)} |" for line in [self.headers, rule, *self.rows])


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A drawing: its file's name below docs/charts, what it shows in words, and the SVG."""

    name: str
    words: str
    svg: str


@dataclass(frozen=True, kw_only=True)
class Section:
    """What one measurement found.

    Attributes:
        key: its name on the command line.
        title: its heading.
        how: how it was measured, in Markdown.
        targets: the targets that it answers.
        tables: the figures.
        charts: the drawings.
        figures: numbers that other sections need, by name.
    """

    key: str
    title: str
    how: str
    targets: Sequence[Target]
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    figures: dict[str, float] = field(default_factory=dict)


def ms(value: float) -> str:
    """Milliseconds for people: `1.24 ms`, `87 ms`, `2,310 ms`."""
    return f"{value:,.0f} ms" if value >= 10 else f"{value:.2f} ms"  # noqa: PLR2004 - two digits are enough


def ratio(value: float) -> str:
    """A ratio for people: `1.24 times`, with the sign for it, or `1/8.3` for less than a half."""
    if 0 < value < 0.5:  # noqa: PLR2004 - a half
        return f"1/{1 / value:.1f}"
    return f"{value:.2f} \u00d7"


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of the `values` lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def median(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


def at_most(what: str, value: float, limit: float, wanted: str, *, reason: str = "") -> Target:
    """A target on a ratio that may be at most `limit`."""
    return Target(what=what, wanted=wanted, reached=ratio(value), met=value <= limit, reason=reason)


def terminal(targets: Sequence[Target]) -> str:
    """The targets as aligned lines."""
    wide = max(len(target.what) for target in targets)
    wanted = max(len(target.wanted) for target in targets)
    return "\n".join(
        f"  {target.verdict:8} {target.what:{wide}}  {target.wanted:{wanted}}  {target.reached}"
        for target in targets
    )


def summary(targets: Sequence[Target]) -> str:
    """The targets as a Markdown table, and below it the reason of each that was missed."""
    rows = [(target.what, target.wanted, target.reached, target.verdict) for target in targets]
    lines = [Table(headers=("what", "to reach", "reached", ""), rows=rows).markdown()]
    missed = [target for target in targets if target.met is False]
    if missed:
        lines.append("Missed, and why:")
        lines.append(
            "\n".join(f"- **{target.what}** ({target.reached}): {target.reason}" for target in missed)
        )
    return "\n\n".join(lines)
