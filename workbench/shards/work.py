"""One shard worked on: its file made or gone on with, its tasks done by the engine, the project only read."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from workbench.generate import Summary, Terms
from workbench.generate.assignment import carry_out, silent
from workbench.generate.run import Listener
from workbench.merge import merge
from workbench.plan.forecast import by_status
from workbench.providers import Provider, provider_for
from workbench.record.selection import counts
from workbench.shards.asked import Asked
from workbench.shards.making import MADE, SKIPPED, checked_shard, make_shard, state_of
from workbench.shards.share import Share
from workbench.store import Database, open_project, setting, transaction


def generate_shard(
    project: Path,
    into: Path,
    share: Share,
    asked: Asked,
    terms: Terms | None = None,
    listener: Listener = silent,
    *,
    as_made: bool = False,
    providers: Callable[[str], Provider] = provider_for,
) -> Summary:
    """Do the families of one shard into a file of their own; `skipped` counts what the project had done too.

    The file is made when it is missing. One that is there is gone on with: brought up to date first when the project
    has moved on or the work is another. `as_made` goes on with it as it is, with what was to be sent again when it
    was made. Raises Conflict for a file that is no such shard, and what runs raise.
    """
    terms = terms or Terms()
    with open_project(project) as whole:
        fresh = not into.exists()
        if fresh:
            make_shard(whole, into, share, asked, terms)
        with open_project(into, write=True) as db:
            checked_shard(db, whole, share, into)
            if not fresh and not as_made:
                _bring_up_to_date(db, whole, share, asked, terms)
    if as_made:
        terms = replace(terms, retry_failed=False, force=False)
    with open_project(into, write=True) as db:
        summary = carry_out(db, asked.assignment(db, share), terms, listener, providers)
        summary.skipped += int(setting(db, SKIPPED))
    return summary


def _bring_up_to_date(db: Database, whole: Database, share: Share, asked: Asked, terms: Terms) -> None:
    """Take what the project has gained since the shard was made: the shard of today, merged in."""
    state = state_of(whole, asked, again=terms.force)
    if setting(db, MADE) == state:
        return
    path = Path(db.execute("pragma database_list").fetchone()[2])
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", suffix=".making", dir=path.parent) as folder:
        today = Path(folder) / "today.db"
        make_shard(whole, today, share, asked, terms, known=_unsettled(db))
        merge(db, [today], prefer="theirs", snapshot=False, digests=False)
        with open_project(today) as made:
            done_there = int(setting(made, SKIPPED)) + by_status(counts(made, asked.selection(made)), "done")
    skipped = done_there - _done_in_both(db, whole, asked)
    with transaction(db):
        for key, value in ((MADE, state), (SKIPPED, str(skipped))):
            db.execute("update project set value = ? where key = ?", (value, key))


def _unsettled(db: Database) -> list[str]:
    """List the tasks that the shard has planned and not done: the project may have done them meanwhile."""
    return [gen_id for (gen_id,) in db.execute("select gen_id from generations where status <> 'done'")]


def _done_in_both(db: Database, whole: Database, asked: Asked) -> int:
    """Count the tasks of a shard that are done in its file and in the project."""
    chosen, there = asked.selection(db), "select 1 from generations where gen_id = ? and status = 'done'"
    both = 0
    for stage in chosen.stages:
        condition, parameters = chosen.where(stage)
        rows = db.execute(f"select g.gen_id from generations g where g.status = 'done' and {condition}", parameters)
        both += sum(whole.execute(there, row).fetchone() is not None for row in rows)
    return both
