"""A cohort by name, as a selection of its tasks."""

from __future__ import annotations

from workbench.errors import BadInput, UnknownName
from workbench.ids import STAGES
from workbench.record.selection import CohortSelection
from workbench.store import Database


def cohort_number(db: Database, name: str) -> int:
    """Give the number of a cohort; raises UnknownName with the names there are."""
    row = db.execute("select id from cohorts where name = ?", (name.strip(),)).fetchone()
    if row is None:
        known = [n for (n,) in db.execute("select name from cohorts order by 1 limit 12")]
        raise UnknownName(
            f"no cohort {name!r}",
            mend=f"there are {', '.join(known)}" if known else "make one with `workbench cohort compile`",
        )
    return int(row[0])


def cohort_selection(db: Database, name: str, stage: str | None = None) -> CohortSelection:
    """Select a cohort's tasks, of all stages (the last first, so that families are finished) or of one."""
    if stage is not None and stage not in STAGES:
        raise BadInput(f"no stage {stage!r}", mend=f"use one of {', '.join(STAGES)}")
    stages = (stage,) if stage else tuple(reversed(STAGES))
    return CohortSelection(cohort_number(db, name), stages)
