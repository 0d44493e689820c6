"""Which columns of a table a terminal has room for, and how wide: IDs stay whole, sentences are cut. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from workbench.cli.visible import width

CELL: Final = 80  # characters of a table's cell
WORD: Final = 24  # a name or an ID up to here is shown whole: cut, it could not be typed again
SENTENCE: Final = 16  # what is left of longer text, at least: a time is whole
HEAD: Final = 8  # and of a column's name
GAP: Final = 2
# What a table is asked for, the first first.
TELLING: Final = (
    *("score", "mean", "mean_of_maxima_0_to_1", "agreement", "verdict", "status"),
    *("done", "failed", "pending", "cost", "snippet", "concepts", "topic"),
)


def fitted(heads: Sequence[str], rows: Iterable[Sequence[str]], room: int) -> dict[int, int]:
    """Give the width of each column that is shown, by its place; all of them where there is room.

    Otherwise columns without a value go first; then whatever still fits at its least width is shown: the first one
    that has a value always, then those that a table is asked for, then the others from the left.
    """
    columns = list(zip(heads, *rows, strict=True))
    natural = [max(map(width, column)) for column in columns]
    if _across(natural) <= room:
        return dict(enumerate(natural))
    shown: dict[int, int] = {}
    full = [place for place, (_, *cells) in enumerate(columns) if any(cells)] or [0]
    for place in sorted(full, key=lambda place: (place != full[0], _rank(heads[place]))):
        least = _least(*columns[place])
        if not shown or _across([*shown.values(), least]) <= room:
            shown[place] = min(least, max(room, 1))
    return _widened(dict(sorted(shown.items())), natural, room)


def _rank(head: str) -> int:
    """Give a column's turn; a pivot's columns of scores, `rubric|model`, are what it is asked for."""
    return 0 if "|" in head else TELLING.index(head) if head in TELLING else len(TELLING)


def _across(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _least(head: str, *cells: str) -> int:
    widest = max(map(width, cells), default=0)
    words = widest <= WORD and not any(" " in cell for cell in cells)
    return max(widest if words else min(widest, SENTENCE), min(width(head), HEAD))


def _widened(least: dict[int, int], natural: Sequence[int], room: int) -> dict[int, int]:
    """Share what is left: each column up to one common width, or its own."""
    for cap in range(CELL, 0, -1):
        widths = {place: max(wide, min(natural[place], cap)) for place, wide in least.items()}
        if _across(list(widths.values())) <= room:
            return widths
    return least
