"""One run from start to end: the order laid against the record, driven by the engine, told in events."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from workbench.clock import ticks
from workbench.errors import Stopped
from workbench.events import record_event
from workbench.generate.caps import Caps
from workbench.generate.engine import Engine
from workbench.generate.lines import Lines
from workbench.generate.work import Work
from workbench.providers import Provider, provider_for
from workbench.record.runs import begin_run, end_run, run_sums
from workbench.record.search import catch_up
from workbench.store import Database, running, transaction
from workbench.store.slots import Slot, slot

Listener = Callable[[str, Mapping[str, object]], None]


@dataclass(frozen=True, slots=True)
class Terms:
    """How a run goes about its work. Limits are per minute; caps count all runs of the same job."""

    concurrency: int = 4
    rpm: int | None = None
    tpm: int | None = None
    limit: int | None = None
    max_cost: float | None = None
    max_calls: int | None = None
    retry_failed: bool = False
    force: bool = False


@dataclass(slots=True)
class Summary:
    """What came of a run. `status` is done, failed (something failed or is left), stopped or interrupted.

    `cost` is the sum of what is known; `cost_known` is false where an answered call has no price.
    """

    run: int
    status: str
    done: int
    failed: int
    skipped: int
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    cost_known: bool = True
    seconds: float = 0.0
    left: int = 0
    why: str = ""

    def as_dict(self) -> dict[str, object]:
        """Give it as plain data."""
        return asdict(self)

    @property
    def exit_code(self) -> int:
        """0 all done, 130 interrupted, else 1."""
        return {"done": 0, "interrupted": 130}.get(self.status, 1)


@dataclass(slots=True)
class Session:
    """What is open while a run is on: the file, this process's slot, the run's number, and who listens."""

    db: Database
    slot: Slot
    run_id: int
    listener: Listener
    terms: Terms
    lines: Lines
    interrupted: bool = False
    engine: Engine | None = None
    halted: Stopped | None = None  # said by whoever drives without an engine
    _tally: Callable[[], tuple[int, int]] = field(default=lambda: (0, 0))

    @property
    def stop(self) -> Stopped | None:
        """Why the work stopped before its end, if it did."""
        return self.halted or (self.engine.stop if self.engine else None)

    def notice(self, event: str, facts: Mapping[str, object]) -> None:
        """Keep an event and tell it; single calls and tasks are told and not kept, since the record implies them."""
        if event not in ("settled", "call"):
            record_event(self.db, self.run_id, event, facts)
        if self.engine is None or not self.engine.troubled:  # what is written again would be told again
            self.listener(event, facts)

    def drive(self, work: Work, caps: Caps) -> None:
        """Run the engine on some work; Ctrl-C drains, a second one gives up what is in flight."""
        self.engine = Engine(
            db=self.db,
            run_id=self.run_id,
            slot=self.slot,
            work=work,
            lines=self.lines,
            caps=caps,
            concurrency=self.terms.concurrency,
            notice=self.notice,
            limit=self.terms.limit,
        )
        with _seldom_collecting():
            asyncio.run(self._driven(self.engine))

    async def _driven(self, engine: Engine) -> None:
        loop = asyncio.get_running_loop()
        if threading.current_thread() is threading.main_thread():  # else signals are not ours to take
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, self._interrupt)
        try:
            await engine.run()
        finally:
            await self.lines.aclose()

    def _interrupt(self) -> None:
        if self.engine is None:
            return
        if self.interrupted:
            self.engine.cancel()
        else:
            self.interrupted = True
            self.listener("draining", {})
            self.engine.drain()


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Look for cycles of garbage more seldom: a call makes many short-lived objects (a tenth of the time)."""
    before = gc.get_threshold()
    gc.set_threshold(20_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def session(
    db: Database,
    job: str,
    terms: Terms,
    config: Mapping[str, object],
    listener: Listener,
    providers: Callable[[str], Provider] = provider_for,
) -> Iterator[Session]:
    """Open a run on a project: log on, slot held, run begun; whatever happens, the run is ended and the file rests."""
    with running(db), slot(db) as mine:
        mine.reserve_room(terms.concurrency)
        with transaction(db):
            run_id = begin_run(db, job, {**config, **asdict(terms)}, mine.number)
        lines = Lines(providers, concurrency=terms.concurrency, rpm=terms.rpm, tpm=terms.tpm)
        opened = Session(db, mine, run_id, listener, terms, lines)
        try:
            yield opened
        except BaseException:
            with transaction(db):
                end_run(db, run_id, "failed", done=0, failed=0, skipped=0)
            raise
        catch_up(db)


def conclude(opened: Session, *, done: int, failed: int, skipped: int, left: int, begun: float) -> Summary:
    """End a run and sum it up."""
    stop = opened.stop
    status = "interrupted" if opened.interrupted else "stopped" if stop else "failed" if failed or left else "done"
    with transaction(opened.db):
        end_run(opened.db, opened.run_id, status, done=done, failed=failed, skipped=skipped)
    summary = Summary(opened.run_id, status, done, failed, skipped, left=left, seconds=round(ticks() - begun, 3))
    summary.why = str(stop) if stop else ""
    for name, value in run_sums(opened.db, opened.run_id).items():
        setattr(summary, name, value)
    return summary
