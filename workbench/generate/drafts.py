"""Generate an order: N drafts over a topic model's cycles, or N plain samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from workbench.clock import ticks
from workbench.generate.caps import Caps
from workbench.generate.groups import Cycles, Grouping, Groups, Steps
from workbench.generate.run import Listener, Session, Summary, Terms, conclude, session
from workbench.generate.tasks import GenerationWork
from workbench.plan.forecast import by_status
from workbench.plan.orders import Order, Planting, Shape, shape
from workbench.plan.prompting import Prompter
from workbench.providers import Provider, provider_for
from workbench.record.selection import GroupCount, counts, want_again
from workbench.store import Database, transaction


def silent(event: str, facts: object) -> None:
    """Listen to nothing."""


def generate(
    db: Database,
    order: Order,
    terms: Terms | None = None,
    listener: Listener = silent,
    providers: Callable[[str], Provider] = provider_for,
) -> Summary:
    """Do what is not done of an order; resuming is the default, and a finished order sends nothing.

    Raises UnknownName, BadInput, BadTemplate before the first call, KeyNotBound when no key may be used.
    """
    terms, begun = terms or Terms(), ticks()
    order_shape = shape(db, order)
    with session(db, order.job, terms, asdict(order), listener, providers) as opened:
        grouping = grouping_of(order_shape, terms)
        before = counts(db, order_shape.selection)
        groups = Groups(grouping, opened.notice)
        skipped = _start(opened, order_shape, groups, before)
        work = GenerationWork(
            prompter=Prompter(db),
            selection=order_shape.selection,
            groups=groups,
            slot=opened.slot.number,
            is_synthetic=lambda alias: alias == "offline",
            seed=Planting(order_shape).more,
        )
        opened.drive(work, Caps(order.job, terms.max_cost, terms.max_calls))
        return _finish(opened, order_shape, groups, skipped, begun)


def grouping_of(order_shape: Shape, terms: Terms) -> Grouping:
    """Cycles over topics, or steps without."""
    if order_shape.topic_model_id is None:
        return Steps(order_shape.total_samples, terms.concurrency)
    return Cycles(order_shape.cycles_needed, order_shape.unique_topics, order_shape.final_cycle_size)


def _start(opened: Session, order_shape: Shape, groups: Groups, before: list[GroupCount]) -> int:
    terms = opened.terms
    again = terms.retry_failed or terms.force
    settled = ("done",) if again else ("done", "failed")
    skipped = groups.skip([] if terms.force else before, settled)
    with transaction(opened.db):
        if again:
            want_again(opened.db, order_shape.selection, failed=True, done=terms.force)
        opened.notice(
            "generation_start",
            {
                "unique_topics": order_shape.unique_topics if order_shape.topic_model_id else 0,
                "cycles_needed": order_shape.cycles_needed if order_shape.topic_model_id else 0,
                "final_cycle_size": order_shape.final_cycle_size if order_shape.topic_model_id else 0,
                "concurrency": terms.concurrency,
                "total_samples": order_shape.total_samples,
                "previously_completed": by_status(before, "done"),
            },
        )
        if skipped:
            opened.notice("skipped", {"count": skipped})
    return skipped


def _finish(opened: Session, order_shape: Shape, groups: Groups, skipped: int, begun: float) -> Summary:
    found = counts(opened.db, order_shape.selection)
    done, failed = by_status(found, "done"), by_status(found, "failed")
    left = order_shape.total_samples - done - failed
    with transaction(opened.db):
        if left == 0:
            groups.finish()
        stopped = opened.interrupted or (opened.engine is not None and opened.engine.stop is not None)
        opened.notice(
            "generation_stopped" if stopped or left else "generation_complete",
            {
                "total_samples": done,
                "failed_samples": failed,
                "expected_samples": order_shape.total_samples,
                "unaccounted": left,
                "cycles_completed": _complete_cycles(order_shape, found),
                "unique_topics": order_shape.unique_topics if order_shape.topic_model_id else 0,
            },
        )
    summary = conclude(opened, done=groups.done, failed=groups.failed, skipped=skipped, left=left, begun=begun)
    if summary.status == "done" and failed:
        summary.status = "failed"  # earlier failures keep their place until --retry-failed
    return summary


def _complete_cycles(order_shape: Shape, found: list[GroupCount]) -> int:
    if order_shape.topic_model_id is None:
        return 0
    settled: dict[int, int] = {}
    for group in found:
        if group.status in ("done", "failed"):
            settled[group.replicate] = settled.get(group.replicate, 0) + group.count
    return sum(count >= order_shape.cycle_size(replicate) for replicate, count in settled.items())
