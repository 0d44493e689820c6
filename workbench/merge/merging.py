"""`merge`: what other projects hold and ours does not, in one recorded transaction."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from workbench.errors import raise_all
from workbench.ids import STAGES
from workbench.merge import work
from workbench.merge.others import readable, refuse_other_scheme
from workbench.merge.report import MergeReport, Prefer
from workbench.merge.uniting import Order, unite
from workbench.migrate.frame import after_snapshot
from workbench.record.search import catch_up
from workbench.store import Database, create_project, open_project, scheme_of


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
    and nothing is changed. `dry_run` does it and takes it back; its report has the conflicts. `snapshot` copies the
    project first, beside it. Without `digests` the file's digests of before and after are not written down, which
    saves two passes over all of it. A second merge finds nothing to do. The caller is not in a transaction.
    Raises what opening a project raises, Conflict, and DamagedFile when rows there break a rule.
    """
    others = [path for path in others if not _is_itself(db, path)]
    if not others:
        return MergeReport(dict.fromkeys(STAGES, 0), work.stages(db))
    with _as_one(db, others, prefer) as (path, name):
        refuse_other_scheme(db, path, name)
        names = tuple(other.name for other in others)
        order = Order(path, name, names, prefer, keep=not dry_run, digests=digests)
        if snapshot and not dry_run:
            done = after_snapshot(db, lambda taken: unite(db, replace(order, snapshot=taken)))
        else:
            done = unite(db, order)
    if not dry_run:
        raise_all([clash.error() for clash in done.conflicts if not clash.decided])
    if done.migration is not None:
        catch_up(db)
    return done


def _is_itself(db: Database, path: Path) -> bool:
    mine = Path(db.execute("pragma database_list").fetchone()[2])
    return path.exists() and path.samefile(mine)


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
