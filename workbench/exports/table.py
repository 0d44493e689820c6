"""Texts with their lineage as one table of text cells, for spreadsheets and for programs that read CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from workbench.exports.files import new_file
from workbench.exports.rows import PLAIN_TEXTS, columns, lineage_rows
from workbench.exports.selection import Choice, chosen
from workbench.ids import canonical_json
from workbench.store import Database
from workbench.store.rows import Row
from workbench.verify.check import snapshot

Lines = Callable[[Iterable[Mapping[str, Any]], Iterable[str]], Iterator[str]]


def export_table(
    db: Database,
    out: Path | str,
    lines: Lines,
    choice: Choice | None = None,
    *,
    texts: Sequence[str] = PLAIN_TEXTS,
    force: bool = False,
) -> dict[str, object]:
    """Write finished texts as lines of text, streamed: `lines` makes them of rows and column names.

    Lists become JSON, yes and no become 1 and 0. Gives {"rows", "path"}. Raises as `export_dataset`.
    """
    names, seen = [column.name for column in columns(texts)], count()
    with snapshot(db), new_file(out, force=force) as file:
        rows = lineage_rows(db, chosen(db, choice or Choice()), texts)
        for line in lines((_flat(row) for row, _ in zip(rows, seen, strict=False)), names):
            file.write(f"{line}\n")
    return {"rows": next(seen), "path": str(out)}


def _flat(row: Row) -> Row:
    return {name: _cell(value) for name, value in row.items()}


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    return canonical_json(value) if isinstance(value, list) else value
