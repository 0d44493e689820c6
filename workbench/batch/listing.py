"""The batches of a project: listed, held for a moment, forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from workbench.batch.books import OPEN, Batch, forget, hold_batch, let_go, load_batch
from workbench.errors import Refused, RunIsOn, UnknownName
from workbench.store import Database, transaction
from workbench.store.slots import slot

Row = dict[str, Any]
_COLUMNS: Final = (
    *("batch", "state", "status", "provider", "model", "requests", "open", "done", "cost", "job"),
    *("created", "submitted", "ended", "error", "remote_id", "file_id", "uuid"),
)
_ENDED: Final = ("failed", "stopped")
_LIST: Final = """
select b.id, b.state, b.status, b.provider, b.model, b.requests, coalesce(l.open, 0), coalesce(l.done, 0), l.cost,
  r.job, b.created, b.submitted, b.ended, b.error, b.remote_id, b.file_id, b.uuid
from batches b join runs r on r.id = b.run_id
left join (
  select l.batch_id, sum(l.open) as open, sum(c.status = 'answered') as done, sum(c.cost) as cost
  from batch_lines l left join calls c on c.id = l.call_id group by 1
) l on l.batch_id = b.id
where {where} order by b.id
"""


def with_waiting(db: Database, runs: list[Row]) -> list[Row]:
    """Say of runs that ended before all was done that they wait, where nothing failed and a batch is open."""
    jobs = {row["job"] for row in list_batches(db, everything=False)}
    return [
        row | {"status": "waiting"} if row["status"] in _ENDED and not row["failed"] and row["job"] in jobs else row
        for row in runs
    ]


def list_batches(db: Database, *, everything: bool = True) -> list[Row]:
    """Give a project's batches, or those that are open; `state` is how far we are, `status` the provider's word."""
    known = db.execute("select exists (select 1 from sqlite_master where name = 'batches')").fetchone()[0]
    if not known:  # a project of an older version, opened for looking
        return []
    rows = db.execute(_LIST.format(where="true" if everything else f"b.{OPEN}"))
    return [dict(zip(_COLUMNS, row, strict=True)) for row in rows.fetchall()]


def open_batch(db: Database, number: int) -> Batch:
    """Give an open batch; raises UnknownName, or Refused for one that is over."""
    batch = load_batch(db, number)
    if batch is None:
        raise UnknownName(f"no batch {number}", mend="see `workbench batches`")
    if batch.state in ("ended", "given up"):
        raise Refused(f"batch {number} is over ({batch.state})", mend="see `workbench batches --all`")
    return batch


@contextmanager
def held(db: Database, number: int) -> Iterator[Batch]:
    """Hold an open batch for as long as something is done to it; raises RunIsOn while another process does."""
    open_batch(db, number)
    with slot(db) as mine:
        with transaction(db):
            batch = hold_batch(db, number, mine.number)
        if batch is None:
            raise RunIsOn(f"a live process works on batch {number}", mend="wait a moment, or end that process")
        try:
            yield batch
        finally:
            with transaction(db):
                let_go(db, number, mine.number)


def forget_batch(db: Database, number: int) -> int:
    """Give an open batch up without a word to its provider; gives how many tasks may be sent again, and paid again.

    Raises UnknownName, Refused, RunIsOn.
    """
    with held(db, number), transaction(db):
        before = _open_lines(db, number)
        forget(db, number, "forgotten")
    return before


def _open_lines(db: Database, number: int) -> int:
    row = db.execute("select count(*) from batch_lines where batch_id = ? and open = 1", (number,)).fetchone()
    return int(row[0])
