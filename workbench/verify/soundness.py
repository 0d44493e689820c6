"""Rule seven: the file itself is sound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from workbench.store import Database
from workbench.store.header import APPLICATION_ID
from workbench.store.steps import shape_at, shape_of, step_names
from workbench.verify.check import Check, examined

Rows = Iterator[tuple[object, object]]


def soundness(db: Database) -> list[Check]:
    """Ask SQLite for the soundness of its pages and links, and compare header and schema with ours."""
    return [
        examined("integrity", "Pages, indexes and constraints are sound.", _integrity(db)),
        examined("foreign keys", "Every link leads to a row.", _foreign_keys(db)),
        examined("header", "The file is a project of a known version, of its full size.", _header(db)),
        examined("schema", "The schema is that of its version, word by word.", _schema(db)),
    ]


def _integrity(db: Database) -> Rows:
    for (message,) in db.execute("pragma integrity_check(1000)"):
        if message != "ok":
            yield message, 0


def _foreign_keys(db: Database) -> Rows:
    for table, row, parent, _ in db.execute("pragma foreign_key_check"):
        yield f"{table} {row} names no row of {parent}", 0


def _header(db: Database) -> Rows:
    if (found := _number(db, "application_id")) != APPLICATION_ID:
        yield f"application_id is {found:#x}", 0
    if not 1 <= (version := _number(db, "user_version")) <= len(step_names()):
        yield f"version is {version}, this workbench knows 1 to {len(step_names())}", 0
    if (encoding := db.execute("pragma encoding").fetchone()[0]) != "UTF-8":
        yield f"encoding is {encoding}", 0
    if message := _size(db):
        yield message, 0


def _size(db: Database) -> str:
    """Compare pages with bytes; in a write-ahead log or a transaction the file may lag behind."""
    path = Path(db.execute("pragma database_list").fetchone()[2])
    journal = db.execute("pragma journal_mode").fetchone()[0]
    if journal == "wal" or db.conn.in_transaction or not path.is_file():
        return ""
    expected = _number(db, "page_count") * _number(db, "page_size")
    found = path.stat().st_size
    return "" if found == expected else f"{found} bytes, {expected} expected"


def _number(db: Database, pragma: str) -> int:
    return int(db.execute(f"pragma {pragma}").fetchone()[0])


def _schema(db: Database) -> Rows:
    version = min(max(_number(db, "user_version"), 1), len(step_names()))
    for _, name, _, _ in shape_of(db.conn) ^ shape_at(version):
        yield name, 0
