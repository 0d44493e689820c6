"""What texts were made from: the calls that wrote them, the runs of those, and topics up to their roots."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from workbench.errors import DamagedFile
from workbench.store import Database
from workbench.store.rows import Row, rows_of

_CALLS: Final = """
select k.id, k.run_id, k.attempt, k.provider, k.model, k.started, k.latency_ms, k.tokens_in, k.tokens_out, k.cost
from calls k where k.id in (select value from json_each(?))
"""
_RUNS: Final = """
select id, job, status, version, started, ended, done, failed, skipped, calls from runs
where id in (select value from json_each(?)) order by id
"""
_ABOVE: Final = """
with recursive up (id) as (
  select value from json_each(?)
  union select e.parent_id from up join topic_edges e on e.child_id = up.id and e.main = 1
)
select distinct t.uuid, t.title, t.depth, p.uuid as parent_uuid from up join topics t on t.id = up.id
left join topic_edges e on e.child_id = t.id and e.main = 1 left join topics p on p.id = e.parent_id
order by t.depth, t.uuid, p.uuid
"""


def project_uuid(db: Database) -> str:
    """Give the UUID under which this project's calls and runs are known elsewhere."""
    row = db.execute("select value from project where key = 'uuid'").fetchone()
    if row is None:
        raise DamagedFile("it has no UUID", mend="see `workbench verify`")
    return str(row[0])


def calls(db: Database, rows: Iterable[Row]) -> dict[int, Row]:
    """Give the calls that wrote these texts, by number."""
    return {row["id"]: row for row in _rows(db, _CALLS, {row["call_id"] for row in rows})}


def runs(db: Database, numbers: Iterable[int]) -> list[Row]:
    """Give runs by their numbers, in order."""
    return _rows(db, _RUNS, set(numbers))


def topics_above(db: Database, rows: Iterable[Row]) -> list[Row]:
    """Give the topics that these texts are about and all above them, roots first, each with its main parent."""
    return _rows(db, _ABOVE, {row["topic_id"] for row in rows})


def _rows(db: Database, sql: str, numbers: set[int | None]) -> list[Row]:
    return rows_of(db, sql, (json.dumps(sorted(number for number in numbers if number is not None)),))


def moment(text: str | None) -> datetime | None:
    """Read a time of the record; None for what is no time."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def lifetime(run: Row) -> tuple[datetime | None, datetime | None]:
    """Give when a run began and ended; no end where the clock was set back past its start."""
    start, end = moment(run["started"]), moment(run["ended"])
    return start, None if start and end and end < start else end


def span(call: Row) -> tuple[datetime | None, datetime | None]:
    """Give when a call was sent and when its answer was there."""
    start = moment(call["started"])
    if start is None or call["latency_ms"] is None:
        return start, None
    try:
        return start, start + timedelta(milliseconds=call["latency_ms"])
    except (OverflowError, ValueError):
        return start, None
