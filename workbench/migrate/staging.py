"""Safety around a migration: a snapshot before it, and a rehearsal on a copy."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import DamagedFile
from workbench.migrate.apply import Request, apply, plan
from workbench.migrate.books import Report
from workbench.migrate.frame import after_snapshot, alone
from workbench.migrate.sheets import Sheets
from workbench.store import open_copy, open_project
from workbench.verify import verify


def plan_for(path: Path, request: Request, sheets: Sheets) -> Report:
    """Say what `apply_to` would do to a project, by doing it and taking it back; no other process may work on it."""
    sheets.refuse()
    with open_project(path, write=True) as db, alone(db):
        return plan(db, request, sheets)


def apply_to(
    path: Path, request: Request, sheets: Sheets, *, snapshot: bool = True, stage_on: Path | None = None
) -> Report:
    """Migrate a project: after a snapshot beside it, and with `stage_on` only when that held on a copy.

    Raises what `apply` does, and DamagedFile when the copy breaks a rule afterwards; then the project is untouched.
    """
    sheets.refuse()
    if stage_on is not None:
        _rehearse(path, request, stage_on)
    with open_project(path, write=True) as db, alone(db):
        if not snapshot:
            return apply(db, request, sheets)
        return after_snapshot(db, lambda taken: apply(db, request, sheets, snapshot=taken))


def _rehearse(path: Path, request: Request, copy: Path) -> None:
    with open_copy(path, copy) as db:
        apply(db, request)
        broken = [check.name for check in verify(db, full=True) if not check.ok]
    if broken:
        raise DamagedFile(
            f"after the migration the copy breaks {', '.join(broken)}; the project was not touched",
            where=str(copy),
            mend="see `workbench verify --full` on the copy",
        )
