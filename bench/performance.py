"""Measures how fast AgenticMemory is beside the naive way, and writes docs/performance.md.

`make bench` runs all of it, in under ten minutes on two cores; a partial run only prints.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if not __package__:
    sys.path.insert(0, str(ROOT))  # run as a command, Python looks only into this folder

from bench.measure import (  # noqa: E402 - path set
    calls,
    cold,
    connections,
    console,
    deadline,
    page,
    price,
    ring,
    warm,
)
from bench.measure.report import Section, terminal  # noqa: E402
from bench.measure.rig import RUNTIME, Rig, find_python  # noqa: E402

FEW, MANY = 0.1, 1.0


def parts(rig: Rig, share: float) -> dict[str, Callable[[], Section]]:
    """The measurements by name, in their order; `share` of the usual repetitions."""

    def times(count: int, least: int) -> int:
        return max(least, round(count * share))

    return {
        "cold": lambda: cold.measure(rig, times(10, 2)),
        "ring": lambda: ring.measure(rig, times(10, 2)),
        "layer": lambda: cold.measure_layer(rig),
        "warm": lambda: warm.measure(rig, times(2000, 40)),
        "trips": lambda: warm.measure_trips(rig),
        "handshakes": lambda: connections.measure(rig, times(5, 2)),
        "acknowledgement": lambda: calls.measure(rig, times(25, 5)),
        "worker": lambda: calls.measure_worker(rig, times(20, 3)),
        "growth": lambda: warm.measure_growth(rig, times(100, 20)),
        "deadline": lambda: deadline.measure(rig),
        "console": lambda: console.measure(rig.progress),
    }


def main(arguments: list[str] | None = None) -> int:
    """The command; returns 0 when everything was measured, whether or not the targets were reached."""
    options = _options(arguments)
    began = time.monotonic()

    def progress(words: str) -> None:
        seconds = int(time.monotonic() - began)
        print(f"{seconds // 60:2}:{seconds % 60:02}  {words}", flush=True)

    python = options.python or find_python(RUNTIME, sys.executable)
    sections: list[Section] = []
    with Rig(python, progress) as rig:
        everything = parts(rig, FEW if options.quick else MANY)
        wanted = options.only or list(everything)
        for name in wanted:
            if name in everything:
                sections.append(everything[name]())
                print(terminal(sections[-1].targets), flush=True)
    if set(everything) <= set(wanted):
        figures = {name: value for section in sections for name, value in section.figures.items()}
        sections.append(price.measure(figures))
    print("\nTargets\n" + terminal([target for section in sections for target in section.targets]))
    if options.docs:
        page.write(options.docs, sections, python=python, seconds=time.monotonic() - began)
        progress(f"wrote {options.docs / 'performance.md'}")
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/performance.py",
        description="Measure AgenticMemory beside the naive way.",
        epilog=EXAMPLES,
    )
    parser.add_argument("--only", metavar="NAME", nargs="+", help="measure only these; writes no document")
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions; writes no document")
    parser.add_argument("--python", help="the interpreter that runs the functions (3.13, where there is one)")
    parser.add_argument("--docs", type=Path, metavar="DIR", help="where performance.md and charts/ go (docs)")
    options = parser.parse_args(arguments)
    if options.only and options.docs:
        parser.error("--only measures a part, and the document needs all of it: leave one of the two out")
    if not (options.docs or options.only or options.quick):
        options.docs = ROOT / "docs"
    return options


EXAMPLES = "Names: cold ring layer warm trips handshakes acknowledgement worker growth deadline console"

if __name__ == "__main__":
    sys.exit(main())
