"""Replaying a migration's journal backwards, and what stands against it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from workbench.errors import Conflict, DamagedFile
from workbench.migrate.journal import columns_of, image, journaled_tables, restored
from workbench.migrate.statements import statements
from workbench.store import Database

_NAMES: Final = ("gen_id", "name", "llm_model_id", "combo_id", "uuid", "concept_id")
_BOOKS: Final = ("migration_map", "alerts")  # name generations, and go on without them


@contextmanager
def images(db: Database, migration_id: int) -> Iterator[list[str]]:
    """Gather which rows a migration touched, in `temp.touched`; gives the names of their tables."""
    sql = statements("undo")
    db.execute(sql["touched"], {"migration": migration_id})
    db.execute(sql["index"])
    db.execute(sql["judge"])
    db.execute(sql["keep prompts"])
    tables = [name for (name,) in db.execute(sql["tables"]).fetchall()]
    if strange := set(tables) - {*journaled_tables(db), *_BOOKS}:
        mend = "restore a snapshot, or take the rows with `workbench import-data FILE`"
        raise DamagedFile(f"its journal tells of what is no table of ours: {min(strange)!r:.60}", mend=mend)
    yield tables
    db.execute(sql["drop"])


def conflicts(db: Database, tables: list[str]) -> Iterator[Conflict]:
    """Give everything that stands against undoing the touched rows: edited, deleted, or something hangs on them."""
    for table in (name for name in tables if name not in _BOOKS):
        sql = statements("undo")["conflicts"].format(table=table, image=image(db, table, "r", narrow=True))
        for row, gone in db.execute(sql).fetchall():
            what = "was deleted since" if gone else "was edited since"
            yield Conflict(f"{_name(db, table, row)} {what}", mend="undo that first, or keep the migration")
        yield from _hanging(db, table)


def _hanging(db: Database, table: str) -> Iterator[Conflict]:
    for child, column in _links_to(db, table):
        sql = statements("undo")["hanging"].format(table=table, child=child, column=column)
        for row, parent in db.execute(sql).fetchall():
            what = f"{_name(db, child, row)} hangs on {_name(db, table, parent)}, which the migration made"
            yield Conflict(what, mend="keep the migration, or remove what hangs on it first")


def _links_to(db: Database, table: str) -> list[tuple[str, str]]:
    """Give the columns, with their tables, that name rows of a table."""
    rows = db.execute(
        'select t.name, f."from" from pragma_table_list t join pragma_foreign_key_list(t.name) f'
        " where t.schema = 'main' and t.type = 'table' and f.\"table\" = ?",
        (table,),
    )
    return [(child, column) for child, column in rows.fetchall() if child not in _BOOKS]


def _name(db: Database, table: str, row: int) -> str:
    """Say which row is meant: by its public name where it has one."""
    known = [column for column in _NAMES if column in columns_of(db, table)]
    found = db.execute(f"select {known[0]} from {table} where id = ?", (row,)).fetchone() if known else None
    return f"{table} {found[0] if found else row}"


def replay(db: Database, tables: list[str]) -> None:
    """Bring every touched row back to what it was; links are checked when the transaction ends."""
    sql = statements("undo")
    db.conn.create_function("unhexed", 1, lambda text: None if text is None else bytes.fromhex(text))
    db.execute("pragma defer_foreign_keys=on")
    for book in _BOOKS:
        db.execute(sql["forget"].format(table=book))
    if "contents" in tables:
        db.execute(sql["unindex"])
    for step, mapped in (("remove", False), ("restore", False), ("bring back", True)):
        for table in tables:
            values = restored(db, table, "i.before", mapped=mapped)
            db.execute(
                sql[step].format(table=table, columns=", ".join(values), values=", ".join(values.values())),
            )
