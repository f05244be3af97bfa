"""`make faults`: runs the reliability matrix on the Lambda host and writes docs/reliability.md.

Exit code 1 if a call was lost or doubled beyond what the page allows, or anything else is not as it must be.
"""

import argparse
import importlib
import sys
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "lambdas")]

from bench.reliability.page import page  # noqa: E402 - the path comes first
from bench.reliability.report import Results, Section  # noqa: E402

SECTIONS = (
    *("crash", "dependency", "duplicates", "order", "redrive", "size", "rotation", "load"),
    *("signatures", "isolation", "fuzz"),
)
RESULTS = ROOT / ".cache" / "faults.json"
PAGE = ROOT / "docs" / "reliability.md"


def main() -> int:
    """Run what was asked for; 0 if everything is as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, with commas between them")
    parser.add_argument("--calls", type=int, default=20, help="calls for each step of the crash matrix")
    parser.add_argument("--inputs", type=int, default=21_000, help="inputs of the fuzzing")
    options = parser.parse_args()
    wanted = options.only.split(",")
    unknown = set(wanted) - set(SECTIONS)
    if unknown:
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    results = Results(RESULTS)
    wrong = 0
    for key in [key for key in SECTIONS if key in wanted]:
        section = run(key, options)
        wrong += 1 if section is None else len(section.failures)
        if section:
            results.keep(section)
    PAGE.write_text(page(results.sections(SECTIONS)))
    print(f"{PAGE.relative_to(ROOT)} is written; {wrong or 'nothing'} is not as it must be")
    return 1 if wrong else 0


def run(key: str, options: argparse.Namespace) -> Section | None:
    """Run one section and print its table; None if it could not be run to its end."""
    began = time.monotonic()

    def progress(line: str) -> None:
        print(f"  {time.monotonic() - began:6.1f} s  {line}", flush=True)

    print(f"{key}:", flush=True)
    module = importlib.import_module(f"bench.reliability.{key}")
    more = {"crash": {"calls": options.calls}, "fuzz": {"inputs": options.inputs}}.get(key, {})
    try:
        section: Section = module.run(progress, **more)
    except Exception:  # noqa: BLE001 - the other sections are to be run all the same
        traceback.print_exc()
        return None
    section.seconds = round(time.monotonic() - began, 1)
    print(section.markdown(), flush=True)
    return section


if __name__ == "__main__":
    sys.exit(main())
