"""Schema steps of a project file: applied on the first write by a newer workbench, after a snapshot."""

from __future__ import annotations

import json
from typing import Final

from workbench import __version__
from workbench.clock import now
from workbench.errors import Refused, WorkbenchError
from workbench.store import steps
from workbench.store.rows import insert
from workbench.store.snapshots import take_snapshot
from workbench.store.sqlite import Database, sqlite3
from workbench.store.transaction import transaction

KIND: Final = "schema"  # of the migrations that record steps; they have no way back but their snapshot


def bring_up_to_date(db: Database) -> None:
    """Apply the steps that a file lacks, each with its record in a transaction of its own, after a snapshot.

    Does nothing to a file that lacks none. Raises Refused when a step fails; then the file is as it was before it.
    """
    names = steps.step_names()
    if _version(db) == len(names):
        return
    snapshot = take_snapshot(db, f"schema-{len(names)}")
    for version in range(_version(db) + 1, len(names) + 1):
        try:
            _apply(db, version, snapshot.name)
        except (sqlite3.Error, WorkbenchError) as error:
            raise Refused(
                f"the schema could not be brought to version {version}: {error}",
                mend=f"the file is as it was (and so is {snapshot.name}); use the workbench that wrote it",
            ) from None


def _version(db: Database) -> int:
    return int(db.execute("pragma user_version").fetchone()[0])


def _apply(db: Database, version: int, snapshot: str) -> None:
    names = steps.step_names()
    with transaction(db):
        if _version(db) >= version:  # another process was faster
            return
        steps.steps().apply(db, stop_before=names[version:])
        db.execute(f"pragma user_version={version}")
        if differing := steps.shape_of(db.conn) ^ steps.shape_at(version):
            raise Refused(f"it made another schema ({', '.join(sorted(name for _, name, _, _ in differing)[:5])})")
        plan = {"step": names[version - 1], "from": version - 1, "to": version}
        facts = {"kind": KIND, "plan": json.dumps(plan), "state": "applied", "at": now(), "version": __version__}
        insert(db, "migrations", facts | {"snapshot": snapshot})
