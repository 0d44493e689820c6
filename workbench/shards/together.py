"""`generate` by several workers at once: shards made, worked on and merged by one command, as if by one process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from workbench.clock import ticks
from workbench.errors import RunIsOn
from workbench.generate import Summary, Terms
from workbench.generate.assignment import silent
from workbench.generate.caps import calls_reached, cost_reached
from workbench.generate.run import Listener
from workbench.plan.forecast import by_status
from workbench.record.ledger import spent
from workbench.record.runs import begin_run, end_run
from workbench.record.search import catch_up
from workbench.record.selection import GroupCount, counts
from workbench.shards.asked import Asked
from workbench.shards.crew import Crew
from workbench.shards.folder import left_over, shard_folder
from workbench.shards.lead import Leader
from workbench.store import Database, open_project, transaction
from workbench.store.slots import slot


def generate_together(
    project: Path,
    workers: int,
    asked: Asked,
    terms: Terms,
    crew_for: Callable[[Path], Crew],
    listener: Listener = silent,
    *,
    width: int | None = None,
) -> Summary:
    """Do what is not done of an order or a cohort with so many workers; the same again goes on where it stopped.

    `crew_for` gives who works, told of the file that is there once they are to end.
    Shards lie in a folder beside the project and are gone at the end. Limits and caps hold for all workers together,
    and so does `width`, the calls in flight that were asked for; without it each worker has its own. Raises RunIsOn
    while another process works on the project, and what runs raise.
    """
    begun = ticks()
    with shard_folder(project) as folder, open_project(project, write=True) as db, _alone(db) as slot_number:
        crew = crew_for(folder.drain)
        leader = Leader(db, asked, terms, width, crew, folder, listener, slot_number)
        try:
            with _led(leader):
                folder.bring_leftovers(db, lambda path: listener("shard_home", left_over(path)))
                return _carry_out(leader, workers, begun)
        finally:
            crew.close()


@contextmanager
def _alone(db: Database) -> Iterator[int]:
    """Hold a slot while no other process works on the project: workers would not see what it does."""
    with slot(db) as mine:
        if not mine.is_alone:
            mend = "let that end, or stop it, then start workers"
            raise RunIsOn("another process works on it, which workers would not see", mend=mend)
        yield mine.number


@contextmanager
def _led(leader: Leader) -> Iterator[None]:
    """Take Ctrl-C as the leader does, where signals are ours to take."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, leader.interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _carry_out(leader: Leader, workers: int, begun: float) -> Summary:
    db, asked, terms = leader.db, leader.asked, leader.terms
    settled = () if terms.force else ("done",) if terms.retry_failed else None
    plan = asked.forecast(db, settled)
    with transaction(db):
        config = {"asked": asdict(asked), "workers": workers, **asdict(terms)}
        leader.run_id = begin_run(db, asked.job, config, leader.slot)
    try:
        before = [] if terms.force else counts(db, asked.selection(db))
        _announce(leader, plan.total_samples, by_status(before, "done"), workers)
        if plan.pending:
            _work(leader, workers)
        catch_up(db)
        return _sum_up(leader, plan.total_samples, before, begun)
    except BaseException:
        with transaction(db):
            end_run(db, leader.run_id, "failed", done=0, failed=0, skipped=0)
        raise


def _announce(leader: Leader, total: int, skipped: int, workers: int) -> None:
    facts = {"workers": workers, "concurrency": leader.width or leader.terms.concurrency * workers}
    leader.notice("generation_start", {**facts, "total_samples": total, "previously_completed": skipped})
    if skipped:
        leader.notice("skipped", {"count": skipped})


def _work(leader: Leader, workers: int) -> None:
    """All shards at once; what their parts of a limit or cap left over is then spent by one worker alone."""
    terms = leader.terms_left()
    if terms is not None:
        leader.round(workers, terms)
    if leader.error is not None:
        raise leader.error
    if workers == 1 or (terms := _rest(leader)) is None:
        return
    leader.is_capped = False
    leader.round(1, replace(terms, force=False, retry_failed=False))
    if leader.error is not None:
        raise leader.error


def _rest(leader: Leader) -> Terms | None:
    given = leader.terms
    is_limited = any(value is not None for value in (given.limit, given.max_calls, given.max_cost))
    if not is_limited or leader.interrupts or leader.stopped or not leader.asked.forecast(leader.db).pending:
        return None
    return leader.terms_left()


def _sum_up(leader: Leader, total: int, before: list[GroupCount], begun: float) -> Summary:
    after, terms = counts(leader.db, leader.asked.selection(leader.db)), leader.terms
    done, failed = by_status(after, "done"), by_status(after, "failed")
    skipped = by_status(before, "done")
    fresh = leader.heard["done"] if terms.force else max(0, done - skipped)
    again = terms.force or terms.retry_failed
    broken = leader.heard["failed"] if again else max(0, failed - by_status(before, "failed"))
    left, why = total - done - failed, _cap_reached(leader) or leader.stopped
    status = "interrupted" if leader.interrupts else "stopped" if why else "failed" if failed or left else "done"
    if status == "failed" and failed and not broken:
        why = f"{failed:,} failed before and keep their place; --retry-failed sends them again"
    summary = Summary(leader.run_id, status, fresh, broken, skipped, left=left, why=why)
    for name in ("calls", "tokens_in", "tokens_out", "cost"):
        setattr(summary, name, getattr(leader.spent, name))
    summary.cost_known = leader.spent.is_cost_known
    facts = {"total_samples": done, "failed_samples": failed, "expected_samples": total, "unaccounted": left}
    leader.notice("generation_complete" if status in ("done", "failed") and not left else "generation_stopped", facts)
    with transaction(leader.db):
        end_run(leader.db, leader.run_id, status, done=fresh, failed=broken, skipped=skipped)
    summary.seconds = round(ticks() - begun, 3)
    return summary


def _cap_reached(leader: Leader) -> str:
    """Say which cap ended the work, if one did: a worker knows only its part."""
    terms, (cost, calls) = leader.terms, spent(leader.db, leader.asked.job)
    if terms.max_calls is not None and calls >= terms.max_calls and leader.asked.forecast(leader.db).pending:
        return str(calls_reached(terms.max_calls, calls))
    if terms.max_cost is not None and (leader.is_capped or cost >= terms.max_cost):
        return str(cost_reached(terms.max_cost, cost))
    return ""
