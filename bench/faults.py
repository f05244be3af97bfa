"""`make faults`: runs the reliability matrix on the Lambda host and writes docs/reliability.md.

With `--only`, the other sections keep their newest result. Exit code 1 if a call was lost or stored twice
beyond what the page allows, or another row is wrong.
"""

import argparse
import compileall
import gc
import importlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "lambdas")]

from bench.reliability.page import page  # noqa: E402 - the path comes first
from bench.reliability.report import Results, Section, broken_off  # noqa: E402

SECTIONS = (
    *("crash", "dependency", "duplicates", "order", "redrive", "size", "rotation", "load"),
    *("signatures", "isolation", "fuzz", "backfill", "doctor"),
)
RESULTS = ROOT / ".cache" / "faults.json"
PAGE = ROOT / "docs" / "reliability.md"
INTERRUPTED = 130


def main() -> int:
    """Run what was asked for; 0 if all cases passed."""
    options = _options()
    wanted = [key for key in SECTIONS if key in options.only.split(",")]
    began, clock = _now(), time.monotonic()
    compileall.compile_dir(ROOT / "lambdas", quiet=1)  # instances are started and killed by the hundred
    done = [run(key, options) for key in wanted]
    seconds = time.monotonic() - clock
    results = Results(RESULTS)
    results.keep(done, alone=set(wanted) == set(SECTIONS))
    held = results.sections(SECTIONS)
    missing = [key for key in SECTIONS if key not in {section.key for section in held}]
    PAGE.write_text(page(held, missing=missing, now=wanted, began=began, seconds=seconds))
    wrong = sum(len(section.failures) for section in done)
    _summary(done, seconds)
    print(f"{PAGE.relative_to(ROOT)} is written; failed cases: {wrong or 'none'}")
    return 1 if wrong else 0


def run(key: str, options: argparse.Namespace) -> Section:
    """Run one section and print its table."""
    measured, began = _now(), time.monotonic()

    def progress(line: str) -> None:
        print(f"  {time.monotonic() - began:6.1f} s  {line}", flush=True)

    print(f"{key}:", flush=True)
    more = {
        "crash": {"calls": options.calls},
        "fuzz": {"inputs": options.inputs},
        "backfill": {"conversations": options.conversations},
    }.get(key, {})
    section: Section
    try:
        section = importlib.import_module(f"bench.reliability.{key}").run(progress, **more)
    except Exception as error:  # noqa: BLE001 - the other sections are to be run all the same
        traceback.print_exc()
        section = broken_off(key, f"{type(error).__name__}: {error}"[:300])
    section.seconds = round(time.monotonic() - began, 1)
    section.measured = measured
    print(section.markdown(), flush=True)
    return section


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only",
        default=",".join(SECTIONS),
        metavar="SECTIONS",
        help=f"sections to run, with commas between them; there are {', '.join(SECTIONS)} (default: all)",
    )
    parser.add_argument(
        "--calls",
        type=int,
        default=20,
        help="calls for each step of the crash matrix (default: %(default)s)",
    )
    parser.add_argument(
        "--inputs", type=int, default=20_000, help="inputs of the fuzzing (default: %(default)s)"
    )
    parser.add_argument(
        "--conversations",
        type=int,
        default=10_000,
        help="conversations that are backfilled (default: %(default)s)",
    )
    options = parser.parse_args()
    unknown = set(options.only.split(",")) - set(SECTIONS)
    if unknown:
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    return options


def _summary(done: Sequence[Section], seconds: float) -> None:
    for section in done:
        wrong = "; ".join(row.case for row in section.failures)
        print(f"{section.key:12}{section.seconds:6.0f} s  {f'FAILED: {wrong}' if wrong else 'passed'}")
    print(f"{'together':12}{seconds:6.0f} s")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _interrupt(_number: int, _frame: object) -> None:
    """Break off at the first Ctrl-C, and let nothing break off the clearing up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGINT, _interrupt)
    try:
        code = main()
    except KeyboardInterrupt:
        print("\nstopped; nothing was written", flush=True)
        code = INTERRUPTED
    sys.stdout.flush()
    gc.collect()  # semaphores of processes that were broken off
    # Threads that wait for a retry need not be waited for: all that they talk to has ended.
    os._exit(code)
