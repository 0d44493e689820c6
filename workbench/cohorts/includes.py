"""The lists of a spec, inline or in files beside it, each value with the line on which it stands."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from workbench.cohorts.faults import SHOWN
from workbench.errors import BadFile, BadRow, BadSpec, WorkbenchError, raise_all
from workbench.reading import Located, json_text, text_file, yaml_text

MARK: Final = "@file:"
SUFFIXES: Final = (".csv", ".txt", ".json", ".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Listing:
    """Values that a spec lists, with where each stands; `header` names the columns when they are CSV rows."""

    values: Sequence[Any]
    source: str
    lines: Sequence[int]
    header: tuple[str, ...] = ()

    def where(self, index: int) -> str:
        """Give `file:line` of the value with this 0-based index."""
        return f"{self.source}:{self.lines[index]}"


def included_name(reference: str, where: str) -> str:
    """Give the plain relative name of an `@file:` reference; raises BadSpec if it could leave the spec's folder."""
    text = reference.removeprefix(MARK).strip()
    path = PurePosixPath(text)
    if not text or path.is_absolute() or ".." in path.parts or re.search(r"[\x00-\x1f\\:]", text):
        raise BadSpec(f"{reference[:200]!r} leaves the spec's folder", where=where, mend="name a file beside it")
    if path.suffix.lower() not in SUFFIXES:
        raise BadSpec(f"{reference[:200]!r} is of no known kind", where=where, mend=f"use {' '.join(SUFFIXES)}")
    return str(path)


def fetch(folder: Path, name: str, where: str) -> str:
    """Read an included file's text; a symbolic link on the way below the folder is refused. Raises BadSpec."""
    path = folder
    for part in PurePosixPath(name).parts:
        path = path / part
        if path.is_symlink():
            raise BadSpec(f"{name} goes through a symbolic link", where=where, mend="put the file itself there")
    try:
        return text_file(path)
    except WorkbenchError as error:
        raise BadSpec(f"{name}: {error.detail}", where=where, mend=error.mend) from None


def document(text: str, source: str) -> Located:
    """Parse a spec or an included list: strict JSON if the name ends in .json, else strict YAML. Raises BadFile."""
    if not source.lower().endswith(".json"):
        return yaml_text(text, source)
    value = json_text(text, source)
    try:  # JSON keeps no line numbers; JSON without tabs is YAML, whose reader does
        return Located(value, source, yaml_text(text.replace("\t", " "), source).marks)
    except BadFile:
        return Located(value, source, {})


def inline(located: Located, *keys: object) -> Listing | None:
    """Give the list that stands under a key path, or nothing if there is no list."""
    value = located.value
    for key in keys:
        value = value[key]
    if not isinstance(value, list):
        return None
    return Listing(value, located.source, [located.line(*keys, n) for n in range(len(value))])


def included(text: str, source: str) -> Listing:
    """Read the values of an included file by its kind. Raises BadFile, BadRow."""
    suffix = PurePosixPath(source).suffix.lower()
    if suffix == ".csv":
        return _csv(text, source)
    if suffix == ".txt":
        return _txt(text, source)
    listing = inline(document(text, source))
    if listing is None:
        raise BadFile("it holds no list", where=f"{source}:1", mend="write a list of values")
    return listing


def _txt(text: str, source: str) -> Listing:
    found = [(n, line.strip()) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    return Listing([line for _, line in found], source, [n for n, _ in found])


def _csv(text: str, source: str) -> Listing:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[str, ...]] = []
    lines: list[int] = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append(tuple([cell.strip() for cell in cells]))
                lines.append(reader.line_num)
    except csv.Error as error:
        where = f"{source}:{reader.line_num}"
        raise BadFile(f"not CSV: {error}", where=where, mend="mend the quoting") from None
    if not rows:
        raise BadFile("the file is empty", where=f"{source}:1", mend="give it a header and rows")
    header = rows[0]
    if len(set(header)) < len(header) or not all(header):
        raise BadRow("an empty or repeated column name", where=f"{source}:{lines[0]}", mend="name each column once")
    raise_all(
        [
            BadRow(
                f"{len(row)} cells under {len(header)} columns",
                where=f"{source}:{line}",
                mend="give every row the header's columns",
            )
            for row, line in zip(rows, lines, strict=True)
            if len(row) != len(header)
        ][:SHOWN]
    )
    return Listing(rows[1:], source, lines[1:], header)
