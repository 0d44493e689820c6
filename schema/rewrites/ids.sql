-- New public IDs for old ones: a mapping level by level, then one update between dropping and rebuilding the index.
-- {rows} and {scope} say which rows `g` may move; gen_id(…) is the registered function under the scheme that is migrated to.

-- name: blocked table
-- Legacy rows that cannot move, with the reason.
create temp table blocked (generation_id integer primary key, reason text not null)

-- name: mapping table
create temp table mapping (
  generation_id integer primary key, stage text not null, old_id text not null, new_id text not null,
  legacy integer not null)

-- name: synthetic table
-- Drafts that were made for essays without one.
create temp table synthetic (generation_id integer primary key, essay_id integer not null)

-- name: scope table
-- Rows that may move, where not all may, with their IDs of before.
create temp table scope (generation_id integer primary key, old_id text not null)

-- name: filled table
-- What columns of legacy rows will be filled with.
create temp table filled (generation_id integer primary key, template_id integer, model_id integer, cohort_id integer)

-- name: orphans table
-- Essays that will get a draft, with what that will be of.
create temp table orphans (generation_id integer primary key, combo text, template text, model text)

-- name: block
-- What an import could not place, and rows whose signature will not be whole. `temp.filled` and `temp.orphans` say
-- what will be mended before IDs are made, :numbered that replicates will be given.
insert into temp.blocked (generation_id, reason)
select g.id, case
    when g.status = 'blocked' and instr(:reasons, ' ' || g.outcome || ' ') then g.outcome
    when g.stage <> 'draft' and g.parent_id is null and o.generation_id is null then 'parent_missing'
    when g.replicate is null and not :numbered then 'replicate_missing'
    when g.combo_id is not null and u.id is not null then 'combo_unknown'
    else 'field_missing' end
from generations g
left join temp.filled f on f.generation_id = g.id
left join temp.orphans o on o.generation_id = g.id
left join combos u on u.id = g.combo_id and u.topic_id is null and u.combo_id <> 'none'
  and not exists (select 1 from combo_members b where b.combo_id = u.id)
where g.legacy = 1 and ((g.status = 'blocked' and instr(:reasons, ' ' || g.outcome || ' '))
  or (g.replicate is null and not :numbered) or coalesce(g.template_id, f.template_id) is null
  or (coalesce(g.model_id, f.model_id) is null and g.stage <> 'essay') or (g.stage = 'draft' and g.combo_id is null)
  or (g.stage <> 'draft' and g.parent_id is null and o.generation_id is null) or u.id is not null)

-- name: block twins
-- Legacy rows with the signature of another row: which of them has a right to its replicate is not known here.
insert or ignore into temp.blocked (generation_id, reason)
select g.id, 'replicate_conflict' from generations g
where g.legacy = 1 and not :numbered and (exists (
    select 1 from generations o where g.stage = 'draft' and o.combo_id = g.combo_id and o.id <> g.id
      and o.template_id = g.template_id and o.model_id = g.model_id and o.replicate = g.replicate)
  or exists (
    select 1 from generations o where o.parent_id = g.parent_id and o.id <> g.id and o.stage = g.stage
      and o.template_id = g.template_id and (o.model_id = g.model_id or g.stage = 'essay')
      and o.replicate = g.replicate))

-- name: block children
insert or ignore into temp.blocked (generation_id, reason)
with recursive below (id) as (
  select g.id from temp.blocked b cross join generations g on g.parent_id = b.generation_id and g.legacy = 1
  union
  select g.id from below cross join generations g on g.parent_id = below.id and g.legacy = 1)
select id, 'parent_blocked' from below

-- name: draft
insert into temp.mapping (generation_id, stage, old_id, new_id, legacy)
select g.id, g.stage, g.gen_id, gen_id('draft', c.combo_id, t.name, m.llm_model_id, g.replicate), g.legacy
from {rows}
join combos c on c.id = g.combo_id
join templates t on t.id = g.template_id
join models m on m.id = g.model_id
where g.stage = 'draft' and {scope}

-- name: essay
insert into temp.mapping (generation_id, stage, old_id, new_id, legacy)
select g.id, g.stage, g.gen_id, gen_id('essay', coalesce(k.new_id, p.gen_id), t.name, g.replicate), g.legacy
from {rows}
join generations p on p.id = g.parent_id
join templates t on t.id = g.template_id
left join temp.mapping k on k.generation_id = p.id
where g.stage = 'essay' and {scope}

-- name: evaluation
insert into temp.mapping (generation_id, stage, old_id, new_id, legacy)
select g.id, g.stage, g.gen_id,
  gen_id('evaluation', coalesce(k.new_id, p.gen_id), t.name, m.llm_model_id, g.replicate), g.legacy
from {rows}
join generations p on p.id = g.parent_id
join templates t on t.id = g.template_id
join models m on m.id = g.model_id
left join temp.mapping k on k.generation_id = p.id
where g.stage = 'evaluation' and {scope}

-- name: shared
-- Rows of a stage whose new ID another row has too, or that had a suffix: number, new and old ID, signature.
select k.generation_id, k.new_id, k.old_id, coalesce(c.combo_id, kp.new_id, p.gen_id), t.name,
  case g.stage when 'essay' then null else m.llm_model_id end, g.replicate
from {rows}
cross join temp.mapping k on k.generation_id = g.id
left join combos c on c.id = g.combo_id
left join generations p on p.id = g.parent_id
left join temp.mapping kp on kp.generation_id = p.id
join templates t on t.id = g.template_id
left join models m on m.id = g.model_id
where k.stage = :stage and {scope} and (instr(k.old_id, '-')
  or k.new_id in (select new_id from temp.mapping where stage = :stage group by new_id having count(*) > 1)
  or exists (select 1 from generations o where o.gen_id = k.new_id
    and not exists (select 1 from temp.mapping ko where ko.generation_id = o.id)))

-- name: taken
-- Has another row this ID, now or after the migration?
select exists (select 1 from temp.mapping where new_id = :id and generation_id <> :number)
  or exists (select 1 from generations o where o.gen_id = :id
    and not exists (select 1 from temp.mapping k where k.generation_id = o.id))

-- name: settle
update temp.mapping set new_id = :id where generation_id = :number

-- name: blocked
-- Blocked rows with their reason and what the import said of it.
select g.stage, g.gen_id, b.reason, (
  select max(p.detail) from migration_problems p
  where p.place = g.gen_id and p.stage = g.stage and p.code = b.reason and p.severity = 'error')
from temp.blocked b cross join generations g on g.id = b.generation_id
order by g.stage, g.gen_id

-- name: sheet
-- The mapping as it is written to a file.
select k.stage, iif(s.generation_id is null, k.old_id, '') as old_id, k.new_id as new_id,
  case when s.generation_id is not null then 'synthetic' when k.new_id = k.old_id then 'unchanged'
    else 'migrate' end as status, '' as reason
from temp.mapping k left join temp.synthetic s on s.generation_id = k.generation_id
union all
select g.stage, g.gen_id, g.gen_id, 'blocked', b.reason
from temp.blocked b cross join generations g on g.id = b.generation_id
order by 1, 2, 3

-- name: synthetic sheet
-- The drafts that were made for copies.
select k.new_id as draft_gen_id, ke.new_id as essay_gen_id, ke.old_id as old_essay_gen_id,
  c.combo_id, t.name as draft_template_id, m.llm_model_id as generation_model_id, g.replicate
from temp.synthetic s
join temp.mapping k on k.generation_id = s.generation_id
left join temp.mapping ke on ke.generation_id = s.essay_id
join generations g on g.id = s.generation_id
join combos c on c.id = g.combo_id
join templates t on t.id = g.template_id
join models m on m.id = g.model_id
order by 1

-- name: keep
insert into migration_map (migration_id, generation_id, stage, old_id, new_id, status, reason)
select :migration, k.generation_id, k.stage, iif(s.generation_id is null, k.old_id, ''), k.new_id,
  case when s.generation_id is not null then 'synthetic' when k.new_id = k.old_id then 'unchanged'
    else 'migrate' end, ''
from temp.mapping k left join temp.synthetic s on s.generation_id = k.generation_id
where :all or k.new_id <> k.old_id
order by k.generation_id

-- name: keep blocked
insert into migration_map (migration_id, generation_id, stage, old_id, new_id, status, reason)
select :migration, g.id, g.stage, g.gen_id, g.gen_id, 'blocked', b.reason
from temp.blocked b cross join generations g on g.id = b.generation_id order by g.id

-- name: rewrite
update generations set gen_id = k.new_id from temp.mapping k
where k.generation_id = generations.id and k.new_id <> k.old_id and k.legacy = 0

-- name: rewrite all
-- The same where most rows move: every task is in the mapping, and looking one up is faster than joining.
update generations set gen_id = (select k.new_id from temp.mapping k where k.generation_id = generations.id)
where legacy = 0

-- name: rewrite legacy
-- From here on the row is a task like any other; one that waits may go when its parent is done.
update generations set gen_id = k.new_id, legacy = 0,
  ready = generations.status = 'planned' and (generations.parent_id is null or exists (
    select 1 from generations p where p.id = generations.parent_id and p.status = 'done'))
from temp.mapping k
where k.generation_id = generations.id and k.legacy = 1

-- name: counts
-- What becomes of a stage's rows: how many move, how many there are, how many are written.
select total(moves), count(*), total(moves or legacy)
from (select new_id <> old_id as moves, legacy from temp.mapping where stage = :stage)

-- name: counts of blocked
select g.stage, count(*) from temp.blocked b cross join generations g on g.id = b.generation_id group by g.stage
