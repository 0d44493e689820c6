"""Texts are looked at as texts: SQLite keeps any bytes in a text column, and no command could show such a row."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from workbench.errors import DamagedFile
from workbench.merge.numbers import THEIRS
from workbench.store import Database, sqlite3

# Tables of which single values may be taken into rows that both have, and those that are copied without numbers.
_TAKEN_FROM: Final = ("topic_models", "topics", "concepts", "templates", "models", "cohorts", "cohort_files")


def refuse_what_is_no_text(db: Database, name: str, schema: str, tables: Mapping[str, int]) -> None:
    """Read every text of some tables, each from a row number on. Raises DamagedFile for bytes that are no UTF-8."""
    for table, first in tables.items():
        rows = db.execute(f"select name from pragma_table_info('{table}', '{schema}') where type = 'TEXT'")
        columns = ", ".join(column for (column,) in rows.fetchall())
        if columns and not _is_legible(db, f"select {columns} from {schema}.{table} where id >= {first}"):
            raise DamagedFile(f"text that is no UTF-8 in {table}", where=name, mend=_MEND)


_MEND: Final = "take its rows safely with `workbench import-data FILE`, and merge what that makes"


def _is_legible(db: Database, sql: str) -> bool:
    try:
        deque(db.execute(sql), maxlen=0)
    except sqlite3.OperationalError:
        return False
    return True


def whole_tables(db: Database) -> dict[str, int]:
    """Name every table that has numbered rows, all of each."""
    rows = db.execute(
        "select m.name from sqlite_master m join pragma_table_info(m.name) c on c.name = 'id' and c.type = 'INTEGER'"
        " where m.type = 'table' and m.sql like '%) strict'"
    )
    return {table: 0 for (table,) in rows.fetchall()}


def refuse_illegible(db: Database, name: str) -> None:
    """Look at the texts of everything that came from the attached project. Raises DamagedFile."""
    numbered = db.execute(
        "select substr(name, 8) from sqlite_temp_master where type = 'table' and name glob 'number_*'"
    )
    came: dict[str, int] = {}
    for (table,) in numbered.fetchall():
        if db.execute("select 1 from main.sqlite_master where type = 'table' and name = ?", (table,)).fetchone():
            (first,) = db.execute(f"select min(ours) from temp.number_{table} where made").fetchone()
            came |= {} if first is None else {table: int(first)}
    refuse_what_is_no_text(db, name, "main", came)
    refuse_what_is_no_text(db, name, THEIRS, dict.fromkeys(_TAKEN_FROM, 0))
