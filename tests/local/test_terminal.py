"""How the story looks on terminals of different kinds."""

import io

from local.terminal import WIDTH, Terminal, clean, shorten


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def page(out: io.StringIO, **environ: str) -> str:
    terminal = Terminal(out, environ)
    terminal.title("Title")
    terminal.step("A step")
    terminal.frame("prompt", "- " + "word " * 60 + "\n\nlast")
    terminal.item("factual", "x" * 300, rows=2)
    terminal.check("It worked", ok=True)
    return out.getvalue()


def test_colour_only_on_a_terminal_that_wants_it() -> None:
    assert "\033[" in page(Screen(), TERM="xterm")
    assert "\033[" not in page(Screen(), TERM="xterm", NO_COLOR="1")
    assert "\033[" not in page(Screen(), TERM="dumb")
    assert "\033[" not in page(io.StringIO(), TERM="xterm")


def test_nothing_is_wider_than_the_page() -> None:
    assert max(map(len, page(io.StringIO()).splitlines())) <= WIDTH


def test_the_frame_is_closed_on_every_row() -> None:
    rows = [row for row in page(io.StringIO()).splitlines() if "│" in row or "┌" in row or "└" in row]
    assert {len(row) for row in rows} == {WIDTH}


def test_an_ascii_terminal_gets_ascii() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    terminal = Terminal(out, {})
    terminal.check("Café", ok=True)
    terminal.frame("x", "żółw")
    out.flush()
    assert b"* ok" in raw.getvalue()


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert clean("a\033[31mb\u202ec") == "a\ufffd[31mb\ufffdc"


def test_a_shortened_text_is_one_line() -> None:
    assert shorten("one\n two  three", 9) == "one two…"
    assert shorten("short", 9) == "short"
