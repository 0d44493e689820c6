"""The engine: a sliding window of calls over any work, with retries, limits, caps and a drain."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from workbench.catalogue.models import Model
from workbench.clock import ticks
from workbench.errors import Stopped, WorkbenchError
from workbench.generate.caps import Caps
from workbench.generate.desk import Desk
from workbench.generate.lines import Lines
from workbench.generate.work import Job, Work
from workbench.plan.estimates import price_of
from workbench.providers import Answer
from workbench.providers.limiter import Ticket
from workbench.providers.retry import Breaker, Patience, Step, next_step, remedy
from workbench.record.ledger import Receipt, close_call, count_calls, open_call, release, withdraw_call
from workbench.store import Database
from workbench.store.slots import Slot, release_dead

POLL = 0.2  # seconds between looks at what other processes finish
Notice = Callable[[str, Mapping[str, object]], None]


@dataclass(slots=True)
class Engine:
    """Drives one work to its end with `concurrency` calls in flight.

    `notice(event, facts)` is called inside the transaction that settles a task, so that events are kept with
    what they tell.
    """

    db: Database
    run_id: int
    slot: Slot
    work: Work
    lines: Lines
    caps: Caps
    concurrency: int
    notice: Notice
    limit: int | None = None
    stop: Stopped | None = None
    draining: bool = False
    error: WorkbenchError | None = None
    _in_flight: int = 0
    _chosen: int = 0
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)
    _breaker: Breaker = field(default_factory=Breaker)
    _patience: Patience = field(default_factory=Patience)
    _rng: random.Random = field(default_factory=random.Random)
    _desk: Desk = field(init=False)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def run(self) -> None:
        """Work until nothing is left, a cap or limit is reached, or the run is told to stop."""
        self._desk = Desk(self.db, self._add_up, self._without_room)
        self._tasks = [asyncio.create_task(self._worker()) for _ in range(self.concurrency)]
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result
        if self.error is not None:
            raise self.error

    def _without_room(self) -> None:
        """Stop, and write what was paid for into the room that was set aside."""
        self.slot.give_room()
        self.halt(Stopped("the disk is full", mend="make room and run it again"))

    def drain(self) -> None:
        """Let calls in flight end and send no more."""
        self.draining = True
        self.lines.dismiss()
        self._wake(len(self._waiting))

    def halt(self, stop: Stopped) -> None:
        """Drain, and say why."""
        self.stop = self.stop or stop
        self.drain()

    def cancel(self) -> None:
        """Give up what is in flight; the calls stay on record as unknown."""
        self.drain()
        for task in self._tasks:
            task.cancel()

    @property
    def troubled(self) -> bool:
        """Whether something had to be written twice, so that only the record tells what was done."""
        return self._desk.troubled

    async def _worker(self) -> None:
        try:
            job = await self._next()
            while job is not None:
                job = await self._carry(job) or await self._next()
        except Exception as error:
            self.drain()
            raise error

    async def _next(self) -> Job | None:
        """Get the next job, waiting while tasks in flight or other processes may still open some."""
        while not self._is_over():
            job = await self._desk.do(self._choose)
            if job is not None or self._is_over():
                return job
            if self._in_flight:
                await self._sleep()
            elif not await self._desk.do(self.work.is_left):
                self.drain()
            else:
                await asyncio.sleep(POLL)
                release_dead(self.db, self.slot)
        return None

    def _is_over(self) -> bool:
        return self.draining or (self.limit is not None and self._chosen >= self.limit)

    async def _sleep(self) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future

    def _wake(self, count: int) -> None:
        for _ in range(min(count, len(self._waiting))):
            future = self._waiting.pop()
            if not future.done():
                future.set_result(None)

    def _choose(self, db: Database) -> Job | None:
        if self._is_over():
            return None
        job: Job | None = None
        try:
            job = self.work.choose(db)
            stop = self.caps.refusal(db, job) if job else None
            if job and not stop:
                self.lines.provider(job)
        except WorkbenchError as error:  # a template that cannot be rendered, a cap without prices, no key
            self._fail(db, job, error)
            return None
        if job is None or stop:
            self._leave(db, job, stop)
            return None
        self._chosen += 1
        self._in_flight += 1
        self.lines.start_at_once(job)
        if self.lines.may_send(job):
            self._open(db, job)
        return job

    def _fail(self, db: Database, job: Job | None, error: WorkbenchError) -> None:
        """Stop for an error that every further choice would meet; memory would not follow a rollback."""
        self.error = error
        if job:
            release(db, job.target)
        self.drain()

    def _leave(self, db: Database, job: Job | None, stop: Stopped | None) -> None:
        """Give back a job that a cap refuses, and stop."""
        if job and stop:
            release(db, job.target)
            self.halt(stop)

    def _open(self, db: Database, job: Job) -> None:
        job.call_id = open_call(db, self.run_id, job.target, job.attempt, job.model.provider, job.model.name)

    async def _carry(self, job: Job) -> Job | None:
        """Send a job until it is settled; then give the next one, chosen in the same transaction."""
        while True:
            if job.wait and not await self._pause(job.wait):
                return await self._desk.do(lambda db: self._abandon(db, job))
            ticket = await self.lines.acquire(job, lambda: self.draining)
            if ticket is None:
                return await self._desk.do(lambda db: self._abandon(db, job))
            following, step = await self._attempt(job, ticket)
            if step.verdict != "retry":
                return following
            job.attempt, job.call_id, job.wait = job.attempt + 1, None, step.wait

    async def _attempt(self, job: Job, ticket: Ticket) -> tuple[Job | None, Step]:
        """Send a job once, written down before and after."""
        if job.call_id is None:
            await self._desk.do(lambda db: self._open(db, job))
        answer, latency = await self._ask(job, ticket)
        step = next_step(answer, job.attempt, self._rng)
        return await self._desk.do(lambda db: self._take(db, job, answer, latency, step)), step

    async def _pause(self, seconds: float) -> bool:
        """Wait before a retry; False when the run is draining meanwhile."""
        end = ticks() + seconds
        while not self.draining and (left := end - ticks()) > 0:
            await asyncio.sleep(min(left, POLL))
        return not self.draining

    async def _ask(self, job: Job, ticket: Ticket) -> tuple[Answer, float]:
        begun = job.sent = ticks()
        answer: Answer | None = None
        try:
            answer = await self.lines.provider(job).call(job.request)
        finally:
            self.lines.release(job, ticket, answer)
        return answer, (ticks() - begun) * 1000

    def _take(self, db: Database, job: Job, answer: Answer, latency: float, step: Step) -> Job | None:
        """Write an answer down, settle its task, and choose the next: one transaction."""
        receipt = receipt_of(job.model, answer, latency)
        close_call(db, job.call_id or 0, receipt)
        self._desk.receipts.append(receipt)
        if self.caps.are_set:  # the next choice must see this call's cost
            self._add_up(db, self._desk.receipts)
            self._desk.receipts.clear()
        spent = {"tokens_in": receipt.tokens_in, "tokens_out": receipt.tokens_out, "cost": receipt.cost}
        self.notice("call", {"outcome": answer.outcome, "latency_ms": latency, **spent})
        self._judge_row(job, answer, step)
        if step.verdict == "retry":
            facts = {"attempt": job.attempt, "outcome": answer.outcome, "wait": round(step.wait, 1)}
            self.notice("retry", {**job.facts, **facts})
            return None
        if step.verdict == "stop":
            self._abandon(db, job)
            told = remedy(answer.outcome, job.model.llm_model_id, job.model.provider)
            mend = "run the same command again then" if step.wait else told
            self.halt(Stopped(f"{answer.outcome}: {step.reason}", mend=mend))
            return None
        settled = self.work.settle(db, job, answer, final=None if step.verdict == "done" else answer.outcome)
        release(db, job.target)
        self._in_flight -= 1
        self._wake(settled.opened if self._in_flight else len(self._waiting))
        return self._choose(db)

    def _add_up(self, db: Database, ended: list[Receipt]) -> None:
        """Count the calls that ended in one transaction for their run, all at once."""
        if ended:
            tokens_in, tokens_out = (sum(r.tokens_in or 0 for r in ended), sum(r.tokens_out or 0 for r in ended))
            count_calls(db, self.run_id, len(ended), tokens_in, tokens_out, sum(r.cost or 0.0 for r in ended))

    def _judge_row(self, job: Job, answer: Answer, step: Step) -> None:
        """Ten failures in a row over three tasks, or nothing but 429: nothing works, so stop."""
        if answer.verdict in ("done", "fail_task"):
            self._breaker.succeeded()
            self._patience.succeeded()
            return
        again = "run the same command again when the provider answers"
        if answer.outcome == "rate_limited" and self._patience.put_off(job.sent, ticks()):
            self.halt(Stopped("rate_limited: the provider only asks to slow down and takes no call", mend=again))
        elif (answer.outcome != "rate_limited" or step.verdict != "retry") and self._breaker.failed(
            job.request.task, ticks()
        ):
            words = f": {answer.error}" if answer.error else ""
            self.halt(Stopped(f"ten calls in a row failed, the last with {answer.outcome}{words}", mend=again))

    def _abandon(self, db: Database, job: Job) -> None:
        """Give a task back unsettled; it stays to be done. A call that was written down and not sent goes too."""
        if job.call_id is not None:
            withdraw_call(db, job.call_id)
        release(db, job.target)
        self._in_flight -= 1
        self._wake(len(self._waiting))


def receipt_of(model: Model | None, answer: Answer, latency_ms: float | None, share: float = 1.0) -> Receipt:
    """Sum up a call: money from the tokens and the model's prices, when both are known; `share` of it is asked for."""
    price = None
    if model is not None and answer.tokens_out is not None:
        price = price_of(model, answer.tokens_in or 0, answer.tokens_out)
    return Receipt(
        outcome=answer.outcome,
        answered=answer.verdict == "done" or answer.text is not None,
        latency_ms=latency_ms,
        http_status=answer.http_status,
        tokens_in=answer.tokens_in,
        tokens_out=answer.tokens_out,
        cost=None if price is None else share * price,
        error=answer.error,
        body=answer.body,
    )
