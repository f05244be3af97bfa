"""`make bench`: measures how fast AgenticMemory is beside the naive way, and writes docs/performance.md.

All of it takes under ten minutes on two cores. Exit codes: 0 everything was measured, whether or not the
targets were reached, 1 something could not be measured, 2 the options are wrong, 130 interrupted.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]  # run as a command, Python looks only into this folder

from bench.common import command  # noqa: E402 - the path comes first
from bench.common.section import Section, ms  # noqa: E402
from bench.measure import calls, cold, connections, console, deadline, price, ring, warm  # noqa: E402
from bench.measure.rig import RUNTIME, HostRig, find_python  # noqa: E402
from local.lambda_host.toolchain import python_minor  # noqa: E402

SECTIONS = (
    *("cold", "ring", "layer", "warm", "trips", "handshakes", "acknowledgement", "worker", "growth"),
    *("deadline", "console"),
)
TEMPLATE = ROOT / "bench" / "measure" / "performance.md"
# One vCPU at 1,769 MB. https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MEMORY_MB, FULL_CORE_MB = 512, 1769


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = command.parser(__doc__ or "", SECTIONS)
    parser.add_argument("--python", help="the interpreter that runs the functions (3.13, where there is one)")
    run = command.Run(parser, SECTIONS, arguments)
    python = run.options.python or find_python(RUNTIME, sys.executable)
    run.python = f"{python_minor(python)} in the functions"
    with HostRig(python, run.progress) as rig:
        run.measure(sections(rig, run.times))
    if run.complete and run.names == list(SECTIONS):
        run.sections["price"] = price.measure(figures(run.sections))
    run.finish(TEMPLATE, lambda: values(figures(run.sections)))
    return 0 if run.complete else 1


def sections(rig: HostRig, times: Callable[[int, int], int]) -> dict[str, Callable[[], Section]]:
    """The measurements by name."""
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


def figures(found: Mapping[str, Section]) -> dict[str, float]:
    """The figures of all sections."""
    return {name: value for section in found.values() for name, value in section.figures.items()}


def values(found: Mapping[str, float]) -> dict[str, object]:
    """What the page says besides the sections: CPU time at a function's share of a core."""
    share = MEMORY_MB / FULL_CORE_MB
    start, own, naive = (found[f"client-data.{what}"] for what in ("ours.cpu", "ours.own_cpu", "naive.cpu"))
    return {
        "memory": MEMORY_MB,
        "share": f"{share:.2f}",
        "cpu": ms(start),
        "slow": ms(start / share),
        "own": ms(own),
        "slow_own": ms(own / share),
        "resident": f"{found['resident']:.0f}",
        "cold": ms(found["client-data.ours.wall"]),
        "restored": ms(found["client-data.restored"]),
        "naive": ms(naive),
        "naive_slow": f"{naive / share / 1000:.0f}",
    }


if __name__ == "__main__":
    command.start(main)
