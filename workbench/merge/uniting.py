"""One merge inside its transaction: number, settle, copy, look at what came, write down what was done."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workbench.errors import Conflict, DamagedFile, InvalidSignature, WorkbenchError
from workbench.ids import STAGES
from workbench.merge import catalogue, cohorts, history, numbers, prompts, renames, tangled, topics, work
from workbench.merge.others import attach, reading
from workbench.merge.report import Clashes, MergeReport, Prefer
from workbench.merge.settle import settle
from workbench.merge.trust import refuse_what_deceives
from workbench.migrate.books import Report
from workbench.migrate.frame import links_unwatched, recorded
from workbench.migrate.meanwhile import meanwhile
from workbench.store import Database, sqlite3
from workbench.verify import digest


@dataclass(frozen=True, slots=True)
class Order:
    """A merge as it was asked for: the file at `path`, called `name`, made of `others`; what is kept of it."""

    path: Path
    name: str
    others: tuple[str, ...]
    prefer: Prefer | None
    keep: bool
    digests: bool
    snapshot: str | None = None

    @property
    def plan(self) -> dict[str, object]:
        """What the log says of it."""
        return {"others": self.others} | ({"prefer": self.prefer} if self.prefer else {})


_SEE: Final = "workbench verify --full -p {}"


class _Undecided(Exception):
    """Ends the transaction of a merge at what nobody has decided."""


def unite(db: Database, order: Order) -> MergeReport:
    """Take over what the other file holds, whole or not at all; undecided conflicts are in the report, nothing done."""
    done = MergeReport(dict.fromkeys(STAGES, 0), dict.fromkeys(STAGES, 0))
    clashes = Clashes(order.prefer)
    frame = recorded(db, "merge", order.plan, keep=order.keep, snapshot=order.snapshot)
    try:
        with reading(db, order.path, order.name), links_unwatched(db), frame as (number, record):
            attach(db, order.path)
            _unite(db, number, record, done, clashes, order)
        done.migration = record.migration
    except _Undecided:
        pass
    done.conflicts = clashes.found
    done.snapshot = order.snapshot if done.migration else None
    return done


def _unite(db: Database, number: int, record: Report, done: MergeReport, clashes: Clashes, order: Order) -> None:
    digests = order.digests and order.keep
    with meanwhile(db, digest) if digests else nullcontext(str) as digest_before:
        try:
            rows = _number(db, clashes)
        except InvalidSignature as error:
            raise DamagedFile(error.detail, where=order.name, mend=f"see `{_SEE.format(order.name)}`") from None
        done.added, done.same = work.counts(db)
        _stop_if_undecided(clashes)
        work.number_contents(db)
        history.number_books(db)
        record.digest_before = done.digest_before = digest_before()
    try:
        _bring(db, number, rows, clashes)
    except sqlite3.IntegrityError as error:
        raise _unfit(error, order.name) from None
    _stop_if_undecided(clashes)
    refuse_what_deceives(db, order.name)
    _conclude(db, record, done, rows)
    numbers.forget(db)
    if digests and not record.is_idle:
        record.digest_after = done.digest_after = digest(db)


def _number(db: Database, clashes: Clashes) -> dict[str, int]:
    """Number what may differ between the two under one name, and settle it; gives how many rows changed."""
    topics.number_topics(db)
    catalogue.number_catalogue(db)
    cohorts.number_cohorts(db)
    changed = catalogue.settle_fields(db, clashes)
    changed += catalogue.settle_versions(db, clashes)
    changed += catalogue.settle_combos(db, clashes)
    changed += cohorts.settle_replication(db, clashes)
    work.number_generations(db)
    changed += cohorts.settle_cohorts(db, clashes)
    history.number_calls(db)
    return {"changed": changed}


def _stop_if_undecided(clashes: Clashes) -> None:
    if any(not clash.decided for clash in clashes.found):
        raise _Undecided


def _bring(db: Database, number: int, rows: dict[str, int], clashes: Clashes) -> None:
    """Copy what only they have, what is named before what names it, and let statuses follow."""
    steps: tuple[Callable[[], dict[str, int]], ...] = (
        lambda: topics.bring_topics(db, clashes),
        lambda: catalogue.bring_catalogue(db),
        lambda: cohorts.bring_cohorts(db),
        lambda: work.bring_generations(db),
        lambda: history.bring_calls(db),
        lambda: work.bring_contents(db),
        lambda: cohorts.bring_members(db),
        lambda: history.bring_books(db, number),
        lambda: {"other IDs": tangled.tell(db, number)},
        lambda: {"prompts filled": prompts.fill(db), "settled": settle(db)},
    )
    for step in steps:
        rows |= step()


def _unfit(error: sqlite3.IntegrityError, name: str) -> WorkbenchError:
    """Say why a row cannot stand here: it lacks what every row has, or another one is in its place."""
    if "UNIQUE" in str(error):
        return Conflict(f"rows of both would stand in one place: {error}", where=name)
    return DamagedFile(str(error), where=name, mend=f"see `{_SEE.format(name)}`")


def _conclude(db: Database, record: Report, done: MergeReport, rows: dict[str, int]) -> None:
    for step, count in rows.items():
        record.step(step, count)
    done.rows = {step: count for step, count in rows.items() if count}
    record.changes = {stage: {"added": done.added[stage], "same": done.same[stage]} for stage in STAGES}
    record.problems += [*renames.told(db), *history.in_flight(db)]
    done.problems = list(record.problems)
