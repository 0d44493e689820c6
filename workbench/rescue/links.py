"""Links that lead nowhere after a rescue: the link goes when it may be missing, else the row."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.rescue.stepping import Found
from workbench.store import Database, sqlite3


def drop_dangling(db: Database, found: Found) -> list[str]:
    """Drop every link to a row that is not there, and rows that cannot do without; gives the tables of the latter.

    Each is listed. Rows below a dropped row follow until all links hold. The caller holds the transaction.
    """
    dropped: list[str] = []
    while links := list(_dangling(db)):
        for table, row, column in links:
            if not _drop(db, table, row, column, found):
                dropped.append(table)
    return dropped


def _dangling(db: Database) -> Iterator[tuple[str, int, str]]:
    names: dict[tuple[str, int], str] = {}
    for table, row, _, number in db.execute("pragma foreign_key_check").fetchall():
        if (table, number) not in names:
            for key in db.execute(f'pragma foreign_key_list("{table}")').fetchall():
                names[table, key[0]] = key[3]
        yield table, row, names[table, number]


def _drop(db: Database, table: str, row: int, column: str, found: Found) -> bool:
    """Drop one link; True when the row could stay, or went with another of its links."""
    try:
        if db.execute(f"update {table} set {column} = null where id = ?", (row,)).rowcount:
            found.note(f"{table} {row}", "link dropped", f"its {column} leads nowhere")
    except sqlite3.IntegrityError:
        db.execute(f"delete from {table} where id = ?", (row,))
        found.note(f"{table} {row}", "row dropped", f"its {column} leads nowhere")
        return False
    return True
