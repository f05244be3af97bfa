"""Writes docs/reliability.md: one row for each section, and the tables behind it, folded away."""

import os
import platform
from collections.abc import Collection, Sequence

from bench.reliability.report import Section, table
from bench.reliability.rig import COMPRESSION, COMPRESSION_OF_LOAD

_HEAD = """# Reliability

Once PostCall has answered 200, a call is either remembered or in the dead-letter queue with the reason.
`make faults` breaks the running system on purpose, counts what became of each call, and writes this page.
"""
_COLUMNS = """
*Lost*: neither remembered nor in the dead-letter queue. *Both*: remembered, and in the dead-letter queue as
well; redriving it changes nothing. *Twice*: adds that Mem0 accepted beyond one of each kind for a call.

One case may store a call twice: a worker dies after Mem0 has accepted an add and before that is noted, and
more than 500 events of other calls follow before the next worker looks for it.
"""
_HOW = f"""## How it is measured

The functions are the deployed code in Lambda's own runtime client, each instance a process of its own. SQS,
DynamoDB and Secrets Manager are moto (`local/aws/`), Mem0 is the stand-in (`local/mem0/`), in whose file what
was remembered is counted. Visibility timeouts, claims, caches and retry delays are shortened where a section
says so. ElevenLabs' retries (at once, after 30 s, 2, 8 and 30 minutes, each 10 % more or less) come
{COMPRESSION:g} times faster, under load {COMPRESSION_OF_LOAD:g} times. `bench/faults.py --only crash,load`
runs parts of it.
"""
_WHOLE = "All sections are from one run."
_PARTS = "Only some sections were run then. Each of the others says when it was measured."
_TWICE = ("facts twice", "passages twice")


def page(
    sections: Sequence[Section],
    *,
    missing: Collection[str] = (),
    now: Collection[str],
    began: str,
    seconds: float,
) -> str:
    """The whole page.

    Args:
        sections: what there is to show.
        missing: the keys of sections of which there is no result at all.
        now: the keys of those that were run now.
        began: when this run began, in UTC.
        seconds: how long it took.
    """
    wrong = sum(len(section.failures) for section in sections)
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    earlier = [section.key for section in sections if section.key not in now]
    lines = [
        f"Measured on {began}, in {seconds / 60:.1f} minutes, on {machine}.",
        f"{_PARTS if earlier or missing else _WHOLE} Failed cases: {wrong or 'none'}.",
    ]
    lines += [f"Never measured: {', '.join(missing)}."] if missing else []
    head = ["what was done", "cases", "calls", "lost", "both", "twice", "result"]
    summary = table(head, [_row(section) for section in sections])
    tables = [section.markdown(earlier=section.key in earlier) for section in sections]
    return "\n".join([_HEAD, *lines, "", summary, _COLUMNS, _HOW, "## The cases", "", *tables])


def _row(section: Section) -> list[str | int | float]:
    """A section in the summary; empty cells where it is not about calls."""
    cells: list[str | int | float] = [section.title, len(section.rows)]
    for names in (("calls",), ("lost",), ("both",), _TWICE):
        found = [row.figures[name] for row in section.rows for name in names if name in row.figures]
        numbers = [figure for figure in found if isinstance(figure, int)]
        cells.append(sum(numbers) if numbers else "")
    return [*cells, f"**{len(section.failures)} FAILED**" if section.failures else "passed"]
