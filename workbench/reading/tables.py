"""CSV with a header, streamed as dicts."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from workbench.errors import BadFile, BadRow
from workbench.reading.files import text_lines


def csv_rows(path: Path | str, required: Sequence[str] = ()) -> Iterator[tuple[int, dict[str, str]]]:
    """Stream a CSV file's rows as dicts with the line each ends on; raises BadRow on ragged rows."""
    reader = csv.reader(text_lines(path), strict=True)
    header: list[str] | None = None
    try:
        for cells in reader:
            where = f"{path}:{reader.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = _header(cells, required, where)
            elif len(cells) != len(header):
                what = f"{len(cells)} cells under {len(header)} columns"
                raise BadRow(what, where=where, mend="give every row the header's columns")
            else:
                yield reader.line_num, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise BadFile(f"not CSV: {error}", where=f"{path}:{reader.line_num}", mend="mend the quoting") from None
    if header is None and required:
        raise BadFile("the file is empty", where=f"{path}:1", mend=f"give it a header: {','.join(required)}")


def _header(cells: list[str], required: Sequence[str], where: str) -> list[str]:
    names = [cell.strip() for cell in cells]
    if len(set(names)) < len(names):
        raise BadRow("a column stands twice in the header", where=where, mend="name each column once")
    if missing := [name for name in required if name not in names]:
        raise BadRow(f"no column {', '.join(missing)}", where=where, mend=f"the header needs {', '.join(required)}")
    return names
