"""The frame of every migration: alone on the project, one transaction, journaled, kept or taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, TypeVar

from workbench.errors import RunIsOn
from workbench.migrate import mapping
from workbench.migrate.books import Report, close_record, open_record
from workbench.migrate.journal import journaled
from workbench.store import Database, scheme_of, transaction
from workbench.store.functions import register
from workbench.store.slots import refuse_led, slot
from workbench.store.snapshots import take_snapshot


class _Recorded(Protocol):
    @property
    def migration(self) -> int | None: ...


R = TypeVar("R", bound=_Recorded)


class _Undo(Exception):
    """Ends the transaction of a migration that is not to stay."""


@contextmanager
def recorded(
    db: Database, kind: str, plan: Mapping[str, object], *, keep: bool = True, snapshot: str | None = None
) -> Iterator[tuple[int, Report]]:
    """Run a migration in one transaction and record it, whole or not at all; gives its number and its report.

    Without `keep` all of it is taken back at the end and only the report stays. One that finds nothing to do is
    not recorded. Whatever happens, `gen_id` is left registered under the scheme that the file then names.
    """
    report = Report(kind, snapshot=snapshot)
    try:
        with transaction(db):
            number = open_record(db, kind, plan)
            mapping.prepare(db)
            with journaled(db, number):
                yield number, report
            mapping.forget(db)
            if report.is_idle or not keep:
                raise _Undo
            close_record(db, number, report)
    except _Undo:
        pass
    finally:
        register(db.conn, scheme_of(db))


@contextmanager
def links_unwatched(db: Database) -> Iterator[None]:
    """Keep SQLite from looking after links in the transaction of this block; who uses it sees to them himself.

    For each row that goes, SQLite searches every table that may name it, and not every link has an index: taking a
    hundred thousand calls away would read all texts as often.
    """
    db.execute("pragma foreign_keys=off")  # does nothing inside a transaction
    try:
        yield
    finally:
        db.execute("pragma foreign_keys=on")


@contextmanager
def alone(db: Database) -> Iterator[None]:
    """Work while no other process does: a run would go on making IDs of before. Raises RunIsOn."""
    with slot(db) as mine:
        if not mine.is_alone:
            raise RunIsOn("a migration waits for nobody", mend="let the run end, or stop it, then migrate")
        refuse_led(db)
        yield


def after_snapshot(db: Database, work: Callable[[str], R]) -> R:
    """Copy the project beside it, then work with the copy's name; the copy stays when that recorded a migration."""
    (last,) = db.execute("select coalesce(max(seq), 0) from sqlite_sequence where name = 'migrations'").fetchone()
    taken = take_snapshot(db, f"migration-{last + 1}")
    kept = False
    try:
        report = work(taken.name)
        kept = report.migration is not None
    finally:
        if not kept:  # nothing was changed, so nothing needs to be kept
            taken.unlink()
    return report
