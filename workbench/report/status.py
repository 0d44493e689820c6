"""What is in a project and what is left to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from workbench.batch.listing import list_batches
from workbench.ids import STAGES
from workbench.report.runs import last_runs
from workbench.store import Database, setting
from workbench.store.json_columns import told_facts
from workbench.store.rows import rows_of

Row = dict[str, Any]

LAST: Final = 5  # runs

_STAGES = "select stage, status, count(*) from generations group by 1, 2"
_TOPICS = "select m.name, m.kind, count(u.id) as unique_topics" + (
    " from topic_models m left join unique_topics u on u.topic_model_id = m.id group by m.id order by m.name"
)
# As the view `coverage`. Along the index of signatures, a combo whose replicates are 1 to n is one row however large n
# is; others and legacy drafts are counted one by one. What is not done comes from its own index and is taken off.
_COVERAGE = """
with spans as materialized (
  select combo_id, template_id, model_id, count(*) as n, max(replicate) as last
  from generations indexed by generations_draft where stage = 'draft' and legacy = 0 group by 1, 2, 3
), placed as materialized (
  select t.topic_model_id, s.* from spans s join combos c on c.id = s.combo_id join topics t on t.id = c.topic_id
), whole as materialized (
  select topic_model_id, template_id, model_id, n, count(*) as combos from placed where n = last group by 1, 2, 3, 4
), cycles (cycle) as (
  select 0 union all select cycle + 1 from cycles where cycle + 1 < (select max(n) from whole)
), tasks as (
  select topic_model_id, template_id, model_id, cycle, sum(combos) as n from whole join cycles on cycle < n
  group by 1, 2, 3, 4
  union all
  select p.topic_model_id, p.template_id, p.model_id, g.replicate - 1, count(*)
  from placed p join generations g indexed by generations_draft on g.stage = 'draft' and g.legacy = 0
    and g.combo_id = p.combo_id and g.template_id = p.template_id and g.model_id = p.model_id
  where p.n <> p.last group by 1, 2, 3, 4
  union all
  select * from (
    select t.topic_model_id, g.template_id, g.model_id, g.replicate - 1, count(*)
    from generations g join combos c on c.id = g.combo_id join topics t on t.id = c.topic_id
    where g.stage = 'draft' and g.legacy = 1 and g.replicate is not null group by 1, 2, 3, 4
    limit case when (select count(*) from generations where stage = 'draft') > (select total(n) from spans)
      then -1 else 0 end -- without legacy drafts nothing is looked for
  )
), undone as materialized (
  select t.topic_model_id, g.template_id, g.model_id, g.replicate - 1 as cycle, sum(g.status = 'failed') as failed,
    sum(g.status <> 'failed') as pending
  from generations g indexed by generations_status join combos c on c.id = g.combo_id join topics t on t.id = c.topic_id
  where g.stage = 'draft' and g.status in ('planned', 'blocked', 'failed') and g.replicate is not null
  group by 1, 2, 3, 4
)
select tm.name as topic_model, te.name as template_id, m.llm_model_id, k.cycle,
  k.n - coalesce(u.failed + u.pending, 0) as done, coalesce(u.failed, 0) as failed, coalesce(u.pending, 0) as pending
from (select topic_model_id, template_id, model_id, cycle, sum(n) as n from tasks group by 1, 2, 3, 4) k
left join undone u on u.topic_model_id = k.topic_model_id and u.template_id = k.template_id
  and u.model_id = k.model_id and u.cycle = k.cycle
join topic_models tm on tm.id = k.topic_model_id
join templates te on te.id = k.template_id
join models m on m.id = k.model_id
order by 1, 2, 3, 4
"""
_MEMBERS = """
select c.id, c.name, count(m.cohort_id) as members
from cohorts c left join cohort_members m on m.cohort_id = c.id group by c.id order by c.name
"""
# From what is not done, by two indexes: a finished cohort of a million costs nothing.
_NOT_DONE = """
select m.cohort_id, sum(g.status = 'failed') as failed, sum(g.status <> 'failed') as pending
from generations g join cohort_members m on m.generation_id = g.id
where g.stage in ('draft', 'essay', 'evaluation') and g.status in ('planned', 'blocked', 'failed') group by 1
"""
_FAILURES = """
select stage, status, outcome, count(*) as n, min(gen_id) as example from generations
where stage in ('draft', 'essay', 'evaluation') and status in ('failed', 'blocked')
group by 1, 2, 3 order by n desc, 1, 2, 3
"""
_COUNTS = """
select (select count(*) from cohorts) as cohorts, (select count(*) from runs) as runs,
  (select count(*) from migrations) as migrations,
  (select count(*) from alerts where acknowledged is null) as alerts
"""
_ALERTS = "select id, kind, blocking, at, facts from alerts where acknowledged is null order by id limit 20"


def status(db: Database, path: Path) -> Row:
    """Give the state of a project; counts first, then the rows behind them.

    Keys: project, name, scheme, bytes, topics {models, unique}, generations {stage: {status: n}}, completions,
    cohorts, runs, migrations, alerts (open ones), batches (open ones); then topic_models, coverage, cohort_progress,
    failures, last_runs, open_batches and open_alerts as lists of rows.
    """
    models = rows_of(db, _TOPICS)
    coverage = _coverage(db, {row["name"]: row["unique_topics"] for row in models})
    counts = rows_of(db, _COUNTS)[0]
    batches = list_batches(db, everything=False)
    return {
        "project": str(path),
        "name": setting(db, "name"),
        "scheme": setting(db, "scheme"),
        "bytes": path.stat().st_size,
        "topics": {"models": len(models), "unique": sum(row["unique_topics"] for row in models)},
        "generations": _by_stage(db),
        "completions": sum(row["done"] for row in coverage),
        **counts,
        "batches": len(batches),
        "topic_models": models,
        "coverage": coverage,
        "cohort_progress": _progress(db),
        "failures": rows_of(db, _FAILURES),
        "last_runs": last_runs(db, LAST),
        "open_batches": batches,
        "open_alerts": [row | {"facts": told_facts(row["facts"])} for row in rows_of(db, _ALERTS)],
    }


def _by_stage(db: Database) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {stage: {} for stage in STAGES}
    for stage, state, n in db.execute(_STAGES):
        found[stage][state] = n
    return found


def _coverage(db: Database, unique: dict[str, int]) -> list[Row]:
    return [row | {"topics": unique[row["topic_model"]]} for row in rows_of(db, _COVERAGE)]


def _progress(db: Database) -> list[Row]:
    open_members = {number: (failed, pending) for number, failed, pending in db.execute(_NOT_DONE)}
    progress = []
    for number, name, members in db.execute(_MEMBERS):
        failed, pending = open_members.get(number, (0, 0))
        counts = {"done": members - failed - pending, "failed": failed, "pending": pending}
        progress.append({"cohort": name, "members": members, **counts})
    return progress
