"""The rewrite of public IDs: mapped, kept in the books, written in one update, checked before it may stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from workbench.events import record_alert
from workbench.ids import Scheme
from workbench.migrate import mapping
from workbench.migrate.books import Problem, Report
from workbench.migrate.mapping import Counts, Scope
from workbench.migrate.statements import statements
from workbench.migrate.validate import not_kept
from workbench.store import Database, scheme_of, sqlite3, transaction
from workbench.store.functions import register
from workbench.verify.rules import COLLISION

IDS_INDEX: Final = "generations_gen_id"
_MAP_INDEX: Final = "migration_map_old"


@contextmanager
def index_apart(db: Database, name: str) -> Iterator[None]:
    """Take an index away for this block and make it again, word by word: SQLite checks uniqueness row by row."""
    db.execute("pragma threads=2")  # an index is sorted by both
    (sql,) = db.execute("select sql from sqlite_master where type = 'index' and name = ?", (name,)).fetchone()
    db.execute(f"drop index {name}")
    yield
    db.execute(sql)


def rewrite_ids(
    db: Database,
    number: int,
    scheme: Scheme,
    report: Report,
    *,
    scope: Scope,
    all_rows: bool,
    before_writing: Callable[[], object] = str,
) -> None:
    """Give the rows in scope the IDs of their signatures under a scheme, and keep old → new in the books.

    `temp.blocked`, `temp.synthetic` and `temp.scope` say which rows may move; `all_rows`: the books name those
    that stay as they are too. `before_writing` is called when all IDs are known and none is written. The caller
    holds the transaction and has prepared the temporary tables.
    """
    report.step("scheme", int(scheme != scheme_of(db)))
    register(db.conn, scheme)
    collisions = mapping.compute(db, scheme, scope, careful=_has_suffixes(db))
    before_writing()
    try:
        with transaction(db):
            counts = _write(db, number, scope, all_rows)
    except sqlite3.IntegrityError:  # two rows would have one ID: again, and look at each
        db.execute("delete from temp.mapping")
        collisions = mapping.compute(db, scheme, scope, careful=True)
        counts = _write_again(db, number, scope, all_rows)
    db.execute("update project set value = ? where key = 'scheme'", (scheme.name,))
    report.changes = counts.changes
    report.step("ids", counts.written)
    _report(db, report, collisions)


def _write_again(db: Database, number: int, scope: Scope, all_rows: bool) -> Counts:
    try:
        return _write(db, number, scope, all_rows)
    except sqlite3.IntegrityError as error:
        raise not_kept([str(error)]) from None


def _has_suffixes(db: Database) -> bool:
    sql = "select exists (select 1 from alerts where kind = ?)"
    return bool(db.execute(sql, (COLLISION,)).fetchone()[0])


def _write(db: Database, number: int, scope: Scope, all_rows: bool) -> Counts:
    sql, counts = statements("ids"), mapping.counts(db)
    if counts.written:
        _keep(db, number, counts.mapped, all_rows=all_rows)
        most = scope is mapping.ALL and 2 * counts.written > counts.mapped
        with index_apart(db, IDS_INDEX):
            names = ("rewrite all" if most else "rewrite", "rewrite legacy")
            changed = sum(db.execute(sql[name]).rowcount for name in names)
        if changed != (counts.mapped if most else counts.written):
            raise not_kept([f"{changed} IDs were written"])
    return counts


def _keep(db: Database, number: int, added: int, *, all_rows: bool) -> None:
    """Write `temp.mapping` and `temp.blocked` into the books, under a migration's number."""
    (known,) = db.execute("select count(*) from migration_map").fetchone()
    if added < known:
        _insert(db, number, all_rows=all_rows)
        return
    with index_apart(db, _MAP_INDEX):  # old IDs come in no order: sorting them once is faster
        _insert(db, number, all_rows=all_rows)


def _insert(db: Database, number: int, *, all_rows: bool) -> None:
    sql = statements("ids")
    db.execute(sql["keep"], {"migration": number, "all": all_rows})
    db.execute(sql["keep blocked"], {"migration": number})


def _report(db: Database, report: Report, collisions: list[dict[str, str]]) -> None:
    for fact in collisions:
        report.collisions.append(fact)
        detail = f"shares {fact['shares']} with another signature, is {fact['new_id']}"
        report.problems.append(Problem("warning", fact["old_id"], "id_collision", detail, fact["stage"]))
        alert(db, fact)


def alert(db: Database, fact: dict[str, str]) -> None:
    """Let a person look at a collision, unless that was asked for before."""
    (row,) = db.execute("select id from generations where gen_id = ?", (fact["new_id"],)).fetchone()
    known = "select 1 from alerts where kind = ? and generation_id = ? and json_extract(facts, '$.gen_id') = ?"
    if db.execute(known, (COLLISION, row, fact["new_id"])).fetchone() is None:
        facts = {"gen_id": fact["new_id"], "shares": fact["shares"], "signature": fact["signature"]}
        record_alert(db, COLLISION, facts, blocking=True, generation_id=row)
