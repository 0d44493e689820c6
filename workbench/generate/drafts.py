"""Generate an order: N drafts over a topic model's cycles, or N plain samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from workbench.generate.assignment import Assignment, Drive, carry_out, silent
from workbench.generate.groups import Cycles, Grouping, Steps
from workbench.generate.run import Listener, Session, Summary, Terms
from workbench.plan.orders import Order, Planting, Shape, shape
from workbench.providers import Provider, provider_for
from workbench.record.selection import GroupCount
from workbench.store import Database


def generate(
    db: Database,
    order: Order,
    terms: Terms | None = None,
    listener: Listener = silent,
    providers: Callable[[str], Provider] = provider_for,
    drive: Drive = Session.drive,
) -> Summary:
    """Do what is not done of an order; resuming is the default, and a finished order sends nothing.

    Raises UnknownName, BadInput, BadTemplate before the first call, KeyNotBound when no key may be used.
    """
    terms = terms or Terms()
    return carry_out(db, assignment_of(order, shape(db, order), terms.concurrency), terms, listener, providers, drive)


def assignment_of(order: Order, found: Shape, concurrency: int) -> Assignment:
    """Make an order's numbers an assignment: cycles over topics, or steps without."""
    has_topics = found.topic_model_id is not None
    grouping: Grouping = Steps(found.total_samples, concurrency)
    if has_topics:
        grouping = Cycles(found.cycles_needed, found.unique_topics, found.final_cycle_size)
    return Assignment(
        job=order.job,
        config=asdict(order),
        selection=found.selection,
        groupings=[grouping],
        total=found.total_samples,
        seed=Planting(found).more,
        facts={
            "unique_topics": found.unique_topics if has_topics else 0,
            "cycles_needed": found.cycles_needed if has_topics else 0,
            "final_cycle_size": found.final_cycle_size if has_topics else 0,
        },
        complete_cycles=lambda counted: _complete_cycles(found, counted) if has_topics else 0,
    )


def _complete_cycles(found: Shape, counted: list[GroupCount]) -> int:
    settled: dict[int, int] = {}
    for group in counted:
        if group.status in ("done", "failed"):
            settled[group.replicate] = settled.get(group.replicate, 0) + group.count
    return sum(count >= found.cycle_size(replicate) for replicate, count in settled.items())
