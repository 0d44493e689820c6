-- Named questions: `workbench query --named NAME`, and canned queries in Datasette.

-- name: orphans
-- Essays and evaluations whose parent is not in the file.
select gen_id, stage from generations where stage <> 'draft' and parent_id is null;

-- name: failures
-- Failed and blocked generations with the reason.
select g.stage, g.outcome, count(*) as n, min(g.gen_id) as example
from generations g where g.status in ('failed', 'blocked') group by 1, 2 order by 3 desc;

-- name: coverage
-- How far each cycle of each topic model has come.
select topic_model, template_id, llm_model_id, cycle, done, failed, pending, topics from coverage
order by topic_model, template_id, llm_model_id, cycle;

-- name: costs
-- Calls, tokens and money by stage, template and model.
select * from costs order by cost desc;

-- name: drift
-- Generations whose template text or model settings have changed since they were made.
select g.gen_id, g.stage, t.name as template_id, m.llm_model_id,
  x.template_version_id <> t.version_id as template_changed, x.model_version_id <> m.version_id as model_changed
from generations g
join contents x on x.id = g.content_id
join templates t on t.id = g.template_id
left join models m on m.id = g.model_id
where x.template_version_id <> t.version_id or x.model_version_id <> m.version_id
order by g.id;

-- name: slowest
-- The calls that took longest.
select k.id, g.gen_id, k.latency_ms, k.outcome, k.tokens_out
from calls k left join generations g on g.id = k.generation_id
order by k.latency_ms desc limit 20;
