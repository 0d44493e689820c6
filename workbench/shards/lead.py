"""The leader of some workers: starts them, brings their work home as they end, keeps limits over all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Final

from workbench.errors import Incomplete, WorkbenchError
from workbench.events import record_event
from workbench.generate import Terms
from workbench.generate.run import Listener
from workbench.providers import limits_of
from workbench.record.ledger import spent
from workbench.shards.asked import Asked
from workbench.shards.crew import Crew, Ended, Told
from workbench.shards.folder import ShardFolder, Spent, spent_in
from workbench.shards.share import Share, shared
from workbench.store import Database, open_project, transaction

STARTS: Final = 4  # of one shard's worker, when it is killed again and again
_OPTIONS: Final = ("concurrency", "rpm", "tpm", "limit", "max_calls", "max_cost")


@dataclass(slots=True)
class Leader:
    """One command that leads workers: what it was asked, and how far they are."""

    db: Database
    asked: Asked
    terms: Terms
    width: int | None
    crew: Crew
    folder: ShardFolder
    listener: Listener
    slot: int
    run_id: int = 0  # of the leader's own run; the workers' runs come home with their shards
    interrupts: int = 0
    error: WorkbenchError | None = None
    stopped: str = ""
    is_capped: bool = False  # a worker has spent its part of a cap
    spent: Spent = field(default_factory=Spent)
    heard: Counter[str] = field(default_factory=Counter)
    _at_work: dict[Share, Terms] = field(default_factory=dict)
    _starts: Counter[Share] = field(default_factory=Counter)

    def notice(self, event: str, facts: Mapping[str, object]) -> None:
        """Keep an event and tell it."""
        with transaction(self.db):
            record_event(self.db, self.run_id, event, facts)
        self.listener(event, facts)

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """Drain the workers; a second time they give up; a third time so does the leader."""
        self.interrupts += 1
        if self.interrupts == 1:
            self.listener("draining", {})
            self.crew.drain()
        elif self.interrupts == 2:
            self.crew.give_up()
        else:
            raise KeyboardInterrupt

    def round(self, count: int, terms: Terms) -> None:
        """Work on all shards of so many until every worker has ended."""
        for number in range(1, count + 1):
            share = Share(number, count)
            part = shared(terms, share, width=self.width)
            if part is not None and not self._is_over():
                self._start(share, part)
        while self._at_work:
            match self.crew.news.get():
                case Told() as told:
                    self._hear(told)
                case Ended() as ended:
                    self._ended(ended)

    def _is_over(self) -> bool:
        return self.interrupts > 0 or self.error is not None

    def _start(self, share: Share, part: Terms) -> None:
        self._at_work[share] = part
        self._starts[share] += 1
        places = [f"--project={self.folder.project}", f"--shard={share}", f"--into={self.folder.file(share)}"]
        flags = [f"--{name.replace('_', '-')}" for name in ("retry_failed", "force") if getattr(part, name)]
        said = {name: getattr(part, name) for name in _OPTIONS}
        options = [f"--{name.replace('_', '-')}={value}" for name, value in said.items() if value is not None]
        self.crew.start(share, ["generate", *self.asked.words(), *places, *flags, *options])

    def _hear(self, told: Told) -> None:
        if told.event == "settled":
            self.heard["done" if told.facts["done"] else "failed"] += 1
        self.listener(told.event, told.facts)

    def _ended(self, ended: Ended) -> None:
        share, path = ended.share, self.folder.file(ended.share)
        part = self._at_work.pop(share)
        if ended.was_killed and not self._is_over():
            if self._start_again(share, part, path):
                return
            mend = "run the same command again: what was done is kept"
            self._fail(Incomplete(f"the worker of shard {share} was killed {STARTS} times", mend=mend))
        if ended.error is not None:
            self._fail(ended.error)
        if ended.summary is not None and ended.summary.status == "stopped":
            self._stopped(ended.summary.why, part)
        if path.exists():
            self.spent += self.folder.bring_home(path)
            done = ended.summary.done if ended.summary else 0
            self.listener("shard_home", {"shard": str(share), "done": done, "left": len(self._at_work)})

    def _stopped(self, why: str, part: Terms) -> None:
        """Note why a worker stopped: its part of a cap, which others may have left to spend, or a real reason."""
        caps = [f"the cap of {part.max_calls} calls is reached", f"the cap of {part.max_cost or 0:g} is reached"]
        if any(cap in why for cap in caps):
            self.is_capped = True
        else:
            self.stopped = why

    def _start_again(self, share: Share, part: Terms, path: Path) -> bool:
        """Start a killed worker again on the file that it left; False when that was tried often enough."""
        if self._starts[share] >= STARTS:
            return False
        self.listener("worker_killed", {"shard": str(share)})
        if part.limit is not None and path.exists():
            with open_project(path) as shard:
                left = part.limit - spent_in(shard).tasks
            if left <= 0:
                self._at_work[share] = part
                self.crew.news.put(Ended(share))
                return True
            part = replace(part, limit=left)
        self._start(share, part)
        return True

    def _fail(self, error: WorkbenchError) -> None:
        """Let the others end, and raise it then."""
        self.error = self.error or error
        self.crew.drain()

    def terms_left(self) -> Terms | None:
        """Give what limits and caps leave to spend on all shards, each provider's own limits kept; None: nothing.

        Limits are per minute; caps count what all runs of the job have spent.
        """
        terms, (cost, calls) = self.terms, spent(self.db, self.asked.job)
        bounds = [limits_of(alias) for alias in self.asked.aliases(self.db)]
        rpm, tpm = (
            min((n for n in (own, *theirs) if n is not None), default=None)
            for own, *theirs in zip((terms.rpm, terms.tpm), *bounds, strict=True)
        )
        left = replace(
            terms,
            rpm=rpm,
            tpm=tpm,
            limit=None if terms.limit is None else terms.limit - self.spent.tasks,
            max_calls=None if terms.max_calls is None else terms.max_calls - calls,
            max_cost=None if terms.max_cost is None else terms.max_cost - cost,
        )
        nothing = any(value is not None and value <= 0 for value in (left.limit, left.max_calls, left.max_cost))
        return None if nothing else left
