"""Runs: what was called and when, how long answers took, what was tried again, what it cost."""

from __future__ import annotations

import json
from typing import Any, Final

from workbench.batch.listing import with_waiting
from workbench.browse.alive import note_alive
from workbench.browse.charts import duration
from workbench.browse.page import Asked, Facts, Found, Page
from workbench.browse.pages.latency import latency
from workbench.browse.pages.run_charts import draw
from workbench.errors import UnknownName
from workbench.store import Database
from workbench.store.rows import rows_of

Row = dict[str, Any]

BUCKETS: Final = 60
SHOWN: Final = 50  # events, and runs on one page
OUTCOMES, ATTEMPTS = 40, 20  # listed
EVERY: Final = 5  # seconds between two looks at a run that is on
_SUMMED: Final = ("calls", "tokens_in", "tokens_out", "cost")
_WIDTHS: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400)

# A run that ended before it began, by a clock that was set back, took nobody knows how long.
_RUNS = """
select id, job, status, started, ended, done, failed, skipped, calls, tokens_in, tokens_out, cost, slot,
  iif(ended >= started, round((julianday(ended) - julianday(started)) * 86400, 1), null) as seconds
from runs order by id desc limit :limit offset :offset
"""
_RUN = """
select id, job, status, version, started, ended, done, failed, skipped, calls, tokens_in, tokens_out, cost, config,
  slot, (select count(*) from claims c where c.slot = runs.slot) as claims
from runs where id = :run
"""
# One way through the run's calls for all that is counted of them; times are days.
_GROUPS = """
select status, outcome, attempt, count(*) as calls, sum(outcome is 'ok') as ok, sum(tokens_in) as tokens_in,
  sum(tokens_out) as tokens_out, sum(cost) as cost, min(generation_id) as generation_id, min(at) as begun,
  max(at) as last, max(at + coalesce(latency_ms, 0) / 86400000.0) as over
from (select *, julianday(started) as at from calls where run_id = :run) group by 1, 2, 3
"""
# A call weighs in the bucket where it begins from then on, and is taken off again from where it ends.
_STARTS = """
select cast(s as integer) as bucket, count(*) as calls, total(outcome is 'ok') as ok, total(sent) as waiting,
  total(tokens_in) as tokens_in, total(tokens_out) as tokens_out, total(cost) as cost,
  total(cast(s as integer) + 1 - s) as part
from (select (julianday(started) - :start) * 86400.0 / :width as s, outcome, status = 'sent' as sent, tokens_in,
    tokens_out, cost from calls where run_id = :run)
where s >= 0 group by 1
"""
_ENDS = """
select cast(e as integer) as bucket, count(*) as calls, total(cast(e as integer) + 1 - e) as part
from (select ((julianday(started) - :start) * 86400.0 + latency_ms / 1000.0) / :width as e from calls
  where run_id = :run and (latency_ms is not null or status <> 'sent'))
where e >= 0 group by 1
"""
_EXAMPLE = "select gen_id from generations where id = ?"
_WAITS = """
select outcome, count(*) as retries, total(wait) as seconds, max(wait) as longest
from (select json_extract(data, '$.outcome') as outcome, json_extract(data, '$.wait') as wait from events
  where run_id = :run and event = 'retry' and json_valid(data))
group by 1 order by 2 desc limit 20
"""
_EVENTS = "select id, at, event, data from events where run_id = :run order by id desc limit :limit"
_SQL = """
select substr(started, 1, 16) as minute, count(*) as calls, sum(outcome is 'ok') as ok, sum(attempt > 1) as retries,
  round(avg(latency_ms)) as latency_ms, sum(tokens_in) as tokens_in, sum(tokens_out) as tokens_out, sum(cost) as cost
from calls where run_id = :run group by 1 order by 1
"""


def gather_all(db: Database, asked: Asked) -> Found:
    """Give the runs, the last first, a page at a time (option `page`)."""
    (count,) = db.execute("select count(*) from runs").fetchone()
    page, pages = asked.part(count, SHOWN)
    rows = with_waiting(db, rows_of(db, _RUNS, {"limit": SHOWN, "offset": (page - 1) * SHOWN}))
    for row in rows:
        row["took"] = "" if row["seconds"] is None else duration(row["seconds"])
    facts: Facts = {"runs": rows, "count": count, "page": {"number": page, "pages": pages}}
    live = note_alive(db, rows)
    return Found("Runs", facts, "select * from runs order by id desc", refresh=EVERY if live else 0)


def gather(db: Database, asked: Asked) -> Found:
    """Give one run: its timeline in at most about 60 steps, latencies, outcomes, attempts, waits and events.

    While its process lives (`alive`), the page is read anew every few seconds. Raises UnknownName.
    """
    named: Row = {"run": asked.row("run")}
    found = with_waiting(db, rows_of(db, _RUN, named))
    if not found:
        raise UnknownName(f"no run {asked.names['run'][:40]!r}", mend="see the list of runs")
    live = note_alive(db, found)
    (row,) = found
    row["config"] = plain(row["config"])
    groups = rows_of(db, _GROUPS, named)
    facts: Facts = {"run": row, "timeline": timeline(db, named, groups), "latency": latency(db, named)}
    facts |= {"outcomes": _outcomes(db, groups), "attempts": _attempts(groups)}
    facts |= {"waits": rows_of(db, _WAITS, named)}
    events = rows_of(db, _EVENTS, named | {"limit": SHOWN})
    facts |= {"events": [event | {"data": plain(event["data"])} for event in events]}
    return Found(f"Run {row['id']}", facts, _SQL, named, refresh=EVERY if live else 0)


def plain(text: str | None) -> Any:
    """Give the data in a JSON text, or the text itself where it is none."""
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return text


def _outcomes(db: Database, groups: list[Row]) -> list[Row]:
    """Sum up calls by state and outcome, the most frequent first, each with the ID of a generation."""
    found: dict[tuple[Any, Any], Row] = {}
    for group in groups:
        key = group["status"], group["outcome"]
        one = found.setdefault(key, {"status": key[0], "outcome": key[1]} | dict.fromkeys(_SUMMED, 0))
        one |= {name: one[name] + (group[name] or 0) for name in _SUMMED}
        one.setdefault("example", group["generation_id"])
    rows = sorted(found.values(), key=lambda one: (-one["calls"], one["status"], one["outcome"] or ""))[:OUTCOMES]
    return [row | {"example": next((id for (id,) in db.execute(_EXAMPLE, (row["example"],))), None)} for row in rows]


def _attempts(groups: list[Row]) -> list[Row]:
    """Sum up calls by attempt, the first attempts first."""
    found: dict[int, Row] = {}
    for group in groups:
        one = found.setdefault(group["attempt"], {"attempt": group["attempt"], "calls": 0, "ok": 0})
        one |= {"calls": one["calls"] + group["calls"], "ok": one["ok"] + group["ok"]}
    return [found[attempt] for attempt in sorted(found)[:ATTEMPTS]]


def timeline(db: Database, named: Row, groups: list[Row]) -> Facts:
    """Give a run's calls in equal steps of `seconds`: each with `at` in seconds from the first call, counts of calls
    by outcome, tokens, cost, and `in_flight`, the mean number of calls that were under way."""
    dated = [group for group in groups if group["begun"] is not None]
    if not dated:
        return {"seconds": 0, "steps": []}
    start = min(group["begun"] for group in dated)
    width = _width((max(max(group["last"], group["over"]) for group in dated) - start) * 86400)
    place = named | {"start": start, "width": width}
    starts = {row["bucket"]: row for row in rows_of(db, _STARTS, place)}
    ends = {row["bucket"]: row for row in rows_of(db, _ENDS, place)}
    steps, under_way = [], 0.0
    for bucket in range(max([*starts, *ends], default=-1) + 1):
        begun, over = starts.get(bucket, {}), ends.get(bucket, {})
        mean = under_way + begun.get("part", 0.0) - over.get("part", 0.0)
        under_way += begun.get("calls", 0) - over.get("calls", 0)
        steps.append({"at": bucket * width} | _step(begun) | {"in_flight": round(max(mean, 0.0), 2)})
    return {"seconds": width, "steps": steps}


def _width(seconds: float) -> float:
    wanted = seconds / BUCKETS
    return next((width for width in _WIDTHS if width >= wanted), wanted)


def _step(begun: Row) -> Row:
    calls, ok, waiting = (int(begun.get(name, 0)) for name in ("calls", "ok", "waiting"))
    counts = {"calls": calls, "ok": ok, "failed": calls - ok - waiting, "waiting": waiting}
    spent = {name: int(begun.get(name, 0)) for name in ("tokens_in", "tokens_out")}
    return counts | spent | {"cost": begun.get("cost", 0.0)}


RUNS: Final = Page("runs", gather_all, label="Runs")
RUN: Final = Page("run", gather, draw, takes=("run",), needs=1)
