"""`make faults`: breaks the running system on purpose, and writes docs/reliability.md.

Exit codes: 0 no call was lost or stored twice and all other targets are reached, 1 if not, 2 the options are
wrong, 130 interrupted.
"""

import compileall
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "lambdas")]

from bench.common import command  # noqa: E402 - the path comes first
from bench.common.rig import COMPRESSION  # noqa: E402
from bench.common.section import Section, Table, Value  # noqa: E402
from bench.reliability.rig import COMPRESSION_OF_LOAD  # noqa: E402

SECTIONS = (
    *("crash", "dependency", "duplicates", "order", "redrive", "size", "rotation", "load"),
    *("signatures", "isolation", "fuzz", "doctor", "backfill"),  # the last one takes as long as all others
)
SIZES = {"crash": ("calls", 20), "fuzz": ("inputs", 20_000), "backfill": ("conversations", 10_000)}
TEMPLATE = ROOT / "bench" / "reliability" / "reliability.md"
COUNTED = {
    "calls": ("calls",),
    "lost": ("lost",),
    "both": ("both",),
    "twice": ("facts twice", "passages twice", "twice", "doubled"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = command.parser(__doc__ or "", SECTIONS)
    for name, (what, count) in SIZES.items():
        parser.add_argument(f"--{what}", type=int, help=f"size of the section {name} ({count:,})")
    run = command.Run(parser, SECTIONS, arguments)
    compileall.compile_dir(ROOT / "lambdas", quiet=1)  # instances are started and killed by the hundred

    def measure(name: str) -> Section:
        sizes = {}
        if name in SIZES:
            what, count = SIZES[name]
            sizes[what] = getattr(run.options, what) or run.times(count)
        section: Section = import_module(f"bench.reliability.{name}").run(run.progress, **sizes)
        return section

    run.measure({name: partial(measure, name) for name in SECTIONS})
    run.finish(TEMPLATE, lambda: values(run.sections))
    return run.code


def values(sections: Mapping[str, Section]) -> dict[str, object]:
    """What the page says besides the sections: one row for each, and the compressions."""
    wrong = sum(len(section.missed) for section in sections.values())
    rows = [_row(section) for section in sections.values()]
    summary = Table(headers=["what was done", "cases", *COUNTED, "target"], rows=rows)
    return {
        "failed": wrong or "none",
        "summary": summary.markdown(),
        "compression": f"{COMPRESSION:g}",
        "under_load": f"{COMPRESSION_OF_LOAD:g}",
    }


def _row(section: Section) -> list[Value]:
    """A section in the summary; empty cells where it does not count calls."""
    cells: list[Value] = [section.title, len(section.targets)]
    for names in COUNTED.values():
        found = [
            target.figures[name] for target in section.targets for name in names if name in target.figures
        ]
        numbers = [figure for figure in found if isinstance(figure, int)]
        cells.append(sum(numbers) if numbers else "")
    return [*cells, f"**{len(section.missed)} MISSED**" if section.missed else "reached"]


if __name__ == "__main__":
    command.start(main)
