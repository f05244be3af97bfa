"""Draws bar charts as SVG, readable on a light and on a dark page, without a plotting library."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH = 720
BAR = 22
GAP = 8
LEFT = 210
RIGHT = 110
OURS = "#0f766e"
NAIVE = "#b45309"
LIMIT = "#64748b"


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One bar: its label, its value, the value in words, and its colour."""

    label: str
    value: float
    words: str
    colour: str


def bars(title: str, groups: Sequence[Sequence[Bar]]) -> str:
    """A horizontal bar chart; a gap between the groups. All bars share one scale that starts at 0."""
    largest = max(bar.value for group in groups for bar in group) or 1.0
    parts: list[str] = []
    y = 44
    for group in groups:
        for bar in group:
            width = max(1.0, (WIDTH - LEFT - RIGHT) * bar.value / largest)
            middle = y + BAR / 2 + 5
            parts += [
                f'<text x="{LEFT - 10}" y="{middle:g}" text-anchor="end">{escape(bar.label)}</text>',
                f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2" fill="{bar.colour}"/>',
                f'<text x="{LEFT + width + 8:.1f}" y="{middle:g}">{escape(bar.words)}</text>',
            ]
            y += BAR + GAP
        y += GAP * 2
    # A background of its own: the text would vanish on a page of the same colour.
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" '
        f'role="img" font-family="system-ui, sans-serif" font-size="14" fill="#1e293b">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="{WIDTH}" height="{y}" rx="6" fill="#f8fafc"/>\n'
        f'<text x="16" y="26" font-weight="600">{escape(title)}</text>\n' + "\n".join(parts) + "\n</svg>\n"
    )
