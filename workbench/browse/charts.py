"""Charts with axes, made of the elements of `svg`: columns of shares, and an area over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Final

from markupsafe import Markup

from workbench.browse import svg
from workbench.browse.svg import Share

LEFT: Final = 46.0  # room for the numbers at the side
TOP: Final = 8.0
BELOW: Final = 20.0  # room for the ticks
APART: Final = 46.0  # between two ticks


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a chart: its shares from the bottom up, what it says, and the tick at its left edge."""

    shares: Sequence[Share]
    said: str
    tick: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """The size of a chart, and whether ticks stand below the middle of their columns and not at the left edge."""

    width: float = 820.0
    height: float = 96.0
    centred: bool = False

    @property
    def right(self) -> float:
        """The width that is left for the columns."""
        return self.width - LEFT


def nice(value: float) -> float:
    """Give the next number of the form 1, 2, 2.5 or 5 times a power of ten; 1 for nothing."""
    if value <= 0:
        return 1.0
    power = 10.0 ** floor(log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value * 0.999)


def amount(value: float) -> str:
    """Write a number briefly: 950, 1.2k, 3M, 0.004."""
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{sign}"
    return f"{value:.3g}"


def duration(seconds: float) -> str:
    """Write a length of time briefly: 20 ms, 0.2 s, 45 s, 2 min, 1 h 30, 3 d."""
    if 0 < seconds < 0.1:
        return f"{seconds * 1000:.2g} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{seconds / 60:.3g} min"
    if minutes >= 2_880:
        return f"{minutes / 1440:.3g} d"
    return f"{minutes // 60} h {minutes % 60:02d}" if minutes % 60 else f"{minutes // 60} h"


def took(milliseconds: float) -> str:
    """Write the time that a call took."""
    return duration(milliseconds / 1000)


def columns(given: Sequence[Column], label: str, frame: Frame = Frame(), top: float = 0) -> Markup:
    """Give a chart of columns, side by side; `top` is the height of the axis, or what the highest column asks for."""
    top = top or nice(max((sum(size for _, size in one.shares) for one in given), default=0))
    wide = frame.right / max(len(given), 1)
    gap = 1.0 if wide > 4 else 0.0
    parts = _axis(frame, top)
    for place, one in enumerate(given):
        x = LEFT + place * wide
        title = svg.element("title", one.said)
        total = min(sum(size for _, size in one.shares), top)
        bars = svg.pile(x + gap / 2, TOP, wide - gap, frame.height, one.shares, max(top, total))
        parts.append(svg.element("g", title, svg.box(x, TOP, wide, frame.height, "over"), *bars, class_="column"))
    return _finished(frame, [*parts, *_ticks(given, wide, frame)], label)


def area(given: Sequence[Column], label: str, frame: Frame = Frame()) -> Markup:
    """Give an area under steps, each as high as the sum of its shares."""
    values = [sum(size for _, size in one.shares) for one in given]
    top, wide = nice(max(values, default=0)), frame.right / max(len(given), 1)
    base = TOP + frame.height
    points = [f"{LEFT + n * wide:.1f},{base - frame.height * value / top:.1f}" for n, value in _corners(values)]
    path = f"M{LEFT},{base} L{' '.join(points)} L{LEFT + len(values) * wide:.1f},{base} Z" if values else ""
    over = [
        svg.element(
            "g",
            svg.element("title", one.said),
            svg.box(LEFT + n * wide, TOP, wide, frame.height, "over"),
            class_="column",
        )
        for n, one in enumerate(given)
    ]
    parts = [*_axis(frame, top), svg.element("path", d=path, class_="area"), *over, *_ticks(given, wide, frame)]
    return _finished(frame, parts, label)


def _corners(values: Sequence[float]) -> list[tuple[int, float]]:
    return [corner for n, value in enumerate(values) for corner in ((n, value), (n + 1, value))]


def _axis(frame: Frame, top: float) -> list[Markup]:
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = TOP + frame.height * (1 - share)
        parts.append(svg.element("line", x1=LEFT, y1=y, x2=frame.width, y2=y, class_="rule"))
        if share:
            parts.append(svg.text(LEFT - 6, y + 4, amount(top * share), class_="tick", text_anchor="end"))
    return parts


def _ticks(given: Sequence[Column], wide: float, frame: Frame) -> list[Markup]:
    parts, free = [], LEFT - APART
    for place, one in enumerate(given):
        x = LEFT + (place + frame.centred / 2) * wide
        if one.tick and x - free >= APART and x + APART / 2 <= frame.width:
            base = TOP + frame.height
            parts.append(svg.element("line", x1=x, y1=base, x2=x, y2=base + 4, class_="rule"))
            parts.append(svg.text(x, base + 16, one.tick, class_="tick", text_anchor="middle"))
            free = x
    return parts


def _finished(frame: Frame, parts: list[Markup], label: str) -> Markup:
    return svg.picture(frame.width, TOP + frame.height + BELOW, parts, label, "axes")
