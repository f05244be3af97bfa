"""The results of the reliability matrix, and their form in docs/reliability.md."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Value = str | int | float


@dataclass(kw_only=True)
class Row:
    """One case: what was done, what was counted, and whether that is right."""

    case: str
    figures: dict[str, Value]
    passed: bool
    remark: str = ""


@dataclass(kw_only=True)
class Section:
    """One table of the page.

    Attributes:
        seconds: how long it took to measure.
        measured: when that began, in UTC; empty while that is not known.
    """

    key: str
    title: str
    about: str
    rows: list[Row] = field(default_factory=list)
    seconds: float = 0.0
    measured: str = ""
    after: str = ""

    def add(self, case: str, figures: Mapping[str, Value], *, passed: bool, remark: str = "") -> None:
        """Append a row."""
        self.rows.append(Row(case=case, figures=dict(figures), passed=passed, remark=remark))

    @property
    def failures(self) -> list[Row]:
        """The rows that failed."""
        return [row for row in self.rows if not row.passed]

    def markdown(self, *, earlier: bool = False) -> str:
        """The section as Markdown, folded: how long it took, words, table. `earlier`: not in this run."""
        names = list(dict.fromkeys(name for row in self.rows for name in row.figures))
        remarks = any(row.remark for row in self.rows)
        head = ["case", *names, "result", *(["remark"] if remarks else [])]
        took = f"Took {self.seconds:.0f} s."
        if earlier:
            took = f"**Not run then.** Measured on {self.measured or 'an unknown day'}. {took}"
        rows = [
            [
                row.case,
                *(row.figures.get(name, "") for name in names),
                "passed" if row.passed else "**FAILED**",
                *([row.remark] if remarks else []),
            ]
            for row in self.rows
        ]
        cases = f"{len(rows)} case{'s'[: len(rows) != 1]}"
        lines = [f"<details><summary>{self.title}: {cases}</summary>", "", took, ""]
        lines += [self.about, ""] if self.about else []
        lines += [table(head, rows), ""]
        lines += [self.after, ""] if self.after else []
        return "\n".join([*lines, "</details>", ""])


def table(head: Sequence[str], rows: Sequence[Sequence[Value]]) -> str:
    """A table in Markdown."""
    return "\n".join([_line(head), _line(["---"] * len(head)), *map(_line, rows)])


def _line(cells: Sequence[Value]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def broken_off(key: str, why: str) -> Section:
    """The result of a section that could not be run to its end."""
    section = Section(key=key, title=key.capitalize(), about="")
    section.add("the section itself", {}, passed=False, remark=f"not run to its end: {why}")
    return section


class Results:
    """The newest result of each section, kept in a file, so that one section can be run anew by itself."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, sections: Sequence[Section], *, alone: bool = False) -> None:
        """Put `sections` in the place of their older results; `alone`: in the place of all results."""
        held = {} if alone else self._read()
        held |= {section.key: asdict(section) for section in sections}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(held, indent=1))

    def sections(self, order: Sequence[str]) -> list[Section]:
        """The results that there are, in `order`."""
        held = self._read()
        return [_section(held[key]) for key in order if key in held]

    def _read(self) -> dict[str, dict[str, Any]]:
        held: dict[str, dict[str, Any]] = json.loads(self._path.read_text()) if self._path.exists() else {}
        return held


def _section(values: dict[str, Any]) -> Section:
    return Section(**{**values, "rows": [Row(**row) for row in values["rows"]]})
