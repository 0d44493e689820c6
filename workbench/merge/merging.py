"""`merge`: what another project holds and ours does not, in one recorded transaction."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from workbench.errors import Conflict, raise_all
from workbench.ids import STAGES
from workbench.merge import catalogue, cohorts, history, numbers, prompts, renames, tangled, topics, work
from workbench.merge.others import attach, readable, reading, refuse_other_scheme
from workbench.merge.report import Clashes, MergeReport, Prefer
from workbench.merge.settle import settle
from workbench.migrate.books import Report
from workbench.migrate.frame import links_unwatched, recorded
from workbench.migrate.meanwhile import digest_meanwhile
from workbench.record.search import catch_up
from workbench.store import Database, create_project, open_project, scheme_of, sqlite3
from workbench.store.snapshots import take_snapshot
from workbench.verify import digest


def merge(
    db: Database,
    others: Sequence[Path],
    *,
    prefer: Prefer | None = None,
    dry_run: bool = False,
    snapshot: bool = True,
    digests: bool = True,
) -> MergeReport:
    """Take over what other projects hold and this one does not; they are only read.

    `prefer` says whose stands where both say something else under one name; without it every such Conflict is raised
    and nothing is changed. `snapshot` copies the project first, beside it. Without `digests` the file's digests of
    before and after are not written down, which saves two passes over all of it. A second merge finds nothing to do.
    The caller is not in a transaction. Raises what opening a project raises, and Conflict.
    """
    others = [path for path in others if not _is_itself(db, path)]
    if not others:
        return MergeReport(dict.fromkeys(STAGES, 0), work.stages(db))
    with _as_one(db, others, prefer) as (path, name):
        refuse_other_scheme(db, path, name)
        if dry_run or not snapshot:
            return _merge(db, path, _plan(others, prefer), prefer, keep=not dry_run, digests=digests)
        return _after_snapshot(db, path, _plan(others, prefer), prefer, digests)


def _is_itself(db: Database, path: Path) -> bool:
    mine = Path(db.execute("pragma database_list").fetchone()[2])
    return path.exists() and path.samefile(mine)


def _plan(others: Sequence[Path], prefer: Prefer | None) -> dict[str, object]:
    return {"others": [path.name for path in others]} | ({"prefer": prefer} if prefer else {})


@contextmanager
def _as_one(db: Database, others: Sequence[Path], prefer: Prefer | None) -> Iterator[tuple[Path, str]]:
    """Give one project to merge and its name for people; several are merged with each other first, in a file aside."""
    if len(others) == 1:
        with readable(others[0]) as path:
            yield path, str(others[0])
        return
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        path = Path(folder) / "others.db"
        create_project(path, scheme=scheme_of(db))
        with open_project(path, write=True) as aside:
            for other in others:
                merge(aside, [other], prefer=prefer, snapshot=False, digests=False)
        with readable(path):
            yield path, ", ".join(map(str, others))


def _after_snapshot(
    db: Database, path: Path, plan: dict[str, object], prefer: Prefer | None, digests: bool
) -> MergeReport:
    (last,) = db.execute("select coalesce(max(seq), 0) from sqlite_sequence where name = 'migrations'").fetchone()
    taken = take_snapshot(db, f"migration-{last + 1}")
    kept = False
    try:
        report = _merge(db, path, plan, prefer, keep=True, digests=digests, snapshot=taken.name)
        kept = report.migration is not None
    finally:
        if not kept:  # nothing was changed, so nothing needs to be kept
            taken.unlink()
    return report


class _Undecided(Exception):
    """Ends the transaction of a merge that is only tried, at what nobody has decided."""


def _merge(
    db: Database,
    path: Path,
    plan: dict[str, object],
    prefer: Prefer | None,
    *,
    keep: bool,
    digests: bool,
    snapshot: str | None = None,
) -> MergeReport:
    done = MergeReport(dict.fromkeys(STAGES, 0), dict.fromkeys(STAGES, 0), snapshot=snapshot)
    clashes = Clashes(prefer)
    try:
        frame = recorded(db, "merge", plan, keep=keep, snapshot=snapshot)
        with reading(db, path), links_unwatched(db), frame as (number, record):
            attach(db, path)
            _unite(db, number, record, done, clashes, digests=digests and keep)
    except _Undecided:
        pass
    done.conflicts = clashes.found
    if keep:
        raise_all([clash.error() for clash in clashes.found if not clash.decided])
    done.migration = record.migration
    if done.migration is None:
        done.snapshot = None
    else:
        catch_up(db)
    return done


def _unite(db: Database, number: int, record: Report, done: MergeReport, clashes: Clashes, *, digests: bool) -> None:
    """Do all of it inside the transaction; what was done is written into both reports."""
    with digest_meanwhile(db) if digests else nullcontext(str) as digest_before:
        rows = _number(db, clashes)
        done.added, done.same = work.counts(db)
        _stop_if_undecided(clashes)
        work.number_contents(db)
        history.number_books(db)
        record.digest_before = done.digest_before = digest_before()
    try:
        _bring(db, number, rows, clashes)
    except sqlite3.IntegrityError as error:
        raise Conflict(f"rows of both would stand in one place: {error}") from None
    _stop_if_undecided(clashes)
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


def _conclude(db: Database, record: Report, done: MergeReport, rows: dict[str, int]) -> None:
    for step, count in rows.items():
        record.step(step, count)
    done.rows = {step: count for step, count in rows.items() if count}
    record.changes = {stage: {"added": done.added[stage], "same": done.same[stage]} for stage in STAGES}
    record.problems += renames.told(db)
    done.problems = list(record.problems)
