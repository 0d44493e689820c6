"""`migrate rollback`: back from what a migration recorded, with everything kept that was made since."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from workbench.clock import now
from workbench.errors import Conflict, UnknownName, WorkbenchError, raise_all
from workbench.ids import Scheme, scheme_named
from workbench.migrate import mapping
from workbench.migrate.books import ROLLBACK, Report, close_record, open_record
from workbench.migrate.frame import links_unwatched
from workbench.migrate.rewrite import IDS_INDEX, alert, index_apart
from workbench.migrate.statements import statements
from workbench.migrate.undo import conflicts, images, replay
from workbench.migrate.validate import check_rollback
from workbench.store import Database, scheme_of, sqlite3, transaction
from workbench.store.functions import register
from workbench.store.upgrade import KIND as SCHEMA
from workbench.verify import digest

MERGE: Final = "merge"
_JOURNALED: Final = ("import", MERGE, "rename")  # kinds that leave images whatever they changed


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken back: the migrations, newest first, the digest now, and how many newer generations stay.

    `rekeyed` counts those of them that have another ID now; `exact` says whether the digest is that of before, None
    when that was not written down.
    """

    migrations: list[int] = field(default_factory=list)
    digest: str = ""
    kept_since: int = 0
    rekeyed: int = 0
    exact: bool | None = None

    @property
    def migration(self) -> int:
        """The oldest migration that was taken back."""
        return self.migrations[-1]


class _Undo(Exception):
    """Ends the transaction of a rollback that is only tried."""


def rollback(db: Database, number: int | None = None, *, keep: bool = True) -> Taken:
    """Take back the latest migration, or every one down to `number`, newest first: all of it or nothing.

    Without `keep` the file stays as it is. Raises UnknownName when there is none, and every Conflict there is when
    something stands against it.
    """
    try:
        with links_unwatched(db), transaction(db):
            numbers = _asked_for(db, number)
            since = sum(_take_back(db, one) for one in numbers)
            taken = _conclude(db, numbers, since)
            if not keep:
                raise _Undo
    except _Undo:
        pass
    finally:
        register(db.conn, scheme_of(db))
    return taken


def _asked_for(db: Database, number: int | None) -> list[int]:
    sql = statements("rollback")
    if number is None:
        (number,) = db.execute(sql["latest"]).fetchone()
        if number is None:
            raise UnknownName("no migration is applied", mend="see `workbench migrate log`")
    row = db.execute(sql["record"], {"migration": number}).fetchone()
    if row is None:
        raise UnknownName(f"no migration {number}", mend="see `workbench migrate log`")
    kind, plan, state, _ = row
    if came_with := json.loads(plan).get("came_with"):
        raise Conflict(
            f"migration {number} came along with merge {came_with}; only its own file can take it back",
            mend=f"take the merge back with `workbench migrate rollback {came_with}`, or keep both",
        )
    if kind == ROLLBACK:
        raise Conflict(
            f"migration {number} is itself a rollback",
            mend="to go forward again, give the command that was taken back once more; see `workbench migrate log`",
        )
    if state != "applied":
        raise Conflict(f"migration {number} is {state} already", mend="see `workbench migrate log`")
    return [one for (one,) in db.execute(sql["applied"], {"down_to": number}).fetchall()]


def _take_back(db: Database, number: int) -> int:
    """Take one migration back; gives how many newer rows got another ID."""
    kind, plan, _, _ = db.execute(statements("rollback")["record"], {"migration": number}).fetchone()
    if kind == SCHEMA:
        raise Conflict(
            f"migration {number} is a step of the schema, which has no way back",
            mend="open the snapshot that was taken before it",
        )
    mapping.prepare(db)
    with images(db, number) as tables:
        if kind in _JOURNALED and not tables:
            raise Conflict(f"migration {number} was recorded without a journal", mend="go back to a snapshot")
        raise_all(list(conflicts(db, tables)))
        scheme = _restore(db, number, tables, json.loads(plan))
    if kind == MERGE:
        for name in ("forget mapping", "forget problems", "forget history"):
            db.execute(statements("rollback")[name], {"migration": number})
    _rekey(db, scheme)
    rekeyed = _record(db, number, kind)
    check_rollback(db, number)
    mapping.forget(db)
    return rekeyed


def _moved(db: Database, number: int) -> Iterator[WorkbenchError]:
    for gave, has in db.execute(statements("rollback")["moved since"], {"migration": number}).fetchall():
        yield Conflict(f"{gave} was edited since, it is {has} now", mend="undo that first, or keep the migration")


def _restore(db: Database, number: int, tables: list[str], plan: Mapping[str, Any]) -> Scheme:
    """Bring rows, scheme and IDs back to what they were; what was made since steps aside, into `temp.scope`."""
    sql = statements("rollback")
    scheme = scheme_named(plan["from_scheme"]) if "from_scheme" in plan else scheme_of(db)
    since = "since below" if scheme == scheme_of(db) else "since whole"
    try:
        with index_apart(db, IDS_INDEX):
            replay(db, tables)
            db.execute("update project set value = ? where key = 'scheme'", (scheme.name,))
            db.execute(sql[since], {"migration": number, "last": plan.get("last_generation", 0)})
            restored = db.execute(sql["restore"], {"migration": number}).rowcount
            db.execute(sql["step aside"])
            if restored != db.execute(sql["moved"], {"migration": number}).fetchone()[0]:
                raise_all(list(_moved(db, number)))
    except sqlite3.IntegrityError as error:
        raise_all([_taken(gen_id) for (gen_id,) in db.execute(sql["twice"]).fetchall()])
        raise _taken(str(error)) from None
    return scheme


def _taken(what: str) -> WorkbenchError:
    return Conflict(f"what it would restore is taken: {what}", mend="remove or rename that, or keep the migration")


def _rekey(db: Database, scheme: Scheme) -> None:
    """Give what was made since the IDs that follow from the restored ones."""
    register(db.conn, scheme)
    collisions = mapping.compute(db, scheme, mapping.CHOSEN, careful=True)
    db.execute(statements("rollback")["rekey"])
    for fact in collisions:
        alert(db, fact)


def _record(db: Database, number: int, kind: str) -> int:
    """Enter the way back into the log, with the new IDs of rows made since; gives how many."""
    sql = statements("rollback")
    db.execute(sql["mark"], {"migration": number, "at": now()})
    record = open_record(db, ROLLBACK, {"rolls_back": number, "kind": kind})
    return db.execute(sql["rekeyed"], {"record": record}).rowcount


def _conclude(db: Database, numbers: list[int], rekeyed: int) -> Taken:
    sql = statements("rollback")
    _, plan, _, before = db.execute(sql["record"], {"migration": numbers[-1]}).fetchone()
    last = json.loads(plan).get("last_generation", 0)
    (newer,) = db.execute(sql["newer"], {"last": last}).fetchone()
    found = digest(db)
    (record,) = db.execute("select max(id) from migrations").fetchone()
    close_record(db, record, Report(ROLLBACK, digest_after=found))
    return Taken(numbers, found, newer, rekeyed, None if before is None else found == before)
