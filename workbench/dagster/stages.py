"""The stages as assets: what is done is skipped, what is missing is made, what fails is told."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from workbench.dagster.frame import ASSETS, GROUPS, MEMBERSHIP, Frame
from workbench.dagster.settings import Settings, schema_of, settings_of
from workbench.dagster.watch import Watch
from workbench.errors import Incomplete
from workbench.generate import Summary, Terms, generate_cohort
from workbench.plan.cohorts import cohort_number

T = TypeVar("T")
_BEFORE: Final = {"drafts": MEMBERSHIP, "essays": "drafts", "evaluations": "essays"}
_SHOWN: Final = ("done", "skipped", "failed", "calls", "tokens_in", "tokens_out", "cost", "seconds", "run")
_DONE = """
select g.gen_id || '|' || x.hash from cohort_members m join generations g on g.id = m.generation_id
join contents x on x.id = g.content_id
where m.cohort_id = ? and g.stage = ? and g.status = 'done' order by 1
"""
_REASONS = """
select coalesce(g.outcome, 'unknown'), count(*) from cohort_members m join generations g on g.id = m.generation_id
where m.cohort_id = ? and g.stage = ? and g.status in ('failed', 'blocked') group by 1 order by 2 desc, 1
"""


def stage_assets(frame: Frame, terms: Terms) -> list[Any]:
    """Make the assets `drafts`, `essays` and `evaluations`, each with its run configuration."""
    return [
        frame.asset(
            name,
            GROUPS[name],
            _BEFORE[name],
            f"The {name} of a cohort. What is done is skipped; every answer is kept as it arrives.",
            lambda context, stage=stage: _materialize(frame, context, stage),  # type: ignore[misc]
            config_schema=schema_of(frame.dg, terms),
        )
        for stage, name in ASSETS.items()
    ]


def _materialize(frame: Frame, context: Any, stage: str) -> Iterator[Any]:
    settings = settings_of(context.op_execution_context.op_config)
    summary, version, reasons = _beside_a_loop(lambda: _made(frame, context, stage, settings.terms))
    facts = {name: getattr(summary, name) for name in _SHOWN} | {"missing": summary.left}
    if reasons:
        facts["reasons"] = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
    if _is_good(summary, settings):
        yield frame.result(facts, version)
        return
    yield frame.dg.AssetObservation(context.asset_key, partition=context.partition_key, metadata=facts)
    words = _line(context.partition_key, stage, summary, facts)
    if summary.status == "interrupted":
        raise frame.dg.DagsterExecutionInterruptedError(words)
    raise frame.dg.Failure(description=words, metadata=facts)


def _made(frame: Frame, context: Any, stage: str, terms: Terms) -> tuple[Summary, str, dict[str, int]]:
    """Run a stage, and give what came of it, the version of its texts, and why others have none."""
    cohort = context.partition_key
    with signals_lent(), frame.opened(write=True) as db:
        summary = generate_cohort(db, cohort, stage, terms, Watch(context.log))
        wanted = (cohort_number(db, cohort), stage)
        return summary, frame.version(db, _DONE, wanted), dict(db.execute(_REASONS, wanted).fetchall())


def _is_good(summary: Summary, settings: Settings) -> bool:
    return summary.status == "done" or (settings.allow_failed and summary.status == "failed")


def _line(cohort: str, stage: str, summary: Summary, facts: dict[str, Any]) -> str:
    counts = f"{summary.done:,} done, {summary.failed:,} failed, {summary.skipped:,} skipped, {summary.left:,} left"
    why = f" ({summary.why or facts.get('reasons', '')})".replace(" ()", "")
    failed = summary.status == "failed"
    mend = "retry_failed sends failed ones again, allow_failed goes on without them" if failed else ""
    return str(Incomplete(f"{counts}{why}", where=f"{ASSETS[stage]} of {cohort}", mend=mend))


@contextmanager
def signals_lent() -> Iterator[None]:
    """Let a run take Ctrl-C and SIGTERM to drain, and give them back to Dagster."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _beside_a_loop(work: Callable[[], T]) -> T:
    """Run here, or in a thread where a notebook's own event loop is on."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work()
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()
