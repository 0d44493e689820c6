"""One row into a table, by column names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from workbench.store.sqlite import Database


@lru_cache(maxsize=128)
def _statement(table: str, columns: tuple[str, ...]) -> str:
    return f"insert into {table} ({', '.join(columns)}) values ({', '.join(f':{name}' for name in columns)})"


def insert(db: Database, table: str, values: Mapping[str, object]) -> int:
    """Insert one row of known columns and give its number; the caller holds the transaction."""
    return int(db.execute(_statement(table, tuple(values)), dict(values)).lastrowid or 0)
