"""The full-text index, kept in step by the writer: answers are append-only, so a mark is enough."""

from __future__ import annotations

from workbench.store import Database, transaction

CHUNK = 10_000  # answers indexed in one transaction
# Pieces of the index that are merged at a time, where many answers come: half as many merges as by default.
_MERGE_LATER = "insert into search (search, rank) values ('automerge', 8)"


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
            if rows[0] == CHUNK:
                db.execute(_MERGE_LATER)
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
