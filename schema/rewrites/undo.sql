-- Taking a migration back: its images backwards, in sets, one table after the other.
-- {table}, {image}, {columns}, {values}, {marks} are filled in from the table's own columns.

-- name: touched
-- The first and the last image of each row that the migration touched.
create temp table touched as
select i.table_name, i.row_id, min(i.id) as first, max(i.id) as last, 0 as made, 0 as removed
from migration_images i where i.migration_id = :migration
group by i.table_name, i.row_id

-- name: index
create unique index temp.touched_row on touched (table_name, row_id)

-- name: judge
update temp.touched set
  made = (select i.before is null from migration_images i where i.id = touched.first),
  removed = (select i.after is null from migration_images i where i.id = touched.last)

-- name: tables
select distinct table_name from temp.touched order by 1

-- name: conflicts
-- Rows that are not as the migration left them: (row number, 1 when it is gone).
select k.row_id, r.id is null
from temp.touched k
join migration_images i on i.id = k.last
left join {table} r on r.id = k.row_id
where k.table_name = '{table}' and case
  when k.removed then r.id is not null and not k.made
  else r.id is null or {image} is not i.after end
order by k.row_id

-- name: hanging
-- Rows that the migration did not make and that name one that it made: (row number, the named row's number).
select c.id, c.{column}
from temp.touched k
join {child} c on c.{column} = k.row_id
where k.table_name = '{table}' and k.made and not k.removed and not exists (
  select 1 from temp.touched o left join migration_images i on i.id = o.first
  where o.table_name = '{child}' and o.row_id = c.id
    and (o.made or json_extract(i.before, '$.{column}') is not k.row_id))
order by c.id

-- name: remove
delete from {table} where id in (
  select row_id from temp.touched where table_name = '{table}' and made and not removed)

-- name: restore
update {table} set ({columns}) = (
  select {values} from temp.touched k join migration_images i on i.id = k.first
  where k.table_name = '{table}' and k.row_id = {table}.id)
where id in (select row_id from temp.touched where table_name = '{table}' and not made and not removed)

-- name: bring back
insert into {table} (id, {columns})
select k.row_id, {values} from temp.touched k join migration_images i on i.id = k.first
where k.table_name = '{table}' and k.removed and not k.made

-- name: unindex
-- Texts that go leave the full-text index first: it reads them from here.
insert into search (search, rowid, prompt, raw, parsed)
select 'delete', s.id, s.prompt, s.raw, s.parsed
from temp.touched k join search_source s on s.id = k.row_id
where k.table_name = 'contents' and k.made and not k.removed
  and s.id <= coalesce((select cast(value as integer) from project where key = 'searched'), 0)

-- name: keep prompts
-- A prompt that other answers use stays.
delete from temp.touched where table_name = 'prompts' and made and exists (
  select 1 from prompts p join contents x on x.prompt_hash = p.hash
  where p.id = touched.row_id and not exists (
    select 1 from temp.touched o where o.table_name = 'contents' and o.row_id = x.id and o.made))

-- name: forget
-- The mapping and the alerts keep what they say of generations that are gone.
update {table} set generation_id = null where generation_id in (
  select row_id from temp.touched where table_name = 'generations' and made and not removed)

-- name: newest
select max(row_id) from temp.touched where table_name = 'generations' and made

-- name: drop
drop table temp.touched
