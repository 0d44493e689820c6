"""Exports of other packages: what one raises or gives ends that export alone, and names it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from workbench.errors import WorkbenchError
from workbench.exports.table import Lines
from workbench.plugins import BROKEN, broken
from workbench.store import sqlite3


def guarded(name: str, lines: Lines) -> Lines:
    """Wrap what makes lines of rows; raises BadConfig for whatever it raises, and for a line that is no text."""

    def given(rows: Iterable[Mapping[str, Any]], columns: Iterable[str]) -> Iterator[str]:
        try:
            for line in lines(rows, columns):
                line.encode()
                yield line
        except (WorkbenchError, sqlite3.Error):
            raise  # of the rows, which are read in between
        except BROKEN as error:
            raise broken(f"the export {name!r} broke", error) from error

    return given
