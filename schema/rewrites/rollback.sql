-- Back to the IDs of before: the inverse of a migration's mapping, and new IDs for what was made since.

-- name: applied
-- Migrations that can be taken back, newest first; one that came along with a merge is the history of its own file.
select id from migrations where state = 'applied' and kind <> 'rollback' and id >= :down_to
  and json_extract(plan, '$.came_with') is null order by id desc

-- name: latest
select max(id) from migrations where state = 'applied' and kind <> 'rollback'
  and json_extract(plan, '$.came_with') is null

-- name: record
select kind, plan, state, digest_before from migrations where id = :migration

-- name: forget mapping
-- What came along with a merge goes with it.
delete from migration_map where migration_id in (
  select id from migrations where json_extract(plan, '$.came_with') = :migration)

-- name: forget problems
delete from migration_problems where migration_id in (
  select id from migrations where json_extract(plan, '$.came_with') = :migration)

-- name: forget history
delete from migrations where json_extract(plan, '$.came_with') = :migration

-- name: moved since
-- Rows that have another ID now than the migration gave them.
select k.new_id, g.gen_id from migration_map k left join generations g on g.id = k.generation_id
where k.migration_id = :migration and k.status = 'migrate' and g.gen_id is not k.old_id

-- name: since whole
-- Tasks that were made since, when the migration changed the scheme: their IDs all follow it back.
insert into temp.scope (generation_id, old_id)
select id, gen_id from generations where legacy = 0 and id > :last

-- name: since below
-- Else those whose IDs hang on what gets its old name back, or on a row that moves, and all below them.
insert into temp.scope (generation_id, old_id)
with recursive named (id) as (
  select g.id from generations g where g.legacy = 0
    and (g.template_id in (select row_id from temp.touched where table_name = 'templates')
      or (g.model_id in (select row_id from temp.touched where table_name = 'models') and g.stage <> 'essay')
      or g.combo_id in (select row_id from temp.touched where table_name = 'combos'))
  union
  select g.id from migration_map k cross join generations g on g.parent_id = k.generation_id
  where k.migration_id = :migration and k.new_id <> k.old_id and g.legacy = 0
  union
  select g.id from named cross join generations g on g.parent_id = named.id where g.legacy = 0
)
select g.id, g.gen_id from named cross join generations g on g.id = named.id
where not exists (
  select 1 from migration_map k where k.generation_id = g.id and k.migration_id = :migration)

-- name: restore
update generations set gen_id = k.old_id from migration_map k
where k.migration_id = :migration and k.status = 'migrate' and k.generation_id = generations.id
  and generations.gen_id = k.new_id

-- name: moved
-- How many rows the migration gave another ID.
select count(*) from migration_map where migration_id = :migration and status = 'migrate'

-- name: step aside
-- So that no ID of before finds its place taken by a row that is about to get another.
update generations set gen_id = substr(gen_id, 1, 2) || '0moving' || id
where id in (select generation_id from temp.scope)

-- name: twice
-- IDs that two rows would have.
select gen_id from generations group by gen_id having count(*) > 1 limit 100

-- name: rekey
update generations set gen_id = (select k.new_id from temp.mapping k where k.generation_id = generations.id)
where id in (select generation_id from temp.mapping)

-- name: rekeyed
insert into migration_map (migration_id, generation_id, stage, old_id, new_id, status)
select :record, k.generation_id, k.stage, s.old_id, k.new_id, 'migrate'
from temp.mapping k cross join temp.scope s on s.generation_id = k.generation_id
where k.new_id <> s.old_id order by k.generation_id

-- name: newer
select count(*) from generations where id > :last

-- name: mark
update migrations set state = 'rolled back', rolled_back_at = :at where id = :migration
