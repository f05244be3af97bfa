"""`make recall`: measures what is found again, beside three naive ways, and writes docs/recall.md.

It runs the invented histories of bench/retrieval: held_out.json, of which the page tells, and data.json, on
which the ranking was chosen. `--data FILE` runs another file in LoCoMo's format and only prints its figures.
Exit codes: 0 all targets reached, 1 one was missed or the system failed, 2 the file or the options are wrong,
130 interrupted.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]  # run as a command, Python looks only into this folder

from bench.common import command  # noqa: E402 - the path comes first
from bench.retrieval.histories import HistoryError, load, with_questions_of_others  # noqa: E402
from bench.retrieval.scale import MEMORIES  # noqa: E402
from bench.retrieval.sections import Recall  # noqa: E402

SECTIONS = ("found", "naive", "kinds", "context", "scale")
TEMPLATE = ROOT / "bench" / "retrieval" / "recall.md"
DATA = TEMPLATE.with_name("held_out.json")
CHOSEN_ON = TEMPLATE.with_name("data.json")
OF_OTHERS = 30  # questions for each caller that only another caller's calls answer
_WRONG = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = command.parser(__doc__ or "", SECTIONS)
    parser.add_argument(
        "--data", type=Path, default=DATA, metavar="FILE", help="histories in LoCoMo's format"
    )
    parser.add_argument("--limit", type=_count, metavar="N", help="run only the first N callers")
    run = command.Run(
        parser, SECTIONS, arguments, partial=lambda options: bool(options.data != DATA or options.limit)
    )
    limit = run.options.limit or (1 if run.options.quick else None)
    own = run.options.data == DATA and not run.options.limit
    try:
        histories, chosen_on = (load(file, limit) for file in (run.options.data, CHOSEN_ON))
    except HistoryError as error:
        print(error, file=sys.stderr)
        return _WRONG
    recall = Recall(
        with_questions_of_others(histories, OF_OTHERS),
        with_questions_of_others(chosen_on, OF_OTHERS) if own else [],
        run.progress,
        run.times(MEMORIES),
    )
    sections = {name: getattr(recall, name) for name in SECTIONS}
    if not own and run.names == list(SECTIONS):
        del sections["scale"]  # which takes two minutes, and says nothing about the file
    run.measure(sections)
    run.finish(TEMPLATE, lambda: {"first": recall.first_sentence()})
    return run.code


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of callers: give 1 or more")
    return int(text)


if __name__ == "__main__":
    command.start(main)
