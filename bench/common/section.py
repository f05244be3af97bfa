"""What a bench section found: targets, tables and charts, and their form in Markdown and on the terminal."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.common.charts import Bar, bars

Value = str | int | float
_FIGURE = re.compile(r"\W{0,2}\d|-?$")
_HALF, _TWO_DIGITS = 0.5, 10


@dataclass(frozen=True, kw_only=True)
class Target:
    """One thing that must hold: what was done, the figures, whether they are right, and a remark."""

    what: str
    figures: Mapping[str, Value]
    reached: bool
    remark: str = ""


@dataclass(frozen=True)
class Chart:
    """A drawing: its file below docs/charts, its title, and the SVG."""

    name: str
    title: str
    svg: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table. Columns of figures are aligned to the right, but the first."""

    headers: Sequence[str]
    rows: Sequence[Sequence[Value]]

    def markdown(self, *, padded: bool = False) -> str:
        """The table in Markdown; `padded` with spaces so that its columns can be read on a terminal."""
        cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in self.rows]
        columns = list(zip(self.headers, *cells, strict=True))
        right = [False, *(all(map(_FIGURE.match, column[1:])) for column in columns[1:])]
        forms = [
            f"{'>' if figures else '<'}{max(map(len, column)) if padded else ''}"
            for figures, column in zip(right, columns, strict=True)
        ]
        lines = [self.headers, ["---:" if figures else "---" for figures in right], *cells]
        return "\n".join(f"| {' | '.join(map(format, line, forms))} |" for line in lines)


def targets_table(targets: Sequence[Target]) -> Table:
    """The targets with their verdicts: one column for each figure, remarks last if there are any."""
    names = list(dict.fromkeys(name for target in targets for name in target.figures))
    remarks = any(target.remark for target in targets)
    return Table(
        headers=["what", *names, "target", *(["remark"] if remarks else [])],
        rows=[
            [
                target.what,
                *(target.figures.get(name, "") for name in names),
                "reached" if target.reached else "**MISSED**",
                *([target.remark] if remarks else []),
            ]
            for target in targets
        ],
    )


@dataclass(kw_only=True)
class Section:
    """What one part of a bench found.

    Attributes:
        title: its heading.
        how: how it was measured, in Markdown.
        targets: what must hold.
        tables: the figures.
        charts: drawings.
        note: what is to be said below the tables.
        figures: numbers that other sections or the page need, by name.
        seconds: how long it took.
    """

    title: str
    how: str = ""
    targets: list[Target] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    note: str = ""
    figures: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, what: str, figures: Mapping[str, Value], *, passed: bool, remark: str = "") -> None:
        """Append a target with its figures."""
        self.targets.append(Target(what=what, figures=dict(figures), reached=passed, remark=remark))

    def target(self, what: str, wanted: str, found: str, *, reached: bool, reason: str = "") -> None:
        """Append a target with one figure; `reason`, why it may be missed, is shown only then."""
        self.add(what, {"wanted": wanted, "found": found}, passed=reached, remark="" if reached else reason)

    def at_most(self, what: str, value: float, limit: float, wanted: str, reason: str = "") -> None:
        """Append a target on a ratio that may be at most `limit`."""
        self.target(what, wanted, ratio(value), reached=value <= limit, reason=reason)

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[Value]]) -> None:
        """Append a table."""
        self.tables.append(Table(headers=headers, rows=list(rows)))

    def chart(self, name: str, title: str, groups: Sequence[Sequence[Bar]]) -> None:
        """Append a bar chart, the file `name` below docs/charts."""
        self.charts.append(Chart(name, title, bars(title, groups)))

    @property
    def missed(self) -> list[str]:
        """The targets that were missed."""
        return [target.what for target in self.targets if not target.reached]

    def markdown(self) -> str:
        """The section under its heading, without its targets."""
        charts = [f"![{chart.title}](charts/{chart.name})" for chart in self.charts]
        tables = [table.markdown() for table in self.tables]
        return "\n\n".join(filter(None, [f"## {self.title}", self.how, *charts, *tables, self.note]))

    def folded(self) -> str:
        """The section and its targets, folded away."""
        count = len(self.targets)
        summary = f"<details><summary>{self.title}: {count} case{'s'[: count != 1]}</summary>"
        parts = [summary, f"Took {self.seconds:.0f} s.", self.how, targets_table(self.targets).markdown()]
        return "\n\n".join(filter(None, [*parts, self.note, "</details>"]))

    def terminal(self) -> str:
        """The figures for the terminal."""
        tables = [*self.tables, *([targets_table(self.targets)] if self.targets else [])]
        return "\n\n".join(table.markdown(padded=True) for table in tables) or self.how


def ms(value: float) -> str:
    """Milliseconds for people: `1.24 ms`, `87 ms`, `2,310 ms`."""
    return f"{value:,.0f} ms" if value >= _TWO_DIGITS else f"{value:.2f} ms"


def ratio(value: float) -> str:
    """A ratio for people: `1.24 times` with the sign for it, or `1/8.3` for less than a half."""
    return f"1/{1 / value:.1f}" if 0 < value < _HALF else f"{value:.2f} \u00d7"


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of the `values` lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
