"""What a section of the matrix found, and how it becomes a page.

It only formats: what counts as a failure is decided where it is measured.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Value = str | int | float


@dataclass(kw_only=True)
class Row:
    """One case: what was done, what was counted, and whether that is what must be."""

    case: str
    figures: dict[str, Value]
    passed: bool
    remark: str = ""


@dataclass(kw_only=True)
class Section:
    """One table of the page."""

    key: str
    title: str
    about: str
    rows: list[Row] = field(default_factory=list)
    seconds: float = 0.0
    after: str = ""

    def add(self, case: str, figures: Mapping[str, Value], *, passed: bool, remark: str = "") -> None:
        """Append a row."""
        self.rows.append(Row(case=case, figures=dict(figures), passed=passed, remark=remark))

    @property
    def failures(self) -> list[Row]:
        """The rows that are not as they must be."""
        return [row for row in self.rows if not row.passed]

    def markdown(self) -> str:
        """The section as Markdown: heading, words, table."""
        names = list(dict.fromkeys(name for row in self.rows for name in row.figures))
        remarks = any(row.remark for row in self.rows)
        head = ["case", *names, "result", *(["remark"] if remarks else [])]
        lines = [f"## {self.title}", "", self.about, "", _line(head), _line(["---"] * len(head))]
        for row in self.rows:
            cells = [row.case, *(row.figures.get(name, "") for name in names)]
            cells += ["as it must be" if row.passed else "**WRONG**", *([row.remark] if remarks else [])]
            lines.append(_line(cells))
        if self.after:
            lines += ["", self.after]
        return "\n".join([*lines, ""])


def _line(cells: Sequence[Value]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


class Results:
    """The newest result of each section, kept in a file, so that one section can be run anew by itself."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, section: Section) -> None:
        """Put `section` in the place of its older result."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps({**self._read(), section.key: asdict(section)}, indent=1))

    def _read(self) -> dict[str, dict[str, Any]]:
        held: dict[str, dict[str, Any]] = json.loads(self._path.read_text()) if self._path.exists() else {}
        return held

    def sections(self, order: Sequence[str]) -> list[Section]:
        """The results that there are, in `order`."""
        found = []
        held = self._read()
        for key in order:
            if key in held:
                values = held[key]
                rows = [Row(**row) for row in values.pop("rows")]
                found.append(Section(**values, rows=rows))
        return found
