-- The common questions as views. A step that changes one drops it and makes it anew.

-- Every text with its generation, names instead of numbers. For ad-hoc SQL.
create view generation_texts as
select g.id, g.gen_id, g.stage, c.combo_id, p.gen_id as parent_gen_id, t.name as template_id,
  m.llm_model_id, g.replicate, g.status, g.outcome, pr.system, pr.text as prompt, x.raw,
  case when x.parsed_hash = x.raw_hash then x.raw else x.parsed end as parsed,
  x.prompt_hash, x.raw_hash, x.parsed_hash, x.finish_reason, x.tokens_in, x.tokens_out,
  x.truncated, x.lossy, max(g.synthetic, coalesce(x.synthetic, 0)) as synthetic,
  o.name as origin_cohort_id, g.created
from generations g
left join combos c on c.id = g.combo_id
left join generations p on p.id = g.parent_id
left join templates t on t.id = g.template_id
left join models m on m.id = g.model_id
left join contents x on x.id = g.content_id
left join prompts pr on pr.hash = x.prompt_hash
left join cohorts o on o.id = g.origin_cohort_id;

-- The topics that samples are made of: a tree's leaves, a graph's nodes but for the root.
create view unique_topics as
select t.id, t.topic_model_id, m.name as topic_model, t.uuid, t.title, t.depth, t.place
from topics t join topic_models m on m.id = t.topic_model_id
where case when m.kind = 'tree' or m.leaves_only then t.leaf = 1 else t.depth > 0 end;

-- Completion tuples: drafts of topics that are done. The cycle counts from 0.
create view completions as
select t.uuid as leaf_uuid, g.replicate - 1 as cycle, te.name as template_id, m.llm_model_id,
  tm.name as topic_model, g.gen_id
from generations g
join combos c on c.id = g.combo_id
join topics t on t.id = c.topic_id
join topic_models tm on tm.id = t.topic_model_id
join templates te on te.id = g.template_id
join models m on m.id = g.model_id
where g.stage = 'draft' and g.status = 'done' and g.replicate is not null;

-- How far each cycle of a topic model has come, for each template and model.
create view coverage as
select tm.name as topic_model, te.name as template_id, m.llm_model_id, g.replicate - 1 as cycle,
  count(*) as tasks, sum(g.status = 'done') as done, sum(g.status = 'failed') as failed,
  sum(g.status in ('planned', 'blocked')) as pending,
  (select count(*) from unique_topics u where u.topic_model_id = tm.id) as topics
from generations g
join combos c on c.id = g.combo_id
join topics t on t.id = c.topic_id
join topic_models tm on tm.id = t.topic_model_id
join templates te on te.id = g.template_id
join models m on m.id = g.model_id
where g.stage = 'draft' and g.replicate is not null
group by tm.id, te.id, m.id, g.replicate;

-- Ancestors and descendants by name: one row for each generation and each of its family.
create view lineage as
with recursive up (id, ancestor_id, distance) as (
  select id, id, 0 from generations
  union all
  select up.id, g.parent_id, up.distance + 1
  from up join generations g on g.id = up.ancestor_id where g.parent_id is not null
)
select d.gen_id as gen_id, d.stage as stage, a.gen_id as ancestor, a.stage as ancestor_stage, up.distance
from up join generations d on d.id = up.id join generations a on a.id = up.ancestor_id;

-- Every ID that a generation ever had.
create view gen_id_aliases as
select distinct k.old_id as alias, g.gen_id, g.stage, g.id as generation_id
from migration_map k join generations g on g.id = k.generation_id
where k.old_id <> '' and k.old_id <> g.gen_id
union
select distinct k.new_id, g.gen_id, g.stage, g.id
from migration_map k join generations g on g.id = k.generation_id
where k.new_id <> g.gen_id;

-- Current scores with the essay and the evaluator that they belong to.
create view scores_by_evaluation as
select v.gen_id, e.gen_id as essay_gen_id, t.name as evaluation_template, m.llm_model_id as evaluation_model,
  v.replicate, s.score, s.scale_min, s.scale_max, s.detail, d.gen_id as draft_gen_id,
  et.name as essay_template, dt.name as draft_template, dm.llm_model_id as draft_model, c.combo_id
from generations v
join scores s on s.content_id = v.content_id
join generations e on e.id = v.parent_id
join templates t on t.id = v.template_id
left join models m on m.id = v.model_id
left join generations d on d.id = e.parent_id
left join templates et on et.id = e.template_id
left join templates dt on dt.id = d.template_id
left join models dm on dm.id = d.model_id
left join combos c on c.id = d.combo_id
where v.stage = 'evaluation' and v.status = 'done';

-- Scores of an essay by evaluator, replicates kept apart and summed up beside.
create view pivot_long as
select essay_gen_id, evaluation_template, evaluation_model, count(score) as n, avg(score) as mean,
  min(score) as lowest, max(score) as highest, group_concat(score, ' ') as scores
from scores_by_evaluation
group by essay_gen_id, evaluation_template, evaluation_model;

-- What was paid, by stage, template and model. Failed calls that were billed count too.
create view costs as
select coalesce(g.stage, 'topics') as stage, t.name as template_id, k.provider, k.model,
  count(*) as calls, sum(k.tokens_in) as tokens_in, sum(k.tokens_out) as tokens_out, sum(k.cost) as cost
from calls k
left join generations g on g.id = k.generation_id
left join templates t on t.id = g.template_id
group by 1, 2, 3, 4;

-- What the full-text index reads: the texts of each answer.
create view search_source as
select x.id, p.text as prompt, x.raw, case when x.parsed_hash = x.raw_hash then null else x.parsed end as parsed
from contents x left join prompts p on p.hash = x.prompt_hash;
