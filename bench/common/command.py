"""The frame of a bench command: its options, progress, sections one after the other, page, and exit code."""

import argparse
import gc
import os
import platform
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from string import Template
from typing import NoReturn

from bench.common.section import Section, targets_table

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
QUICK = 0.1
"""The share of the usual repetitions in a quick run."""
_SIGNALLED = 128


class MeasureError(Exception):
    """The system did not do what is measured here; the message says what."""


def parser(about: str, names: Sequence[str]) -> argparse.ArgumentParser:
    """The options that all bench commands have."""
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    words = f"measure only these sections of {', '.join(names)} (with spaces or commas); writes no page"
    made.add_argument("--only", nargs="+", metavar="SECTION", default=list(names), help=words)
    made.add_argument(
        "--quick", action="store_true", help="a tenth of the repetitions; writes no page in docs/"
    )
    made.add_argument("--docs", type=Path, metavar="DIR", help="where the page and its charts go (docs)")
    return made


class Run:
    """One run of a command: its sections are measured in turn, printed, and written as one page.

    Args:
        known: the command's parser, and `names`, its sections.
        arguments: of the command line; None takes the process's.
        partial: whether other options make it a part of what the page is about.

    Attributes:
        options: what the command line says.
        sections: what was measured, by name.
        python: the version of Python that ran the functions.
    """

    def __init__(
        self,
        known: argparse.ArgumentParser,
        names: Sequence[str],
        arguments: Sequence[str] | None = None,
        *,
        partial: Callable[[argparse.Namespace], bool] = lambda _options: False,
    ) -> None:
        self.options = known.parse_args(arguments)
        wanted = [name for names in self.options.only for name in names.split(",")]
        if unknown := set(wanted) - set(names):
            known.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(names)}")
        self.names = [name for name in names if name in wanted]
        whole = len(self.names) == len(names) and not partial(self.options)
        self.docs: Path | None = self.options.docs
        if self.docs and not whole:
            known.error("a page is written from a whole run only: leave out --docs, or what makes it partial")
        if whole and not self.options.quick:
            self.docs = self.docs or DOCS
        self.sections: dict[str, Section] = {}
        self.python = platform.python_version()
        self._broken: list[str] = []
        self._began, self._clock = datetime.now(UTC), time.monotonic()

    def times(self, count: int, least: int = 1) -> int:
        """So many repetitions, or in a quick run a tenth of them, but `least`."""
        return max(least, round(count * QUICK)) if self.options.quick else count

    def progress(self, words: str) -> None:
        """Print what is going on, with the time since the run began."""
        seconds = int(time.monotonic() - self._clock)
        print(f"{seconds // 60:2}:{seconds % 60:02}  {words}", flush=True)

    def measure(self, sections: Mapping[str, Callable[[], Section]]) -> None:
        """Measure those sections that are wanted. One that fails does not keep the others from running."""
        for name in [name for name in sections if name in self.names]:
            began = time.monotonic()
            self.progress(f"{name}: begins")
            try:
                section = sections[name]()
            except MeasureError as error:
                self._broken.append(name)
                print(f"{name}: {error}", file=sys.stderr, flush=True)
            except Exception:  # noqa: BLE001 - the other sections are to be measured all the same
                self._broken.append(name)
                traceback.print_exc()
            else:
                section.seconds = time.monotonic() - began
                self.sections[name] = section
                print(f"\n{section.terminal()}\n", flush=True)

    @property
    def complete(self) -> bool:
        """Whether all that was wanted has been measured."""
        return not self._broken

    def finish(self, template: Path, values: Callable[[], Mapping[str, object]]) -> None:
        """Print what became of each section and, after a whole run, write the page.

        Args:
            template: the page's Markdown, whose name and folder name it: `$measured`, `$targets`, `$sections`
                or `$folded` stand for what was measured.
            values: more values for it.
        """
        for name, section in self.sections.items():
            reached = "reached" if section.targets else "measured"
            verdict = f"MISSED: {'; '.join(section.missed)}" if section.missed else reached
            print(f"{name:16}{section.seconds:5.0f} s  {verdict}")
        for name in self._broken:
            print(f"{name:16}         BROKEN OFF")
        if self.docs and self._broken:
            print(f"{template.name} is not written: {', '.join(self._broken)} could not be measured")
        elif self.docs:
            print(f"{self._write(self.docs, template, values())} is written")

    def _write(self, docs: Path, template: Path, values: Mapping[str, object]) -> Path:
        sections = self.sections.values()
        (docs / "charts").mkdir(parents=True, exist_ok=True)
        for chart in [chart for section in sections for chart in section.charts]:
            (docs / "charts" / chart.name).write_text(chart.svg, encoding="utf-8")
        targets = [target for section in sections for target in section.targets]
        text = Template(template.read_text(encoding="utf-8")).substitute(
            values,
            measured=self._measured(),
            targets=targets_table(targets).markdown(),
            sections="\n\n".join(section.markdown() for section in sections),
            folded="\n\n".join(section.folded() for section in sections),
        )
        page = docs / template.name
        page.write_text(text, encoding="utf-8")
        return page

    def _measured(self) -> str:
        minutes = (time.monotonic() - self._clock) / 60
        quick = "**A quick run: a tenth of the usual repetitions.** " if self.options.quick else ""
        return (
            f"{quick}Measured on {self._began:%Y-%m-%d %H:%M} UTC in {minutes:.1f} minutes, on"
            f" {os.cpu_count()} cores ({platform.system()}, {platform.machine()}), Python {self.python}."
            " AWS, Mem0 and ElevenLabs are stand-ins on the same machine; no figure is of the real services."
        )

    @property
    def code(self) -> int:
        """The exit code: 1 if a section could not be measured or a target was missed."""
        return int(bool(self._broken) or any(section.missed for section in self.sections.values()))


def start(main: Callable[[], int]) -> NoReturn:
    """Run a command, and end the process with its exit code; 130 and 143 after SIGINT and SIGTERM."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        code = main()
    except KeyboardInterrupt as stopped:
        number = stopped.args[0] if stopped.args else signal.SIGINT
        print("\nstopped; nothing was written", file=sys.stderr, flush=True)
        code = _SIGNALLED + number
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except Exception:  # noqa: BLE001 - what is left running must not keep the process from ending
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    gc.collect()  # semaphores of processes that were broken off
    # Threads that wait for a retry need not be waited for: all that they talk to has ended.
    os._exit(code)


def _interrupt(number: int, _frame: object) -> None:
    """Break off at the first signal, and let no other one break off the clearing up."""
    for other in (signal.SIGINT, signal.SIGTERM):
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt(number)
