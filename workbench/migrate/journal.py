"""The journal of a migration: every row that it makes, changes or removes, as it was before and after.

TEMP triggers, armed only while a migration runs, write both images of a row that was there as JSON into
`migration_images`. Rows that it makes have numbers above the last one of before, which are never given again: they
are gathered at the end in sets, ten times faster than a trigger for each. What is wide and stands under a hash is
left out of the image after, which only tells later whether the row was edited since. Public IDs of generations are
left out of changes: they are in `migration_map`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from workbench.store import Database

TRIGGER_DEPTH: Final = 10  # SQLITE_LIMIT_TRIGGER_DEPTH; the connection has it at 0, so that no other trigger fires
# Books of the migrations themselves, marks of live processes, and settings that each kind of migration restores.
_NOT_JOURNALED: Final = (
    *("migrations", "migration_map", "migration_problems", "migration_images"),
    *("claims", "project", "_sqlite_migrations"),
)
_WIDE: Final = {
    "contents": ("raw", "parsed"),
    "prompts": ("system", "text"),
    "calls": ("body",),
    "template_versions": ("text", "system", "schema"),
    "cohort_files": ("text",),
    "import_rows": ("metadata",),
}
_MAPPED: Final = {"generations": ("gen_id",)}
# JSON would round the one and refuse the other.
_ENCODED: Final = {"REAL": "iif({0} is null, null, quote({0}))", "BLOB": "iif({0} is null, null, hex({0}))"}
_NOTE_LAST: Final = """
update migrations set plan = json_set(plan, '$.last_generation', coalesce(
  (select seq from sqlite_sequence where name = 'generations'), 0)) where id = :migration
"""


def journaled_tables(db: Database) -> list[str]:
    """Give the tables whose rows are journaled: all with a row number, but the books and the marks."""
    rows = db.execute("select name from pragma_table_list where schema = 'main' and type = 'table' order by name")
    names = [name for (name,) in rows.fetchall() if not name.startswith("sqlite_") and name not in _NOT_JOURNALED]
    return [name for name in names if "id" in _types(db, name) and not name.startswith("search_")]


def columns_of(db: Database, table: str) -> list[str]:
    """Give a table's columns, the row number left out."""
    return [name for name in _types(db, table) if name != "id"]


def _types(db: Database, table: str) -> dict[str, str]:
    return dict(db.execute("select name, type from pragma_table_info(?)", (table,)).fetchall())


def image(db: Database, table: str, row: str, *, narrow: bool = False) -> str:
    """Give the SQL of a row's image: a JSON object of its columns; `narrow` leaves out what only restoring needs."""
    hidden: Sequence[str] = (*_WIDE.get(table, ()), *_MAPPED.get(table, ())) if narrow else ()
    pairs = [
        f"'{name}', {_ENCODED.get(kind, '{0}').format(f'{row}.{name}')}"
        for name, kind in _types(db, table).items()
        if name != "id" and name not in hidden
    ]
    return f"json_object({', '.join(pairs)})"


def restored(db: Database, table: str, image: str, *, mapped: bool) -> dict[str, str]:
    """Give the SQL of each column's value as an image has it; public IDs only where `mapped`."""
    values = {"REAL": "cast({0} as real)", "BLOB": "unhexed({0})"}
    hidden = () if mapped else _MAPPED.get(table, ())
    return {
        name: values.get(kind, "{0}").format(f"json_extract({image}, '$.{name}')")
        for name, kind in _types(db, table).items()
        if name != "id" and name not in hidden
    }


@contextmanager
def journaled(db: Database, migration_id: int) -> Iterator[None]:
    """Write down every row that changes in this block under a migration; the caller holds the transaction.

    At its end the migration's plan notes the last generation, so that a rollback can tell what was made since.
    """
    last = {table: _last(db, table) for table in journaled_tables(db)}
    armed = [name for table, row in last.items() for name in _arm(db, table, row, migration_id)]
    limit = getattr(db.conn, "setlimit", lambda *_: 0)  # not in every build that may stand in for Python's own
    depth = limit(TRIGGER_DEPTH, 1)
    try:
        yield
        for name in armed:
            db.execute(f"drop trigger temp.{name}")
        for table, row in last.items():
            _gather_made(db, table, row, migration_id)
        db.execute(_NOTE_LAST, {"migration": migration_id})
    finally:
        limit(TRIGGER_DEPTH, depth)


def _last(db: Database, table: str) -> int | None:
    """Give the highest number that a table ever gave to a row; None where numbers are given again."""
    (sql,) = db.execute("select sql from sqlite_master where type = 'table' and name = ?", (table,)).fetchone()
    if "autoincrement" not in sql.lower():
        return None
    row = db.execute("select seq from sqlite_sequence where name = ?", (table,)).fetchone()
    return int(row[0]) if row else 0


def _arm(db: Database, table: str, last: int | None, migration_id: int) -> Iterator[str]:
    """Make a table's triggers and give their names; rows that the migration makes fire none of them."""
    whole, new = image(db, table, "old"), image(db, table, "new", narrow=True)
    changed = ", ".join(name for name in columns_of(db, table) if name not in _MAPPED.get(table, ()))
    events = {
        "update": (f"after update of {changed}", "old.id", whole, new),
        "delete": ("after delete", "old.id", whole, "null"),
    }
    if last is None:
        events["insert"] = ("after insert", "new.id", "null", new)
    for event, (when, row, before, after) in events.items():
        known = "" if last is None else f" when old.id <= {last}"
        db.execute(
            f"create temp trigger journal_{event}_{table} {when} on main.{table}{known} begin"
            " insert into migration_images (migration_id, table_name, row_id, before, after)"
            f" values ({int(migration_id)}, '{table}', {row}, {before}, {after}); end"
        )
        yield f"journal_{event}_{table}"


def _gather_made(db: Database, table: str, last: int | None, migration_id: int) -> None:
    if last is not None:
        db.execute(
            "insert into migration_images (migration_id, table_name, row_id, before, after)"
            f" select ?, '{table}', r.id, null, {image(db, table, 'r', narrow=True)} from {table} r"
            " where r.id > ? order by r.id",
            (migration_id, last),
        )
