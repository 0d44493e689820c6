"""What one run is to do, whether an order or a cohort, and how it is carried out from start to end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from workbench.clock import ticks
from workbench.generate.caps import Caps
from workbench.generate.groups import Grouping, Groups
from workbench.generate.run import Listener, Session, Summary, Terms, conclude, session
from workbench.generate.tasks import GenerationWork, Seeder
from workbench.plan.forecast import by_status
from workbench.plan.prompting import Prompter
from workbench.providers import Provider, provider_for
from workbench.record.selection import GroupCount, Selection, counts, want_again
from workbench.store import Database, transaction
from workbench.store.slots import refuse_led

Drive = Callable[[Session, GenerationWork, Caps], None]


@dataclass(frozen=True, slots=True)
class Assignment:
    """The tasks of a run, how they are grouped, and what is told at its start and end.

    `total` counts all tasks, in the record or not; `seed` plans those that are not.
    """

    job: str
    config: Mapping[str, object]
    selection: Selection
    groupings: Sequence[Grouping]
    total: int
    seed: Seeder = field(default=lambda db: False)
    facts: Mapping[str, object] = field(default_factory=dict)
    complete_cycles: Callable[[list[GroupCount]], int] = field(default=lambda found: 0)


def silent(event: str, facts: object) -> None:
    """Listen to nothing."""


def carry_out(
    db: Database,
    assignment: Assignment,
    terms: Terms | None = None,
    listener: Listener = silent,
    providers: Callable[[str], Provider] = provider_for,
    drive: Drive = Session.drive,
) -> Summary:
    """Do what is not done of an assignment; resuming is the default, and a finished one sends nothing.

    `drive` carries the work out: the engine, call by call, or whoever else sends it.
    """
    terms, begun = terms or Terms(), ticks()
    refuse_led(db)
    with session(db, assignment.job, terms, assignment.config, listener, providers) as opened:
        refuse_led(db)  # workers may have begun before this process could be seen
        before = counts(db, assignment.selection)
        work = GenerationWork(
            prompter=Prompter(db),
            selection=assignment.selection,
            groups=[Groups(grouping, opened.notice) for grouping in assignment.groupings],
            notice=opened.notice,
            slot=opened.slot.number,
            is_synthetic=opened.lines.is_synthetic,
            seed=assignment.seed,
        )
        skipped = _start(opened, assignment, work, before)
        drive(opened, work, Caps(assignment.job, terms.max_cost, terms.max_calls))
        return _finish(opened, assignment, work, skipped, begun)


def _start(opened: Session, assignment: Assignment, work: GenerationWork, before: list[GroupCount]) -> int:
    terms = opened.terms
    again = terms.retry_failed or terms.force
    settled = () if terms.force else ("done",) if again else ("done", "failed")
    for groups in work.groups:
        groups.skip(before, settled)
    skipped = 0 if terms.force else by_status(before, "done")
    with transaction(opened.db):
        if again:
            want_again(opened.db, assignment.selection, failed=True, done=terms.force)
        facts = {"concurrency": terms.concurrency, "total_samples": assignment.total}
        opened.notice(
            "generation_start",
            {**assignment.facts, **facts, "previously_completed": skipped},
        )
        if skipped:
            opened.notice("skipped", {"count": skipped})
    return skipped


def _finish(opened: Session, assignment: Assignment, work: GenerationWork, skipped: int, begun: float) -> Summary:
    found = counts(opened.db, assignment.selection)
    done, failed = by_status(found, "done"), by_status(found, "failed")
    left = assignment.total - done - failed
    stopped = opened.interrupted or left > 0 or opened.stop is not None
    with transaction(opened.db):
        for groups in work.groups if left == 0 else ():
            groups.finish()
        opened.notice(
            "generation_stopped" if stopped else "generation_complete",
            {
                "total_samples": done,
                "failed_samples": failed,
                "expected_samples": assignment.total,
                "unaccounted": left,
                "cycles_completed": assignment.complete_cycles(found),
                "unique_topics": assignment.facts.get("unique_topics", 0),
            },
        )
    if opened.engine is not None and opened.engine.troubled:
        work.done, work.failed = max(0, done - skipped), failed
    summary = conclude(opened, done=work.done, failed=work.failed, skipped=skipped, left=left, begun=begun)
    if summary.status == "done" and failed:
        summary.status = "failed"  # earlier failures keep their place
        summary.why = f"{failed:,} failed before and keep their place; --retry-failed sends them again"
    return summary
