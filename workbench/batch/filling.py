"""Tasks are put into batches: chosen, capped and prompted as for a live run, some at a time, nothing sent yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from workbench.batch.books import Line, add_line, begin_batch
from workbench.errors import Stopped
from workbench.generate.caps import Caps, in_flight
from workbench.generate.engine import receipt_of
from workbench.generate.run import Session
from workbench.generate.tasks import Context, GenerationWork
from workbench.generate.work import Job
from workbench.plan.estimates import answer_tokens, price_of
from workbench.providers import Answer
from workbench.providers.openai.lines import request_line
from workbench.providers.texts import one_line
from workbench.record.ledger import close_call, count_calls, open_call, release, spent
from workbench.store import Database, transaction

FACTOR: Final = 0.5  # of the price of a live call
CHUNK: Final = 100  # tasks put into batches in one transaction


@dataclass(frozen=True, slots=True)
class Sizes:
    """The most that one file may hold: calls, and bytes."""

    requests: int
    bytes: int


@dataclass(slots=True)
class _Room:
    """A batch that is being filled, and what is in it."""

    number: int
    requests: int = 0
    bytes: int = 0


@dataclass(slots=True)
class Filler:
    """Puts what may be sent into batches, one for each provider and model, until files are full or nothing is left.

    `endpoint(alias)` raises for providers that take no batches, before anything is chosen for them.
    """

    opened: Session
    work: GenerationWork
    caps: Caps
    sizes: Sizes
    endpoint: Callable[[str], Any]
    stop: Stopped | None = None
    _rooms: dict[tuple[str, str], _Room] = field(default_factory=dict)
    _filled: list[int] = field(default_factory=list)
    _chosen: int = 0
    _spent: tuple[float, int] = (0.0, 0)
    _flying: int = 0
    _reserved: float = 0.0

    def fill(self) -> list[int]:
        """Put all tasks that may be sent now into batches and give their numbers; they belong to this process."""
        self._rooms, self._filled = {}, []
        while self._fill_some():
            pass
        return self._filled

    def _fill_some(self) -> bool:
        db = self.opened.db
        with transaction(db):
            self._look_at_caps(db)
            for _ in range(CHUNK):
                if (job := self._choose(db)) is None:
                    return False
                self._put(db, job)
        return True

    def _look_at_caps(self, db: Database) -> None:
        if self.caps.are_set:
            self._spent = spent(db, self.caps.job)
            claims, lines, self._reserved = in_flight(db)
            self._flying = claims + lines

    def _choose(self, db: Database) -> Job | None:
        limit = self.opened.terms.limit
        if self.stop or (limit is not None and self._chosen >= limit):
            return None
        job = self.work.choose(db)
        if job is None:
            return None
        self.endpoint(job.model.provider)
        self.stop = self._refusal(job)
        if self.stop:
            release(db, job.target)
            return None
        self._chosen += 1
        return job

    def _refusal(self, job: Job) -> Stopped | None:
        """Say why one more call in a batch would break a cap, counting what is in flight at its dearest."""
        if not self.caps.are_set:
            return None
        self._flying, self._reserved = self._flying + 1, self._reserved + FACTOR * self.caps.dearest(job)
        return self.caps.broken(*self._spent, self._flying, self._reserved)

    def _put(self, db: Database, job: Job) -> None:
        context: Context = job.context
        try:
            request = request_line(context.row.gen_id, job.request)
        except (ValueError, TypeError, RecursionError) as error:
            self._refuse(db, job, Answer("bad_request", error=one_line(f"the parameters cannot be sent: {error}")))
            return
        if len(request) >= self.sizes.bytes:
            words = f"{len(request):,} bytes do not fit in a file of {self.sizes.bytes:,}"
            self._refuse(db, job, Answer("too_large", error=words))
            return
        line = Line(
            self._room(db, job, len(request) + 1),
            context.row.id,
            context.row.gen_id,
            context.prompt.hash,
            context.versions.template_version_id,
            context.versions.model_version_id or None,
            context.prompt.parent_content_id,
        )
        dearest = price_of(job.model, job.tokens, answer_tokens(job.model))
        add_line(db, line, request, None if dearest is None else FACTOR * dearest)
        release(db, job.target)  # the open line stands for it from here on

    def _room(self, db: Database, job: Job, size: int) -> int:
        """Give the batch that a call goes into, a new one where the last is full."""
        key = (job.model.provider, job.model.name)
        room = self._rooms.get(key)
        full = room and (room.requests >= self.sizes.requests or room.bytes + size > self.sizes.bytes)
        if room is None or full:
            room = _Room(begin_batch(db, self.opened.run_id, self.opened.slot.number, *key))
            self._rooms[key] = room
            self._filled.append(room.number)
        room.requests, room.bytes = room.requests + 1, room.bytes + size
        return room.number

    def _refuse(self, db: Database, job: Job, answer: Answer) -> None:
        """Settle a task that no file can hold, on record as a live call of it would be."""
        run_id = self.opened.run_id
        job.call_id = open_call(db, run_id, job.target, job.attempt, job.model.provider, job.model.name)
        close_call(db, job.call_id, receipt_of(job.model, answer, 0.0))
        count_calls(db, run_id, 1, 0, 0, 0.0)
        self.work.settle(db, job, answer, final=answer.outcome)
        release(db, job.target)
