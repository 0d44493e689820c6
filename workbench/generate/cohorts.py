"""Generate a cohort: draft, essay, evaluation without a barrier, each as soon as its parent is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from workbench.generate.assignment import Assignment, Drive, carry_out, silent
from workbench.generate.groups import CohortCycles, Grouping, Stages
from workbench.generate.run import Listener, Session, Summary, Terms
from workbench.plan.cohorts import cohort_selection
from workbench.providers import Provider, provider_for
from workbench.record.selection import CohortSelection, counts
from workbench.store import Database


def generate_cohort(
    db: Database,
    name: str,
    stage: str | None = None,
    terms: Terms | None = None,
    listener: Listener = silent,
    providers: Callable[[str], Provider] = provider_for,
    drive: Drive = Session.drive,
) -> Summary:
    """Do what is not done of a cohort, or of one of its stages; members that are done are skipped.

    Raises UnknownName, BadTemplate, KeyNotBound.
    """
    selection = cohort_selection(db, name, stage)
    return carry_out(db, assignment_of(db, name, selection), terms, listener, providers, drive)


def assignment_of(db: Database, name: str, selection: CohortSelection) -> Assignment:
    """Make a cohort an assignment, with stage events, and cycle events where its drafts go through topics."""
    found = counts(db, selection)
    sizes: Counter[str] = Counter()
    for group in found:
        sizes[group.stage] += group.count
    cycles = _cycles(db, selection)
    groupings: list[Grouping] = [Stages(sizes)]
    if cycles:
        groupings.append(CohortCycles(cycles))
    return Assignment(
        job=f"cohort {name}".lower(),
        config={"cohort": name, "stages": selection.stages},
        selection=selection,
        groupings=groupings,
        total=sizes.total(),
        facts={"cohort": name, "stages": dict(sizes), "cycles_needed": len(cycles)},
    )


def _cycles(db: Database, selection: CohortSelection) -> dict[int, int]:
    """Count the cohort's drafts of topics by replicate."""
    if "draft" not in selection.stages:
        return {}
    rows = db.execute(
        "select g.replicate, count(*) from cohort_members m join generations g on g.id = m.generation_id"
        " join combos c on c.id = g.combo_id where m.cohort_id = ? and g.stage = 'draft' and c.topic_id is not null"
        " group by 1",
        (selection.cohort_id,),
    )
    return dict(rows.fetchall())
