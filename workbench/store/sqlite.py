"""The one SQLite library of the process: two copies on one file silently lost committed rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3 as sqlite3
else:
    from sqlite_utils.utils import sqlite3  # pysqlite3 where it is installed, as in Datasette

__all__ = ["sqlite3"]
