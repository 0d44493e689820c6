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

-- name: variance
-- How far the replicates of each evaluator agree on each essay: n, mean, lowest, highest, variance and the scale.
select essay_gen_id, evaluation_template, evaluation_model, n, mean, lowest, highest, variance, scores, scale_min,
  scale_max, mean_0_to_1
from pivot_long order by essay_gen_id, evaluation_template, evaluation_model;

-- name: top
-- The best essays, by the mean of the best score of each evaluator as a share of its scale.
select * from top_essays
order by mean_of_maxima_0_to_1 desc nulls last, mean_of_maxima desc nulls last, essay_gen_id limit 20;

-- name: disagreement
-- Essays on which the models that judged them by one rubric differ most.
select * from agreement where evaluators > 1 order by range_0_to_1 desc, essay_gen_id limit 20;

-- name: cohorts
-- How complete each cohort is, stage by stage.
select * from cohort_progress order by cohort, stage;

-- name: holes
-- Combos without a task for a template and model that other combos have one for.
select stage, combo_id, template_id, llm_model_id from task_matrix where tasks = 0
order by stage, combo_id, template_id, llm_model_id;

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
