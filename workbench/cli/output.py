"""The one way out: results on stdout as text, JSON or CSV; notes on stderr."""

from __future__ import annotations

import base64
import json
import math
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final, Literal

import click

from workbench.cli.columns import CELL, fitted
from workbench.cli.spreadsheet import csv_lines
from workbench.cli.visible import hides, visible, width

Row = Mapping[str, Any]
_SUSPECT: Final = re.compile(r"[^\x20-\x7e\n]")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@dataclass(frozen=True, slots=True)
class Form:
    """How results are written: text for people, JSON, or CSV (`raw`: without the spreadsheet guard)."""

    kind: Literal["text", "json", "csv"] = "text"
    raw: bool = False


def note(text: str) -> None:
    """Write a line for people to stderr, if anybody still reads it: work that is paid for does not stop for that."""
    with suppress(BrokenPipeError):
        click.echo(visible(text, keep="\n"), err=True)


def line(text: str) -> None:
    """Write a line of text for people to stdout, hidden characters made visible."""
    click.echo(visible(text, keep="\n\t"))


def heading(text: str) -> None:
    """Write a heading to stdout, bold where there are colours."""
    click.echo(bold(visible(text)))


def bold(text: str) -> str:
    """Give text that is already visible in bold, on a terminal without NO_COLOR."""
    return click.style(text, bold=True) if _colours() else text


def _colours() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def to_json(value: object, indent: int | None = None) -> str:
    """Write JSON that is exact and safe to print: hidden characters as escapes, blobs as base64, no NaN."""
    text = json.dumps(_plain(value), ensure_ascii=False, indent=indent, allow_nan=False)
    return _SUSPECT.sub(lambda m: json.dumps(m[0])[1:-1] if hides(m[0]) else m[0], text)


def _plain(value: object) -> object:
    match value:
        case bytes():
            return {"$base64": True, "encoded": base64.b64encode(value).decode()}
        case float() if not math.isfinite(value):
            return None
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case str() | int() | float() | None:
            return value
        case Iterable():
            return [_plain(item) for item in value]
    return str(value)


def many(count: int, noun: str, plural: str = "") -> str:
    """Count things in words: `1 call`, `2,000 calls`; `plural` where it is not made with an s."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def document(value: Row, form: Form, text: Callable[[], Iterable[str]] | None = None) -> None:
    """Write one result: a JSON object, or the lines that `text` gives (default: its keys and values)."""
    if form.kind == "json":
        click.echo(to_json(value, indent=2))
        return
    for one in text() if text else facts(value):
        line(one)


def facts(value: Row) -> Iterator[str]:
    """Give a mapping as aligned lines of key and value; what is empty is left out."""
    known = {str(key): shown(item, None) for key, item in value.items() if item not in (None, "", [], {})}
    wide = max(map(width, known), default=0)
    for key, item in known.items():
        yield f"{key.ljust(wide)}  {item}"


def table(rows: Iterable[Row], form: Form, columns: Sequence[str] | None = None, empty: str = "") -> None:
    """Write rows as a JSON list, as CSV or as an aligned table; `empty` is said to people when there are none.

    Columns are those given, else those of the first row. JSON and CSV are streamed.
    """
    rows = iter(rows)
    first = list(islice(rows, 1))
    names = list(columns or (first[0] if first else ()))
    rows = chain(first, rows)
    if form.kind == "json":
        _json_list(rows)
    elif form.kind == "csv":
        for one in csv_lines(rows, names, raw=form.raw) if names else ():
            click.echo(one)
    elif first:
        aligned(list(rows), names)
    elif empty:
        note(empty)


def _json_list(rows: Iterable[Row]) -> None:
    click.echo("[", nl=False)
    try:
        for number, row in enumerate(rows):
            click.echo(f"{',' if number else ''}\n  {to_json(row)}", nl=False)
    finally:  # a query that runs out of time still leaves a whole document
        click.echo("\n]")


def stream(items: Iterable[Row], form: Form, text: Callable[[Row], str]) -> None:
    """Write items as they come, one line each: JSON Lines, or what `text` makes of one."""
    for item in items:
        if form.kind == "json":
            click.echo(to_json(item))
        else:
            line(text(item))
        sys.stdout.flush()


def shown(value: object, limit: int | None = CELL) -> str:
    """Give one value as people read it, at most `limit` characters."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.6g}"
        case bytes():
            return f"<{len(value):,} bytes>"
        case Mapping() | list() | tuple():
            return visible(to_json(value), limit)
    return visible(str(value), limit)


def aligned(rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Write rows as a plain table, numbers to the right; on a terminal what it has room for, and what it has not."""
    cells = [[_cell(row.get(name)) for name in columns] for row in rows]
    heads = [visible(name, CELL) for name in columns]
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    widths = fitted(heads, cells, room)
    right = [all(isinstance(r.get(n), int | float | None) for r in rows) for n in columns]
    click.echo(bold(_joined(heads, widths, right)))
    for row in cells:
        click.echo(_joined(row, widths, right))
    full = {place for place in range(len(columns)) if any(row[place] for row in cells)}
    if missing := sorted(full - widths.keys()):
        names = ", ".join(heads[place] for place in missing)
        note(f"no room for {names}: widen the terminal, add `| less -S`, or use --json")


def _cell(value: object) -> str:
    if isinstance(value, str) and sys.stdout.isatty() and _MOMENT.fullmatch(value):
        return f"{value[:10]} {value[11:16]}"  # to the minute; piped, CSV and JSON have it whole
    return shown(value)


def _joined(cells: Sequence[str], widths: Mapping[int, int], right: Sequence[bool]) -> str:
    return "  ".join(_padded(cells[place], wide, right[place]) for place, wide in widths.items()).rstrip()


def _padded(cell: str, wide: int, right: bool) -> str:
    while width(cell) > wide:
        cell = cell[:-2] + "…"
    pad = " " * (wide - width(cell))
    return pad + cell if right else cell + pad
