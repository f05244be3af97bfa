"""Prints the demo: 100 columns, color only where it is wanted, ASCII where the encoding has no lines."""

import os
import textwrap
import unicodedata
from collections.abc import Mapping
from typing import TextIO

WIDTH = 100
INDENT = "   "
LABEL = 12
COLORS = {"bold": "1", "dim": "2", "green": "32", "red": "31", "cyan": "36"}
ASCII = str.maketrans("─│┌┐└┘→←✓✗•…", "-|++++><*x*.")


class Terminal:
    """A page that is written from top to bottom; `NO_COLOR` and `TERM` in `environ` decide on color."""

    def __init__(self, out: TextIO, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self._out = out
        self._colored = out.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        self._encoding = getattr(out, "encoding", None) or "utf-8"
        self._steps = 0

    def title(self, text: str) -> None:
        """The page's title, underlined."""
        self.line()
        self.line(self._paint(text, "bold"))
        self.line(self._paint("─" * WIDTH, "dim"))

    def step(self, text: str) -> None:
        """The next step, numbered."""
        self._steps += 1
        self.line()
        self.line(self._paint(f"{self._steps}  {text}", "bold", "cyan"))

    def text(self, text: str) -> None:
        """A paragraph."""
        for row in textwrap.wrap(clean(text), WIDTH - len(INDENT)):
            self.line(INDENT + row)

    def entry(self, label: str, text: str, *, rows: int = 0, color: str = "dim") -> None:
        """A text with a label in front, cut to so many rows (0: as many as it takes)."""
        room = WIDTH - len(INDENT) - LABEL - 2
        found = textwrap.wrap(" ".join(clean(text).split()), room, break_on_hyphens=False) or [""]
        if 0 < rows < len(found):
            found = [*found[: rows - 1], found[rows - 1][: room - 1].rstrip() + "…"]
        for row in found:
            self.line(f"{INDENT}{self._paint(f'{label:<{LABEL}}', color)}  {row}")
            label = ""

    def frame(self, label: str, text: str) -> None:
        """A text as it is, in a frame."""
        inner = WIDTH - len(INDENT) - 4
        self.line(INDENT + self._paint(f"┌─ {label} {'─' * (inner - len(label) - 1)}┐", "dim"))
        edge = self._paint("│", "dim")
        for paragraph in text.splitlines():
            hanging = " " * (len(paragraph) - len(paragraph.lstrip(" -")))
            rows = textwrap.wrap(clean(paragraph), inner, subsequent_indent=hanging, break_on_hyphens=False)
            for row in rows or [""]:
                self.line(f"{INDENT}{edge} {row:<{inner}} {edge}")
        self.line(INDENT + self._paint(f"└{'─' * (inner + 2)}┘", "dim"))

    def check(self, text: str, *, passed: bool) -> None:
        """Something that must be true, and whether it is."""
        self.entry("✓ ok" if passed else "✗ FAILED", text, color="green" if passed else "red")

    def verdict(self, text: str, *, good: bool) -> None:
        """The last line."""
        self.line()
        self.line(INDENT + self._paint(text, "bold", "green" if good else "red"))

    def line(self, text: str = "") -> None:
        """One line, with what the encoding cannot write replaced."""
        try:
            text.encode(self._encoding)
        except UnicodeEncodeError:
            text = text.translate(ASCII).encode(self._encoding, "replace").decode(self._encoding)
        print(text, file=self._out, flush=True)

    def _paint(self, text: str, *styles: str) -> str:
        if not self._colored:
            return text
        return f"\033[{';'.join(COLORS[style] for style in styles)}m{text}\033[0m"


def clean(text: str) -> str:
    """The text without control and direction-changing characters, which a terminal would obey."""
    controls = {"Cc", "Cf"}
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if unicodedata.category(character) in controls and character != "\n"
        else character
        for character in text
    )
