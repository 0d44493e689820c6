"""Rows of another package's page as a table: as many and as much of each as a browser takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

ROWS: Final = 1_000
COLUMNS: Final = 100
LETTERS: Final = 2_000  # of a cell


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by name, rows of cells as (text, whether it is a number), and how many rows are left out."""

    names: Sequence[str]
    rows: Sequence[Sequence[tuple[str, bool]]]
    more: int


def table_of(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Lay rows out under the names of all of them, in the order in which they come; text is cut, never escaped."""
    shown = rows[:ROWS]
    names = list(dict.fromkeys(name for row in shown for name in row))[:COLUMNS]
    cells = [[_cell(row.get(name)) for name in names] for row in shown]
    return Table([_cut(name) for name in names], cells, len(rows) - len(shown))


def _cell(value: Any) -> tuple[str, bool]:
    if value is None:
        return "", False
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return (f"{value:,}" if isinstance(value, int) and number else _cut(str(value))), number


def _cut(text: str) -> str:
    return text if len(text) <= LETTERS else text[:LETTERS] + "…"
