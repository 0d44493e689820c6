-- What is looked at before and after a migration, inside its transaction. Statements named "no …" give what is wrong.

-- name: counts
select stage, count(*) from generations group by stage

-- name: members
select count(*), coalesce(sum(cohort_id), 0), coalesce(sum(generation_id), 0), coalesce(sum(place), 0)
from cohort_members

-- name: texts
-- Every answer with its score, by row numbers, which never change; those that a migration made are new.
select json_array(x.id, x.generation_id, x.revision, x.hash, x.prompt_hash, x.raw_hash, x.parsed_hash,
  s.id, quote(s.score), quote(s.scale_min), quote(s.scale_max))
from contents x left join scores s on s.content_id = x.id
where x.generation_id not in (select generation_id from temp.synthetic)

-- name: no row without its new ID
select k.old_id from temp.mapping k left join generations g on g.id = k.generation_id
where g.gen_id is not k.new_id

-- name: no wrong parent
select g.gen_id from temp.mapping k join generations g on g.id = k.generation_id
left join generations p on p.id = g.parent_id
where k.legacy = 1 and case g.stage
  when 'draft' then g.parent_id is not null
  when 'essay' then p.stage is not 'draft'
  else p.stage is not 'essay' end

-- name: no legacy row among the migrated
select g.gen_id from temp.mapping k join generations g on g.id = k.generation_id
where g.legacy = 1

-- name: no blocked row that was touched
select (select g.gen_id from generations g where g.id = b.generation_id) from temp.blocked b
where exists (select 1 from temp.mapping k where k.generation_id = b.generation_id)
  or b.generation_id in (
    select row_id from migration_images where migration_id = :migration and table_name = 'generations')

-- name: no synthetic draft of another text
select e.gen_id from temp.synthetic s
cross join generations e on e.id = s.essay_id join contents x on x.id = e.content_id
join generations d on d.id = s.generation_id join contents y on y.id = d.content_id
where e.parent_id is not d.id or y.parsed_hash is not x.parsed_hash or y.raw_hash is not x.parsed_hash

-- name: touched tables
select distinct table_name from migration_images where migration_id = :migration order by 1

-- name: sample
-- IDs that are not the function of their signature, among a spread of tasks.
select g.gen_id, 0 from generations g
left join combos c on c.id = g.combo_id
left join generations p on p.id = g.parent_id
left join templates t on t.id = g.template_id
left join models m on m.id = g.model_id
where g.legacy = 0 and (g.id * 7919 + g.id / 101) % (1 + (select count(*) from generations) / {sample}) = 0
  and not case g.stage
    when 'draft' then id_fits(g.gen_id, 'draft', c.combo_id, t.name, m.llm_model_id, g.replicate)
    when 'essay' then id_fits(g.gen_id, 'essay', p.gen_id, t.name, g.replicate)
    else id_fits(g.gen_id, g.stage, p.gen_id, t.name, m.llm_model_id, g.replicate) end
