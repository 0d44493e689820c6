"""A shard's file: made from its project, known by its marks, brought up to date when the project has moved on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Final

from workbench.errors import Conflict, Refused
from workbench.generate import Terms
from workbench.ids import json_hash
from workbench.plan.forecast import by_status
from workbench.plan.orders import shape
from workbench.record.selection import CohortSelection, counts, want_again
from workbench.shards.asked import Asked
from workbench.shards.extract import Families, copy_rows, numbers_of, plant
from workbench.shards.share import Share, shard_of
from workbench.store import Database, create_project, open_project, scheme_of, setting, transaction
from workbench.store.beside import refuse_place
from workbench.store.putting import put_new

PROJECT, SHARD, MADE, SKIPPED = "shard of", "shard", "shard made from", "shard skips"
_STATE: Final = (
    "select 'rows', name, seq from sqlite_sequence where name not in ('events', 'runs') union all"
    " select 'status', stage || status, count(*) from generations group by stage, status union all"
    " select 'model', llm_model_id, quote(version_id) || quote(price_in) || ' ' || quote(price_out) from models"
    " union all"
    " select 'template', stage || name, version_id from templates order by 1, 2, 3"
)


def state_of(db: Database, asked: Asked, *, again: bool) -> str:
    """Hash what a shard was made from: the work, and how far the project is."""
    rows = [list(row) for row in db.execute(_STATE).fetchall()]
    return json_hash([asdict(asked), again, rows])


def checked_shard(db: Database, project: Database, share: Share, where: Path) -> None:
    """Refuse a file that is no shard, one of another project, or another shard; raises Conflict."""
    marks = dict(db.execute("select key, value from project where key in (?, ?)", (PROJECT, SHARD)).fetchall())
    if PROJECT not in marks:
        raise Conflict("a project, and no shard", where=str(where), mend="name another file with --into")
    if marks[PROJECT] != setting(project, "uuid"):
        raise Conflict("a shard of another project", where=str(where), mend="name another file with --into")
    if marks[SHARD] != str(share):
        mend = f"go on with --shard {marks[SHARD]}, or name another file with --into"
        raise Conflict(f"it is shard {marks[SHARD]}, not {share}", where=str(where), mend=mend)


def make_shard(
    project: Database, into: Path, share: Share, asked: Asked, terms: Terms, *, known: Sequence[str] = ()
) -> None:
    """Make a shard's file, whole or not at all: its families' tasks that are not done, and what they are made from.

    `known`: IDs of tasks that come along, done or not. Raises UnknownName, BadInput, Conflict, Refused.
    """
    refuse_place(into)
    part = into.with_name(f".{into.name}.{os.getpid()}.making")
    part.unlink(missing_ok=True)
    try:
        create_project(part, scheme=scheme_of(project), name=f"{setting(project, 'name')} {share}")
        with open_project(part, write=True) as db, _attached(db, project), transaction(db):
            _fill(db, project, share, asked, terms, known)
        put_new(part, into)
    except OSError as error:
        mend = "another process made it; run it again" if into.exists() else "choose a folder you can write to"
        raise Refused(error.strerror or "", where=str(into), mend=mend) from None
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _attached(db: Database, project: Database) -> Iterator[None]:
    """Let a shard's connection read the project as `whole`; raises Refused for one of an older schema."""
    versions = [one.execute("pragma user_version").fetchone()[0] for one in (db, project)]
    if versions[0] != versions[1]:
        raise Refused("an older workbench made the project", mend="run `workbench recover` on it, then again")
    path = project.execute("pragma database_list").fetchone()[2]
    db.execute("attach ? as whole", (path,))
    db.conn.create_function("shard_of", 2, shard_of, deterministic=True)
    try:
        yield
    finally:
        db.execute("detach whole")


def _fill(db: Database, project: Database, share: Share, asked: Asked, terms: Terms, known: Sequence[str]) -> None:
    db.execute("pragma defer_foreign_keys=on")  # templates and versions, generations and texts name each other
    ordered = shape(project, asked.order) if asked.order is not None else None
    selection = asked.selection(project)
    families = Families(project, selection, share, again=terms.force)
    cohort = selection.cohort_id if isinstance(selection, CohortSelection) else None
    copy_rows(
        db,
        chain(families, numbers_of(project, known)),
        cohort=cohort,
        topics=ordered.topic_model_id if ordered else None,
    )
    if ordered is not None:
        plant(db, ordered, share)
    chosen = asked.selection(db)
    skipped = families.done - by_status(counts(db, chosen), "done")
    if terms.force or terms.retry_failed:
        want_again(db, chosen, failed=True, done=terms.force)
    marks = {PROJECT: setting(project, "uuid"), SHARD: str(share), SKIPPED: str(skipped)}
    marks[MADE] = state_of(project, asked, again=terms.force)
    for key, value in marks.items():
        db.execute("insert into project (key, value) values (?, ?)", (key, value))
