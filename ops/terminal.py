"""How a command talks: data on stdout, talk and progress on stderr, questions only to a person."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from ops.errors import cannot_start
from shared.text import plain_text


class Advance(Protocol):
    """Notes that so many more are done."""

    def __call__(self, done: int = 1, *, total: int | None = None) -> None:
        """Note it; a `total` replaces the one that was known."""


@dataclass(frozen=True)
class Terminal:
    """The terminal, or the pipes, that a command was started on.

    What callers said is only ever shown through `plain`: a terminal obeys what it is sent.

    Args:
        as_json: whether data are JSON (`--json`).
        assume_yes: whether questions are answered by `--yes`.
    """

    as_json: bool = False
    assume_yes: bool = False

    def say(self, text: str = "") -> None:
        """A line of talk, on stderr. `NO_COLOR` and pipes are respected."""
        self._talk.print(text, markup=False, highlight=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """A line of talk that should be noticed."""
        self._talk.print(f"warning: {text}", style="yellow", markup=False, highlight=False, soft_wrap=True)

    def data(self, value: object, text: str) -> None:
        """A result, on stdout: `value` as JSON on one line with `--json`, else `text`."""
        sys.stdout.write((json.dumps(value, ensure_ascii=False) if self.as_json else text) + "\n")
        sys.stdout.flush()

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table on stdout, for people; with `--json`, an object for each row."""
        if self.as_json:
            for row in rows:
                self.data(dict(zip(columns, row, strict=True)), "")
            return
        table = Table(*columns, box=None, pad_edge=False)
        for row in rows:
            table.add_row(*map(plain, row))
        Console(highlight=False, markup=False).print(table)

    def confirm(self, question: str, *, typed: str = "") -> None:
        """Go on only if a person agrees, or `--yes` was given.

        Args:
            question: what is about to happen.
            typed: what the person has to type; empty for "yes".

        Raises:
            OperatorError: if the person does not agree, or there is no person to ask.
        """
        if self.assume_yes:
            return
        if not sys.stdin.isatty():
            raise cannot_start(f"{question} There is nobody to ask.", "add --yes if that is meant")
        self.say(question)
        answer = input(f"Type {typed or 'yes'} to go on: ").strip()
        if answer != (typed or "yes"):
            raise cannot_start("nothing was changed")

    @contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[Advance]:
        """Show how far something long has come, with its rate and the time left, where a person looks on."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TaskProgressColumn(show_speed=True),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._talk, disable=not self._talk.is_terminal) as bar:
            task = bar.add_task(what, total=total)

            def advance(done: int = 1, *, total: int | None = None) -> None:
                bar.update(task, advance=done, total=total)

            yield advance

    @property
    def _talk(self) -> Console:
        return Console(stderr=True)


def plain(text: Any) -> str:
    """`text` on one line, without anything that a terminal could obey."""
    return plain_text(str(text))
