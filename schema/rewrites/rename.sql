-- A name that changes, and the tasks whose IDs hang on it.

-- name: template
update templates set name = :new where id = :id

-- name: model
update models set llm_model_id = :new where id = :id

-- name: combo
update combos set combo_id = :new where id = :id

-- name: cohort
update cohorts set name = :new where id = :id

-- name: topics of combo
-- A topic's combo has the topic's uuid, in every topic model that has this topic.
select t.id, t.uuid from topics t where t.uuid = :old and :topic is not null

-- name: topic
update topics set uuid = :new where id = :id

-- name: topic alias
insert or ignore into topic_aliases (topic_id, alias) values (:id, :old)

-- name: below template
insert into temp.scope (generation_id, old_id)
select id, gen_id from generations where template_id = :id and legacy = 0

-- name: below model
insert into temp.scope (generation_id, old_id)
select id, gen_id from generations where model_id = :id and stage <> 'essay' and legacy = 0

-- name: below combo
insert into temp.scope (generation_id, old_id)
select id, gen_id from generations where combo_id = :id and legacy = 0

-- name: below cohort
-- No ID hangs on a cohort.
select 1

-- name: descend
-- One stage further down: the children of what moves.
insert or ignore into temp.scope (generation_id, old_id)
select g.id, g.gen_id from temp.scope s cross join generations g on g.parent_id = s.generation_id
where g.legacy = 0
