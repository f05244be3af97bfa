"""Writes the story on a terminal: headings, steps, quotes, frames, verdicts.

Why it exists: one look for everything that is told, on any terminal: colour only where it is wanted (a
terminal, ``NO_COLOR`` unset), ASCII where the encoding has no lines, never wider than 100 columns.

It refuses control characters in what it shows: memories come from callers, and a terminal obeys what it is
sent.
"""

import os
import re
import textwrap
import unicodedata
from collections.abc import Mapping
from typing import Final, TextIO

WIDTH: Final = 100
_INDENT: Final = "   "
_LABEL: Final = 8
_BULLET: Final = re.compile(r"\s*(?:[-*•]\s+)?")
_COLOURS: Final = {"bold": "1", "dim": "2", "green": "32", "red": "31", "cyan": "36", "yellow": "33"}
_ASCII: Final = str.maketrans("─│┌┐└┘→←✓✗•…", "-|++++><*x*.")


class Terminal:
    """A page that is written from top to bottom.

    Args:
        out: where to; flushed after each line, so that the reader keeps pace.
        environ: decides on colour (``NO_COLOR``, ``TERM``); the process's own by default.
    """

    def __init__(self, out: TextIO, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self._out = out
        self._coloured = out.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        self._encoding = getattr(out, "encoding", None) or "utf-8"
        self._plain = not _can_write("─→✓", self._encoding)
        self._step = 0

    def title(self, text: str) -> None:
        """The page's title, underlined."""
        self.line()
        self.line(self.paint(text, "bold"))
        self.line(self.paint("─" * WIDTH, "dim"))

    def step(self, text: str) -> None:
        """The next step, numbered."""
        self._step += 1
        self.line()
        self.line(self.paint(f"{self._step}  {text}", "bold", "cyan"))

    def text(self, text: str) -> None:
        """A paragraph of the story."""
        for row in textwrap.wrap(clean(text), WIDTH - len(_INDENT)):
            self.line(_INDENT + row)

    def sent(self, who: str, what: str) -> None:
        """Something that goes to one of our functions; two rows at the most."""
        self._arrow("→", who, what)

    def answered(self, who: str, what: str) -> None:
        """Something that comes back."""
        self._arrow("←", who, what)

    def said(self, who: str, what: str) -> None:
        """A spoken sentence, with its speaker in front."""
        rows = textwrap.wrap(clean(what), WIDTH - len(_INDENT) - 9) or ["(silence)"]
        for index, row in enumerate(rows):
            name = f"{who if not index else '':<8} "
            self.line(_INDENT + self.paint(name, "dim") + row)

    def item(self, label: str, text: str, *, rows: int = 1) -> None:
        """One entry of a list, cut to this many rows."""
        label = f"{label:<{_LABEL}}"
        room = WIDTH - len(_INDENT) - len(label) - 4
        first, *rest = textwrap.wrap(
            shorten(text, room * rows), room, max_lines=rows, placeholder="…", break_on_hyphens=False
        ) or [""]
        self.line(f"{_INDENT}{self.paint('•', 'dim')} {self.paint(label, 'dim')}  {first}")
        for row in rest:
            self.line(f"{_INDENT}{' ' * (len(label) + 4)}{row}")

    def frame(self, label: str, text: str) -> None:
        """A text as it is, in a frame."""
        inner = WIDTH - len(_INDENT) - 4
        self.line(_INDENT + self.paint(f"┌─ {label} {'─' * (inner - len(label) - 1)}┐", "dim"))
        for paragraph in text.splitlines():
            hanging = " " * len("".join(_BULLET.findall(paragraph)[:1]))
            for row in textwrap.wrap(
                clean(paragraph), inner, subsequent_indent=hanging, break_on_hyphens=False
            ) or [""]:
                self.line(f"{_INDENT}{self.paint('│', 'dim')} {row:<{inner}} {self.paint('│', 'dim')}")
        self.line(_INDENT + self.paint(f"└{'─' * (inner + 2)}┘", "dim"))

    def check(self, text: str, ok: bool | None, detail: str = "") -> None:
        """One line of the verdict: ok, FAILED, or not reached (None)."""
        word = {True: "ok", False: "FAILED", None: "not reached"}[ok]
        mark = {True: "✓", False: "✗", None: "•"}[ok]
        colour = {True: "green", False: "red", None: "yellow"}[ok]
        shown = f" ({clean(detail)})" if detail else ""
        rows = textwrap.wrap(f"{clean(text)}{shown}", WIDTH - len(_INDENT) - 16)
        self.line(f"{_INDENT}{self.paint(f'{mark} {word:<11}', colour, 'bold')}  {rows[0]}")
        for row in rows[1:]:
            self.line(f"{_INDENT}{'':<15}{row}")

    def verdict(self, text: str, *, good: bool) -> None:
        """The last word."""
        self.line()
        self.line(_INDENT + self.paint(text, "bold", "green" if good else "red"))

    def paint(self, text: str, *styles: str) -> str:
        """The text in these styles, or as it is where there is no colour."""
        if not self._coloured:
            return text
        codes = ";".join(_COLOURS[style] for style in styles)
        return f"\033[{codes}m{text}\033[0m"

    def line(self, text: str = "") -> None:
        """One line, with what the encoding cannot write replaced."""
        if self._plain:
            text = text.translate(_ASCII).encode(self._encoding, "replace").decode(self._encoding)
        print(text, file=self._out, flush=True)

    def _arrow(self, arrow: str, who: str, what: str) -> None:
        room = WIDTH - len(_INDENT) - 14
        first, *rest = textwrap.wrap(shorten(what, 2 * room - 12), room) or [""]
        self.line(f"{_INDENT}{self.paint(arrow, 'cyan')} {self.paint(f'{who:<10}', 'dim')}  {first}")
        for row in rest:
            self.line(f"{_INDENT}{'':<14}{row}")


def clean(text: str) -> str:
    """The text without control and direction-changing characters."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(each) in {"Cc", "Cf"} else each for each in text
    )


def shorten(text: str, room: int) -> str:
    """The text on one line, cut to ``room`` characters with an ellipsis."""
    flat = clean(" ".join(text.split()))
    return flat if len(flat) <= room else flat[: room - 1].rstrip() + "…"


def _can_write(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
