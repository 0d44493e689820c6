"""Rewrites that other packages add: run in the frame of every migration, judged by the rules of the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from workbench.errors import Refused, UnknownName, WorkbenchError
from workbench.migrate.books import Report
from workbench.migrate.frame import recorded
from workbench.migrate.validate import not_kept
from workbench.plugins import BROKEN, plugin, plugin_names
from workbench.store import Database, sqlite3
from workbench.verify import digest, verify

Rewrite = Callable[[Database], Mapping[str, int]]
OURS: Final = ("ids", "legacy", "rename", "rollback", "schema", "import", "merge")


def rewrite_by(db: Database, kind: str, *, keep: bool, snapshot: str | None = None) -> Report:
    """Carry out a rewrite that another package adds as entry point `kind` of the group `workbench.migrations`.

    It is a function of the open project that changes rows by SQL and gives the count of rows by step; its transaction,
    journal, record and digests are made here. Raises UnknownName, DamagedFile when a rule holds no more, Refused when
    it fails; then nothing was changed.
    """
    rewrite: Rewrite | None = None if kind in OURS else plugin("migrations", kind)
    if rewrite is None:
        known = ", ".join(plugin_names("migrations")) or "no package here adds any"
        raise UnknownName(f"no kind of migration {kind[:60]!r}", mend=f"kinds of other packages: {known}")
    broken = _broken(db)
    with recorded(db, kind, {"kind": kind}, keep=keep, snapshot=snapshot) as (_, report):
        report.digest_before = digest(db)
        for step, rows in _carried_out(db, kind, rewrite).items():
            report.step(step, rows)
        if now_broken := _broken(db) - broken:
            raise not_kept(sorted(now_broken))
        report.digest_after = digest(db)
    return report


def _broken(db: Database) -> set[str]:
    return {check.name for check in verify(db) if not check.ok}


def _carried_out(db: Database, kind: str, rewrite: Rewrite) -> Mapping[str, int]:
    try:
        with _in_one_piece(db):
            return {str(step): int(rows) for step, rows in rewrite(db).items()}
    except WorkbenchError:
        raise
    except BROKEN as error:
        raise Refused(
            f"the migration {kind} failed, nothing was changed: {type(error).__name__}: {error}",
            mend="mend the package that adds it",
        ) from error


@contextmanager
def _in_one_piece(db: Database) -> Iterator[None]:
    """Let nobody end the transaction in here: what was committed half-way could not be taken back."""
    denied = {sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH}
    allow, deny = sqlite3.SQLITE_OK, sqlite3.SQLITE_DENY
    db.conn.set_authorizer(lambda action, *names: deny if action in denied else allow)
    try:
        yield
    finally:
        db.conn.set_authorizer(None)
