"""Measures what is found again, beside three naive ways to remember, and writes docs/recall.md.

`make recall` plays the invented histories of bench/evidence: held_out.json, of which the page tells, and
data.json, on which the ranking was chosen. `--data FILE` plays another file in LoCoMo's format and only
prints its figures. Exit codes: 0 all targets reached, 1 one was missed or the system failed, 2 the file or
the options are wrong, 130 interrupted.
"""

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if not __package__:
    sys.path.insert(0, str(ROOT))  # run as a command, Python looks only into this folder

from bench.evidence import naive, page, play, scale  # noqa: E402 - the path comes first
from bench.evidence.histories import HistoryError, load, with_questions_of_others  # noqa: E402

DATA = ROOT / "bench" / "evidence" / "held_out.json"
CHOSEN_ON = ROOT / "bench" / "evidence" / "data.json"
OF_OTHERS = 30  # questions for each caller that only another caller's calls answer
DOCS = ROOT / "docs"
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit code."""
    options = _options(arguments)
    whole = options.data == DATA and options.limit is None
    scaled = whole if options.scale is None else options.scale
    began = time.monotonic()

    def progress(words: str) -> None:
        seconds = int(time.monotonic() - began)
        print(f"{seconds // 60:2}:{seconds % 60:02}  {words}", file=sys.stderr, flush=True)

    try:
        histories = with_questions_of_others(load(options.data, options.limit), OF_OTHERS)
        ours = play.play(histories, progress)
        chosen_on = None
        if whole:
            chosen_on = play.play(with_questions_of_others(load(CHOSEN_ON), OF_OTHERS), progress).answers
        shapes = {shape: naive.play(shape, histories, progress) for shape in naive.SHAPES}
        speed = scale.measure(histories, progress) if scaled else None
    except HistoryError as error:
        print(error, file=sys.stderr)
        return 2
    except play.PlayError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        return INTERRUPTED
    run = page.Run(histories, ours, shapes, speed, chosen_on)
    print(page.terminal(run))
    if whole and scaled:
        (DOCS / "charts").mkdir(exist_ok=True)
        for name, drawing in page.charts(run).items():
            (DOCS / "charts" / name).write_text(drawing, encoding="utf-8")
        (DOCS / "recall.md").write_text(page.page(run), encoding="utf-8")
        print("\ndocs/recall.md is written")
    return 0 if all(run.targets().values()) else 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/recall.py", description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=DATA, metavar="FILE", help="histories in LoCoMo's format"
    )
    parser.add_argument("--limit", type=_count, metavar="N", help="play only the first N callers")
    parser.add_argument(
        "--scale",
        action=argparse.BooleanOptionalAction,
        help="measure searches among 50,000 memories (two minutes); docs/recall.md is written only with it."
        " On when the project's own histories are all played",
    )
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of callers: give 1 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
