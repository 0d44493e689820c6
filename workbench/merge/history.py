"""What happened there comes along: runs, calls, events, imports, migrations, alerts, each as often as it was."""

from __future__ import annotations

from typing import Final

from workbench.merge.numbers import Alike, alike, bring, number, ours
from workbench.migrate.books import Problem
from workbench.store import Database

CAME_WITH: Final = "$.came_with"  # in the plan of a migration that came along: which merge brought it
# Nothing runs in the other file: it is at rest, or what it has under way is nobody's to finish here.
_RUNS: Final = {"status": "iif(r.status = 'running', 'lost', r.status)", "slot": "null"}
_CALLS: Final = {
    "status": "iif(r.status = 'sent', 'unknown', r.status)",
    "outcome": "iif(r.status = 'sent', 'unknown', r.outcome)",
}
_BATCHES: Final = {"state": "iif(r.state in ('ended', 'given up'), r.state, 'given up')", "slot": "null"}
_KEYED: Final = {
    "batches": "theirs.batches r cross join main.batches o on o.uuid = r.uuid",
    "batch_lines": "theirs.batch_lines r cross join main.batch_lines o"
    f" on o.batch_id = {ours('batches', 'r.batch_id')} and o.custom_id = r.custom_id",
}
_PLAN: Final = "iif(json_valid({0}.plan), json_remove({0}.plan, '" + CAME_WITH + "'), {0}.plan)"
# A merge or a rollback is history of that file alone, unless old IDs lead through it.
_WANTED: Final = """(r.kind not in ('merge', 'rollback')
  or exists (select 1 from theirs.migration_map q where q.migration_id = r.id))"""
_NONE: Final = "r.generation_id is null and r.topic_id is null"
# What came of a run or a call: a copy that was made before its end does not know it, and is about the same one.
_CAME: Final = {
    "runs": ("status", "ended", "done", "failed", "skipped", "calls", "tokens_in", "tokens_out", "cost"),
    "calls": ("status", "outcome", "latency_ms", "http_status", "tokens_in", "tokens_out", "cost", "error"),
}
_OPEN: Final = {"runs": "('running', 'lost')", "calls": "('sent', 'unknown')"}
_LEAVE: Final = {"runs": (*_CAME["runs"], "slot"), "calls": (*_CAME["calls"], "body")}


def _columns(table: str, row: str) -> str:
    return ", ".join(f"{row}.{name}" for name in _CAME[table])


_AGREE: Final = {
    table: f"(({_columns(table, 'o')}) is ({_columns(table, 'r')}) or o.status in {open_} or r.status in {open_})"
    for table, open_ in _OPEN.items()
}
_ALIKE: Final[dict[str, tuple[Alike, ...]]] = {
    "runs": (Alike(leave=_LEAVE["runs"], same=_AGREE["runs"]),),
    "calls": (
        Alike("generation_id", leave=_LEAVE["calls"], same=_AGREE["calls"]),
        Alike("topic_id", only="r.generation_id is null", leave=_LEAVE["calls"], same=_AGREE["calls"]),
        Alike("run_id", only=_NONE, leave=_LEAVE["calls"], same=_AGREE["calls"], loose=True),
        Alike(only=f"{_NONE} and r.run_id is null", leave=_LEAVE["calls"], same=_AGREE["calls"]),
    ),
    "events": (Alike("run_id", loose=True), Alike(only="r.run_id is null")),
    "migrations": (
        Alike(
            leave=("plan", "state", "rolled_back_at", "snapshot"),
            same=f"{_PLAN.format('o')} is {_PLAN.format('r')}",
        ),
    ),
    "migration_map": (
        Alike("generation_id"),
        Alike("migration_id", only="r.generation_id is null", loose=True),
    ),
    "migration_problems": (Alike("migration_id", loose=True),),
    "imports": (Alike(),),
    "import_rows": (
        Alike("generation_id"),
        Alike("topic_id", only="r.generation_id is null"),
        Alike("import_id", only=_NONE, loose=True),
    ),
    "alerts": (Alike(leave=("acknowledged",)),),
}
_VALUES: Final = {"runs": _RUNS, "calls": _CALLS, "batches": _BATCHES, "batch_lines": {"open": "0"}}
_ACKNOWLEDGED: Final = """
update main.alerts set acknowledged = k.acknowledged from (
  select n.ours, r.acknowledged from temp.number_alerts n cross join theirs.alerts r on r.id = n.theirs
  where not n.made and r.acknowledged is not null) k
where k.ours = alerts.id and alerts.acknowledged is null
"""


def _number(db: Database, table: str, wanted: str = "1") -> None:
    same = " union all ".join(alike(db, table, how, _VALUES.get(table, {})) for how in _ALIKE[table])
    number(db, table, same, wanted)


def number_calls(db: Database) -> None:
    """Number runs and calls; generations and topics have their numbers already."""
    _number(db, "runs")
    _number(db, "calls")


def number_books(db: Database) -> None:
    """Number what else happened: batches, events, imports, migrations with their books, alerts."""
    for table, joined in _KEYED.items():
        number(db, table, f"select r.id as theirs, o.id as ours from {joined}")
    _number(db, "events")
    _number(db, "migrations", _WANTED)
    known = "exists (select 1 from temp.number_migrations m where m.theirs = r.migration_id)"
    _number(db, "migration_map", known)
    _number(db, "migration_problems", known)
    _number(db, "imports")
    _number(db, "import_rows")
    _number(db, "alerts")


_END: Final = """
update main.{table} set ({columns}) = (
  select {theirs} from temp.number_{table} n cross join theirs.{table} r on r.id = n.theirs where n.ours = {table}.id)
where id in (
  select o.id from temp.number_{table} n cross join theirs.{table} r on r.id = n.theirs
  cross join main.{table} o on o.id = n.ours
  where not n.made and o.status in {open_} and r.status not in {open_})
"""


def bring_calls(db: Database) -> dict[str, int]:
    """Copy runs and calls that only they have, and what came of those that only they saw end; gives how many."""
    return {table: bring(db, table, _VALUES[table]) + _see_end(db, table) for table in ("runs", "calls")}


def _see_end(db: Database, table: str) -> int:
    names = (*_CAME[table], "body") if table == "calls" else _CAME[table]
    theirs = ", ".join(f"r.{name}" for name in names)
    sql = _END.format(table=table, columns=", ".join(names), theirs=theirs, open_=_OPEN[table])
    return db.execute(sql).rowcount


def bring_books(db: Database, migration: int) -> dict[str, int]:
    """Copy what else happened there; gives how many rows, by table. `migration` is the number of the merge."""
    mark = f"json_set(iif(json_valid(r.plan), r.plan, '{{}}'), '{CAME_WITH}', {int(migration)})"
    rows = {table: bring(db, table, _VALUES[table]) for table in _KEYED} | {"events": bring(db, "events")}
    rows["migrations"] = bring(db, "migrations", {"plan": mark, "snapshot": "null"})
    for table in ("migration_map", "migration_problems", "imports", "import_rows", "alerts"):
        rows[table] = bring(db, table)
    rows["alerts"] += db.execute(_ACKNOWLEDGED).rowcount
    return rows


_IN_FLIGHT: Final = """
select b.uuid, count(*) from theirs.batch_lines l join theirs.batches b on b.id = l.batch_id
where l.open = 1 group by b.id order by b.id
"""


def in_flight(db: Database) -> list[Problem]:
    """Give a line for each batch that the other file waits for: its answers are collected there alone."""
    return [
        Problem(
            "warning", uuid, "in_flight", f"{count:,} calls of this batch are waited for there: collect, merge again"
        )
        for uuid, count in db.execute(_IN_FLIGHT).fetchall()
    ]
