"""The one SQLite library of the process, and sqlite-utils over it; two copies on one file silently lost rows."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING


@contextmanager
def _without_numpy() -> Iterator[None]:
    """Let sqlite-utils do without NumPy, which it imports where it finds it: a third of a command's start."""
    if "numpy" in sys.modules:
        yield
        return
    sys.modules["numpy"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["numpy"]


with _without_numpy():
    from sqlite_utils import Database, Migrations

if TYPE_CHECKING:
    import sqlite3 as sqlite3
else:
    from sqlite_utils.utils import sqlite3  # pysqlite3 where it is installed, as in Datasette

__all__ = ["Database", "Migrations", "sqlite3"]
