-- What legacy rows need before their IDs can be made: columns, replicates, drafts of copies that came without one.

-- name: fill
-- Numbers of names that the metadata record and the columns do not have.
insert into temp.filled (generation_id, template_id, model_id, cohort_id)
select r.generation_id,
  (select t.id from templates t where t.stage = json_extract(r.metadata, '$.stage')
    and t.name = json_extract(r.metadata, '$.template')),
  (select m.id from models m where m.llm_model_id = json_extract(r.metadata, '$.model')),
  (select c.id from cohorts c where c.name = json_extract(r.metadata, '$.cohort'))
from generations g cross join import_rows r on r.generation_id = g.id and r.name = 'normalised'
where g.legacy = 1 and (g.template_id is null or g.model_id is null or g.origin_cohort_id is null)
  and r.id = (select max(l.id) from import_rows l where l.generation_id = g.id and l.name = 'normalised')

-- name: fields
update generations set
  template_id = coalesce(generations.template_id, f.template_id),
  model_id = coalesce(generations.model_id, f.model_id),
  origin_cohort_id = coalesce(generations.origin_cohort_id, f.cohort_id)
from temp.filled f
where f.generation_id = generations.id
  and f.generation_id not in (select generation_id from temp.blocked)
  and (coalesce(generations.template_id, f.template_id) is not generations.template_id
    or coalesce(generations.model_id, f.model_id) is not generations.model_id
    or coalesce(generations.origin_cohort_id, f.cohort_id) is not generations.origin_cohort_id)

-- name: numbered table
create temp table numbered (
  generation_id integer primary key, owner integer not null, template_id integer, model_id integer not null,
  stage text not null, recorded integer, old_id text not null, moves integer not null, number integer)

-- name: gather
-- Rows that may be given another replicate: placed legacy rows, each in the group of its signature.
insert into temp.numbered (generation_id, owner, template_id, model_id, stage, recorded, old_id, moves)
select g.id, coalesce(g.combo_id, g.parent_id, -g.id), g.template_id, iif(g.stage = 'essay', 0, g.model_id),
  g.stage, g.replicate, g.gen_id, 1
from generations g
where g.legacy = 1 and g.id not in (select generation_id from temp.blocked)
  and (:synthetic = (g.id in (select generation_id from temp.synthetic)))

-- name: group
create index temp.numbered_group on numbered (stage, owner, template_id, model_id, number)

-- name: gather beside
-- Everything else in these groups keeps its number.
insert or ignore into temp.numbered (generation_id, owner, template_id, model_id, stage, recorded, old_id, moves, number)
select g.id, n.owner, n.template_id, n.model_id, n.stage, g.replicate, g.gen_id, 0, g.replicate
from (select distinct owner, template_id, model_id, stage from temp.numbered) n
join generations g on g.stage = n.stage and g.template_id = n.template_id
  and (n.stage <> 'draft' or g.combo_id = n.owner) and (n.stage = 'draft' or g.parent_id = n.owner)
  and (n.stage = 'essay' or g.model_id = n.model_id)
where g.replicate is not null and g.id not in (select generation_id from temp.blocked)

-- name: keep right
-- Who has an ID that is right under any known scheme keeps its number: it is part of the ID.
update temp.numbered set number = r.number from (
  select n.generation_id, coalesce(n.recorded, 1) as number, row_number() over (
    partition by n.stage, n.owner, n.template_id, n.model_id, coalesce(n.recorded, 1) order by n.old_id) as turn
  from temp.numbered n join generations g on g.id = n.generation_id
  left join combos c on c.id = g.combo_id
  left join generations p on p.id = g.parent_id
  join templates t on t.id = g.template_id
  left join models m on m.id = g.model_id
  where n.moves and fits_any(g.gen_id, g.stage, coalesce(c.combo_id, p.gen_id), t.name,
    iif(g.stage = 'essay', null, m.llm_model_id), coalesce(g.replicate, 1))
) r
where r.generation_id = numbered.generation_id and r.turn = 1 and not exists (
  select 1 from temp.numbered o where o.stage = numbered.stage and o.owner = numbered.owner
    and o.template_id = numbered.template_id and o.model_id = numbered.model_id and o.number = r.number)

-- name: keep recorded
-- Then recorded numbers that are free, by number and old ID.
update temp.numbered set number = recorded from (
  select n.generation_id, row_number() over (
    partition by n.stage, n.owner, n.template_id, n.model_id, n.recorded order by n.old_id) as turn
  from temp.numbered n where n.number is null and n.recorded is not null
) r
where r.generation_id = numbered.generation_id and r.turn = 1 and not exists (
  select 1 from temp.numbered o where o.stage = numbered.stage and o.owner = numbered.owner
    and o.template_id = numbered.template_id and o.model_id = numbered.model_id and o.number = numbered.recorded)

-- name: number the rest
-- The rest take the lowest free numbers in the same order: the n-th of them the n-th that is free.
update temp.numbered set number = f.number from (
  with recursive sizes (stage, owner, template_id, model_id, size) as materialized (
    select stage, owner, template_id, model_id, count(*) from temp.numbered
    group by 1, 2, 3, 4 having sum(number is null)
  ), candidates (stage, owner, template_id, model_id, size, number) as (
    select stage, owner, template_id, model_id, size, 1 from sizes
    union all
    select stage, owner, template_id, model_id, size, number + 1 from candidates where number < size
  ), free as (
    select c.*, row_number() over (partition by stage, owner, template_id, model_id order by number) as turn
    from candidates c where not exists (
      select 1 from temp.numbered o where o.stage = c.stage and o.owner = c.owner
        and o.template_id = c.template_id and o.model_id = c.model_id and o.number = c.number)
  ), rest as (
    select n.*, row_number() over (
      partition by stage, owner, template_id, model_id order by recorded is null, recorded, old_id) as turn
    from temp.numbered n where number is null
  )
  select rest.generation_id, free.number from rest join free using (stage, owner, template_id, model_id, turn)
) f
where f.generation_id = numbered.generation_id

-- name: number
update generations set replicate = n.number from temp.numbered n
where n.generation_id = generations.id and n.moves and generations.replicate is not n.number

-- name: renumbered
-- Rows whose recorded number was another's: stage, ID, recorded, given.
select stage, old_id, recorded, number from temp.numbered
where moves and recorded is not null and recorded <> number order by stage, old_id

-- name: lone copies
-- Essays without a draft whose text is known, with what the metadata record of it: combo, draft template, model.
select g.id, g.gen_id, json_extract(r.metadata, '$.mode'), json_extract(r.metadata, '$.combo'),
  json_extract(r.metadata, '$.draft_template'), json_extract(r.metadata, '$.model')
from generations g
cross join contents x on x.id = g.content_id and x.outcome = 'ok'
cross join import_rows r on r.generation_id = g.id and r.name = 'normalised'
where g.legacy = 1 and g.stage = 'essay' and g.parent_id is null and g.status = 'done'
  and exists (select 1 from combos c where c.combo_id = json_extract(r.metadata, '$.combo') and (
    c.topic_id is not null or exists (select 1 from combo_members b where b.combo_id = c.id)))
  and r.id = (select max(l.id) from import_rows l where l.generation_id = g.id and l.name = 'normalised')

-- name: orphans
-- Copies that get a draft: essay, what the draft is of, cohort, recorded replicate, text.
select g.id, g.gen_id, o.combo, o.template, o.model, g.origin_cohort_id,
  (select json_extract(r.metadata, '$.replicate') from import_rows r
    where r.generation_id = g.id and r.name = 'normalised' order by r.id desc limit 1),
  coalesce(x.parsed, x.raw)
from temp.orphans o
cross join generations g on g.id = o.generation_id
cross join contents x on x.id = g.content_id
where o.generation_id not in (select generation_id from temp.blocked)
order by g.gen_id
