"""A run by batches, from start to end: fill, send, wait, take, and on to what that made ready."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from workbench.batch.books import Batch, hold_batch, let_go, open_batches
from workbench.batch.filling import Filler, Sizes
from workbench.batch.sending import Sender
from workbench.batch.taking import Taker
from workbench.batch.tried import Unanswered, Untried
from workbench.errors import Stopped
from workbench.generate.assignment import Drive
from workbench.generate.caps import Caps
from workbench.generate.run import Session
from workbench.generate.tasks import GenerationWork
from workbench.providers.choice import batches_for
from workbench.providers.openai.batches import MOST_BYTES, MOST_REQUESTS, Batches
from workbench.record.selection import anything_ready
from workbench.store import transaction
from workbench.store.slots import release_dead

POLL: Final = 5.0  # seconds before the second look at a batch
SLOWER: Final = 1.5  # times longer each pause than the one before
SLOWEST: Final = 12  # times the first pause, at most
GRACE: Final = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class BatchTerms:
    """How a run by batches goes about it.

    `wait`: stay until all is done, else send and leave. `poll`: seconds before the second look. `live`: tasks that
    stood in a batch in vain are sent by single calls. `sizes`: the most that one file may hold.
    """

    wait: bool = True
    poll: float = POLL
    live: bool = False
    sizes: Sizes = field(default_factory=lambda: Sizes(MOST_REQUESTS, MOST_BYTES))
    pause: Callable[[float], None] = time.sleep


def by_batches(terms: BatchTerms, endpoints: Callable[[str], Batches] = batches_for) -> Drive:
    """Give what drives a run by batches instead of live calls."""

    def drive(opened: Session, work: GenerationWork, caps: Caps) -> None:
        Batching(terms, opened, work, caps, endpoints).run()

    return drive


class Batching:
    """One run by batches."""

    def __init__(
        self,
        terms: BatchTerms,
        opened: Session,
        work: GenerationWork,
        caps: Caps,
        endpoints: Callable[[str], Batches],
    ) -> None:
        """Take over a run that was begun; nothing is sent yet."""
        self._terms, self._opened, self._work, self._caps = terms, opened, work, caps
        self._all = work.selection
        self._known: dict[str, Batches] = {}
        self._endpoints = endpoints
        work.selection = Untried(self._all, opened.run_id, answered=terms.live)
        self._filler = Filler(opened, work, caps, terms.sizes, self._endpoint)
        taker = Taker(opened.db, opened.notice, work.tell, self._charged)
        self._sender = Sender(opened.db, self._endpoint, taker, opened.notice, terms.pause, min(GRACE, terms.poll))
        self._wait, self._sat = terms.poll, False

    def _endpoint(self, alias: str) -> Batches:
        if alias not in self._known:
            self._known[alias] = self._endpoints(alias)
        return self._known[alias]

    def _charged(self, run_id: int) -> int:
        """Say which run an answer counts for: this one for its own job, else the one that sent it."""
        sql = "select a.job = b.job from runs a, runs b where a.id = ? and b.id = ?"
        same = self._opened.db.execute(sql, (self._opened.run_id, run_id)).fetchone()[0]
        return self._opened.run_id if same else run_id

    def run(self) -> None:
        """Work until nothing is left, or only what is answered over there and nobody waits for; Ctrl-C leaves."""
        try:
            with _interruptible():
                self._go_on()
        except Stopped as stop:
            self._opened.halted = stop
        except KeyboardInterrupt:
            self._opened.interrupted = True

    def look(self) -> None:
        """Look once after every open batch that holds tasks of this work, and take what is over."""
        self._look_after(open_batches(self._opened.db, self._all))

    def _go_on(self) -> None:
        self.look()
        while True:
            fresh = self._filler.fill()
            self._look_after(fresh)
            waiting = open_batches(self._opened.db, self._all) if self._terms.wait else []
            if waiting:
                self._sit(len(waiting))
                self._look_after(waiting)
            elif not self._go_live() or not self._terms.wait:
                break
        if self._filler.stop:
            raise self._filler.stop
        if not self._terms.wait and (numbers := open_batches(self._opened.db, self._all)):
            named = f"batch{'es' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"
            raise Stopped(f"what is in {named} is still to be answered", mend="the same command takes the answers")

    def _sit(self, count: int) -> None:
        """Wait before the next look, each time a little longer, until something is over."""
        self._opened.listener("batch_waiting", {"batches": count, "seconds": self._wait, "first": not self._sat})
        self._sat = True
        self._terms.pause(self._wait)
        self._wait = min(self._wait * SLOWER, self._terms.poll * SLOWEST)
        release_dead(self._opened.db, self._opened.slot)

    def _look_after(self, numbers: list[int]) -> None:
        """Bring batches forward that no other process works on at this moment."""
        for number in numbers:
            with self._held(number) as batch:
                if batch is not None:
                    done = self._work.done + self._work.failed
                    self._sender.advance(batch)
                    if self._work.done + self._work.failed > done:
                        self._wait = self._terms.poll

    @contextmanager
    def _held(self, number: int) -> Iterator[Batch | None]:
        db, slot = self._opened.db, self._opened.slot.number
        with transaction(db):
            batch = hold_batch(db, number, slot)
        try:
            yield batch
        finally:
            with transaction(db):
                let_go(db, number, slot)

    def _go_live(self) -> bool:
        """Send what stood in batches in vain by single calls; False when that brought nothing new."""
        db, work = self._opened.db, self._work
        left = Unanswered(self._all)
        if not self._terms.live or not anything_ready(db, left):
            return False
        narrowed, seeding = work.selection, work.seeding
        work.selection, work.seeding = left, False
        before = work.done + work.failed
        self._opened.drive(work, self._caps)
        work.selection, work.seeding = narrowed, seeding
        ended = self._opened.interrupted or self._opened.stop is not None
        return not ended and work.done + work.failed > before


@contextmanager
def _interruptible() -> Iterator[None]:
    """Take a request to end as Ctrl-C is taken: batches go on over there, and the record says so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        with suppress(ValueError, TypeError):
            signal.signal(signal.SIGTERM, before)
