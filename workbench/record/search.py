"""The full-text index, kept in step by the writer: answers are append-only, so a mark is enough."""

from __future__ import annotations

from workbench.store import Database, transaction

CHUNK = 2000  # answers indexed in one transaction


def catch_up(db: Database) -> int:
    """Index every answer that is not indexed yet; gives how many."""
    total = 0
    while True:
        with transaction(db):
            mark = db.execute("select value from project where key = 'searched'").fetchone()
            first = int(mark[0]) if mark else 0
            rows = db.execute(
                "select count(*), max(id) from (select id from contents where id > ? order by id limit ?)",
                (first, CHUNK),
            ).fetchone()
            if not rows[0]:
                return total
            db.execute(
                "insert into search (rowid, prompt, raw, parsed)"
                " select id, prompt, raw, parsed from search_source where id > ? and id <= ?",
                (first, rows[1]),
            )
            db.execute(
                "insert into project (key, value) values ('searched', ?)"
                " on conflict (key) do update set value = excluded.value",
                (str(rows[1]),),
            )
            total += rows[0]
