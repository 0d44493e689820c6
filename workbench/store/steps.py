"""The schema, as the sum of the numbered steps in `schema/`; sqlite-utils keeps the books."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from workbench.assets import asset_text, assets
from workbench.store.sqlite import Database, Migrations, sqlite3

BOOKS = "workbench"
Shape = frozenset[tuple[str, str, str, str]]


@cache
def step_names() -> tuple[str, ...]:
    """Give the names of all steps, in order: `0001_project`, …"""
    return tuple(sorted(p.stem for p in (assets() / "schema").glob("[0-9][0-9][0-9][0-9]_*.sql")))


def steps() -> Migrations:
    """Give all steps as one set of sqlite-utils migrations."""
    migrations = Migrations(BOOKS)
    for name in step_names():
        migrations(name=name)(_step(name))
    return migrations


def _step(name: str) -> Callable[[Database], None]:
    def apply(db: Database) -> None:
        db.executescript(asset_text(f"schema/{name}.sql"))

    return apply


def _ours(kind: str, name: str, table: str, sql: str) -> bool:
    """Leave out what SQLite keeps for itself, the books of the steps, and the user's `user_…` views and indexes."""
    if name == "sqlite_sequence" or re.fullmatch(r"sqlite_stat\d", name) or name.startswith("sqlite_autoindex_"):
        return kind not in ("table", "index")
    if table == Migrations.migrations_table:
        return not (kind == "index" or (kind == "table" and sql.upper().startswith("CREATE TABLE")))
    return not (name.startswith("user_") and kind in ("view", "index"))


def shape_of(conn: sqlite3.Connection, schema: str = "main") -> Shape:
    """Give what a file's schema consists of, as far as it is the workbench's."""
    rows = conn.execute(f"select type, name, tbl_name, coalesce(sql, '') from {schema}.sqlite_master").fetchall()
    return frozenset(row for row in rows if _ours(*row))


@cache
def shape_at(version: int) -> Shape:
    """Replay the first `version` steps in memory and give the shape they make."""
    conn = sqlite3.connect(":memory:")
    try:
        for name in step_names()[:version]:
            conn.executescript(asset_text(f"schema/{name}.sql"))
        return shape_of(conn)
    finally:
        conn.close()
