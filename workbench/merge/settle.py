"""What follows from the union: each generation's current text, its status, and whether its children may go on.

A generation is done when its current text is good; failed when it is failed in either file and nothing good came;
else it waits, blocked below what failed. Two files that agree on a row and on its parent leave it as it is.
"""

from __future__ import annotations

from typing import Final

from workbench.store import Database

_FRESH: Final = """
create temp table number_fresh as
select distinct g.ours as id from temp.number_contents c cross join theirs.contents x on x.id = c.theirs and c.made
cross join temp.number_generations g on g.theirs = x.generation_id and not g.made
"""
_TABLE: Final = """
create temp table number_settling (
  id integer primary key, stage text not null, was text not null, theirs text not null, outcome text,
  collides integer not null)
"""
_DIFFERING: Final = """
insert into temp.number_settling (id, stage, was, theirs, outcome, collides)
select o.id, o.stage, o.status, r.status, iif(o.status = r.status, o.outcome, coalesce(r.outcome, o.outcome)),
  'collision' in (coalesce(o.outcome, ''), coalesce(r.outcome, ''))
from temp.number_generations n cross join main.generations o on o.id = n.ours
cross join theirs.generations r on r.id = n.theirs
where not n.made and (o.status <> r.status or (o.status = 'blocked' and o.outcome = 'collision')
  or o.id in (select id from temp.number_fresh))
"""
_BELOW: Final = """
insert or ignore into temp.number_settling (id, stage, was, theirs, outcome, collides)
select g.id, g.stage, g.status, g.status, g.outcome, g.outcome is 'collision'
from temp.number_settling s cross join main.generations p on p.id = s.id
cross join main.generations g on g.parent_id = p.id
where g.stage = :stage and g.legacy = 0 and g.status in ('planned', 'blocked')
  and (s.was <> s.theirs or s.was <> p.status)
"""
_ALERT: Final = """exists (select 1 from main.alerts a
  where a.generation_id = g.id and a.blocking = 1 and a.acknowledged is null)"""
_STATUS: Final = f"""
case when b.outcome = 'ok' and not (g.legacy and 'done' not in (s.was, s.theirs)) then 'done'
  when 'failed' in (s.was, s.theirs) then 'failed'
  when g.legacy then iif('planned' in (s.was, s.theirs), 'planned', g.status)
  when s.collides and {_ALERT} then 'blocked'
  when p.status = 'failed' or p.outcome = 'parent_failed' then 'blocked'
  else 'planned' end
"""
_SETTLED: Final = f"""
create temp table number_settled as
select id, status, current, case status when 'done' then iif(was = 'done', is_ready, 0)
    when 'planned' then not legacy and (parent is null or parent = 'done') else 0 end as ready,
  case status when 'done' then 'ok' when 'planned' then null
    when 'failed' then iif(was = 'failed', had, outcome)
    else case when legacy then had when collides then 'collision' else 'parent_failed' end end as outcome
from (
  select g.id, s.was, s.outcome, g.outcome as had, g.legacy, g.ready as is_ready, p.status as parent,
    b.id as current, s.collides and {_ALERT} as collides, {_STATUS} as status
  from temp.number_settling s cross join main.generations g on g.id = s.id
  left join main.generations p on p.id = g.parent_id
  left join main.contents b on b.id = (
    select x.id from main.contents x where x.generation_id = g.id
    order by x.outcome <> 'ok', x.revision desc, x.hash desc limit 1)
  where s.stage = :stage)
"""
_WRITE: Final = """
update main.generations set status = k.status, content_id = k.current, ready = k.ready, outcome = k.outcome
from temp.number_settled k where k.id = generations.id
  and (generations.status, generations.content_id, generations.ready, generations.outcome)
    is not (k.status, k.current, k.ready, k.outcome)
"""
_MADE: Final = """
insert or ignore into temp.number_settling (id, stage, was, theirs, outcome, collides)
select g.id, g.stage, g.status, g.status, g.outcome, g.outcome is 'collision' from temp.number_generations n
cross join main.generations g on g.id = n.ours cross join main.generations p on p.id = g.parent_id
cross join theirs.generations r on r.id = n.theirs cross join theirs.generations q on q.id = r.parent_id
where n.made and g.stage = :stage and g.legacy = 0 and g.status in ('planned', 'blocked') and p.status <> q.status
"""


def settle(db: Database) -> int:
    """Let every generation that the union concerns follow it, parents first; gives how many rows changed.

    The current text is a good one before a bad one, then the highest revision, then the greatest hash.
    """
    db.execute(_FRESH)
    db.execute(_TABLE)
    db.execute(_DIFFERING)
    changed = 0
    for stage in ("draft", "essay", "evaluation"):
        db.execute(_BELOW, {"stage": stage})
        db.execute(_MADE, {"stage": stage})
        db.execute(_SETTLED, {"stage": stage})
        changed += db.execute(_WRITE).rowcount
        db.execute("drop table temp.number_settled")
    return changed
