"""A plot as SVG: lines over seconds. So little is drawn that no library is needed for it."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM, _RIGHT = 860, 380, 70, 50, 50, 20
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c")
_TICKS = 5

Points = Sequence[tuple[float, float]]


def svg(title: str, axes: tuple[str, str], lines: Mapping[str, Points]) -> str:
    """Draw lines.

    Args:
        title: what is seen.
        axes: what the horizontal and the vertical axis count.
        lines: points by the line's name; neither axis begins below 0.
    """
    points = [point for line in lines.values() for point in line]
    right = max((x for x, _ in points), default=0) or 1
    high = max((y for _, y in points), default=0) or 1

    def place(x: float, y: float) -> str:
        across = _LEFT + (_WIDTH - _LEFT - _RIGHT) * x / right
        down = _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * y / high
        return f"{across:.1f},{down:.1f}"

    parts = [_text(_LEFT, 22, title, size=15), _text(_WIDTH // 2, _HEIGHT - 10, axes[0])]
    parts.append(_text(_LEFT, 42, axes[1]))
    for tick in range(_TICKS + 1):
        x, y = right * tick / _TICKS, high * tick / _TICKS
        start, end = place(0, y).split(","), place(right, y).split(",")
        parts.append(
            f'<line x1="{start[0]}" y1="{start[1]}" x2="{end[0]}" y2="{end[1]}" stroke="#ddd"/>'
        )
        parts.append(_text(_LEFT - 8, float(start[1]) + 4, f"{y:,.0f}", anchor="end"))
        parts.append(_text(float(place(x, 0).split(",")[0]), _HEIGHT - 30, f"{x:,.0f}", "middle"))
    for number, (name, line) in enumerate(lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " ".join(place(x, y) for x, y in line)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>'
        )
        parts.append(_text(_LEFT + 14, _TOP + 18 + 18 * number, name, colour=colour))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'font-family="sans-serif" font-size="12">\n'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>\n{body}\n</svg>\n'
    )


def _text(
    x: float, y: float, text: str, anchor: str = "start", *, colour: str = "#333", size: int = 12
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" '
        f'font-size="{size}">{html.escape(text)}</text>'
    )
