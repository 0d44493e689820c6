"""Rows by column names: one into a table, and those that a question gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from workbench.store.sqlite import Database

Row = dict[str, Any]


@lru_cache(maxsize=128)
def _statement(table: str, columns: tuple[str, ...]) -> str:
    return f"insert into {table} ({', '.join(columns)}) values ({', '.join(f':{name}' for name in columns)})"


def insert(db: Database, table: str, values: Mapping[str, object]) -> int:
    """Insert one row of known columns and give its number; the caller holds the transaction."""
    return int(db.execute(_statement(table, tuple(values)), dict(values)).lastrowid or 0)


def streamed(db: Database, sql: str, parameters: Sequence[object] | dict[str, object] = ()) -> Iterator[Row]:
    """Ask one question and stream its rows as dicts, in order."""
    cursor = db.execute(sql, parameters)
    names = [column[0] for column in cursor.description]
    return (dict(zip(names, row, strict=True)) for row in cursor)


def rows_of(db: Database, sql: str, parameters: Sequence[object] | dict[str, object] = ()) -> list[Row]:
    """Ask one question and give its rows as dicts, in order."""
    return list(streamed(db, sql, parameters))
