"""CSV that a spreadsheet cannot run: a reversible `'` before cells that would be a formula."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

_RUNS: Final = re.compile(r"[=+\-@\t\r\n'＝＋－＠]")
_NEEDS_QUOTES: Final = re.compile(r'[",;\t\r\n]')  # `;` parts cells where the comma is a decimal point


def guarded(text: str) -> str:
    """Put `'` before text that a spreadsheet would run, or that starts with `'` itself."""
    return f"'{text}" if _RUNS.match(text) else text


def unguarded(cell: str) -> str:
    """Undo `guarded`: every guarded cell gives back its text exactly."""
    return cell.removeprefix("'")


def _cell(value: object, raw: bool) -> str:
    text = value if isinstance(value, str) else "" if value is None else str(value)
    if isinstance(value, str) and not raw:
        text = guarded(text)
    return '"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES.search(text) else text


def csv_lines(rows: Iterable[Mapping[str, Any]], columns: Iterable[str], *, raw: bool) -> Iterator[str]:
    """Give a header and rows as CSV lines without line ends; `raw` leaves the guard out."""
    names = list(columns)
    yield ",".join(_cell(name, raw) for name in names)
    for row in rows:
        yield ",".join(_cell(row.get(name), raw) for name in names)
