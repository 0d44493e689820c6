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
select tm.name as topic_model, te.name as template_id, m.llm_model_id, k.cycle, k.tasks, k.done, k.failed, k.pending,
  coalesce(n.topics, 0) as topics
from (
  select t.topic_model_id, g.template_id, g.model_id, g.replicate - 1 as cycle, count(*) as tasks,
    sum(g.status = 'done') as done, sum(g.status = 'failed') as failed,
    sum(g.status in ('planned', 'blocked')) as pending
  from generations g
  join combos c on c.id = g.combo_id
  join topics t on t.id = c.topic_id
  where g.stage = 'draft' and g.replicate is not null
  group by 1, 2, 3, 4
) k
join topic_models tm on tm.id = k.topic_model_id
join templates te on te.id = k.template_id
join models m on m.id = k.model_id
left join (select topic_model_id, count(*) as topics from unique_topics group by 1) n
  on n.topic_model_id = k.topic_model_id;

-- Ancestors by name, one row for each generation and each ancestor: itself at distance 0, its parent at 1, and
-- its parent's parent at 2. Descendants: the rows where it is the ancestor. Three stages, so no recursion: one
-- gen_id or one ancestor is found by its index, however large the file.
create view lineage as
select gen_id, stage, gen_id as ancestor, stage as ancestor_stage, 0 as distance from generations
union all
select g.gen_id, g.stage, p.gen_id, p.stage, 1
from generations g join generations p on p.id = g.parent_id
union all
select g.gen_id, g.stage, d.gen_id, d.stage, 2
from generations g join generations p on p.id = g.parent_id join generations d on d.id = p.parent_id;

-- Every ID that a generation ever had.
create view gen_id_aliases as
select distinct k.old_id as alias, g.gen_id, g.stage, g.id as generation_id
from migration_map k join generations g on g.id = k.generation_id
where k.old_id <> '' and k.old_id <> g.gen_id
union
select distinct k.new_id, g.gen_id, g.stage, g.id
from migration_map k join generations g on g.id = k.generation_id
where k.new_id <> g.gen_id;

-- Current scores with the essay and the evaluator that they belong to, on the rubric's own scale. `score_0_to_1`
-- is the score's share of that scale: the only number that may be compared from rubric to rubric. The plus signs
-- keep SQLite from indexes that look good and are not: the way is from the scores, or from an essay or an ID.
create view scores_by_evaluation as
select v.gen_id, e.gen_id as essay_gen_id, t.name as evaluation_template, m.llm_model_id as evaluation_model,
  v.replicate, s.score, s.scale_min, s.scale_max, s.detail, d.gen_id as draft_gen_id,
  et.name as essay_template, dt.name as draft_template, dm.llm_model_id as draft_model, c.combo_id,
  case when s.scale_max > s.scale_min then (s.score - s.scale_min) / (s.scale_max - s.scale_min) end as score_0_to_1
from scores s
join generations v on v.id = s.generation_id and v.content_id = +s.content_id
left join generations e on e.id = v.parent_id
left join templates t on t.id = v.template_id
left join models m on m.id = v.model_id
left join generations d on d.id = e.parent_id
left join templates et on et.id = e.template_id
left join templates dt on dt.id = d.template_id
left join models dm on dm.id = d.model_id
left join combos c on c.id = d.combo_id
where +v.stage = 'evaluation' and +v.status = 'done';

-- The ground of the score reports: one row for each score, in numbers. Essay and evaluation are numbers of
-- `generations`, the rubric is the evaluation's template, the evaluator the model that judged by it. `cross join`
-- is SQLite's way to say: from the few scores to their generations, never the other way round.
create view scored as
select s.generation_id as id, v.parent_id as essay_id, v.template_id as rubric_id, v.model_id as evaluator_id,
  v.replicate, s.score, s.scale_min, s.scale_max,
  case when s.scale_max > s.scale_min then (s.score - s.scale_min) / (s.scale_max - s.scale_min) end as score_0_to_1
from scores s cross join generations v on v.id = s.generation_id and v.content_id = s.content_id
where v.stage = 'evaluation' and v.status = 'done' and v.parent_id is not null and s.score is not null;

-- How far the replicates of one evaluator agree: one row for each essay, rubric, model and scale, with n scores in
-- order of replicate, their mean, lowest, highest and sample variance (n - 1; null for one score) in the rubric's
-- points. `mean_0_to_1` is the mean as a share of the scale, null where the rubric states none.
create view pivot_long as
select e.gen_id as essay_gen_id, t.name as evaluation_template, m.llm_model_id as evaluation_model, k.n, k.mean,
  k.lowest, k.highest, k.scores, k.variance, k.scale_min, k.scale_max, k.mean_0_to_1, c.combo_id,
  dt.name as draft_template, dm.llm_model_id as draft_model, et.name as essay_template
from (
  select essay_id, rubric_id, evaluator_id, scale_min, scale_max, count(*) as n, avg(score) as mean,
    min(score) as lowest, max(score) as highest, group_concat(score, ' ') as scores, avg(score_0_to_1) as mean_0_to_1,
    case when count(*) > 1 then (max(score) > min(score))
      * max(0.0, (sum(score * score) - count(*) * avg(score) * avg(score)) / (count(*) - 1)) end as variance
  from (select * from scored order by essay_id, rubric_id, evaluator_id, scale_min, scale_max, replicate)
  group by essay_id, rubric_id, evaluator_id, scale_min, scale_max
) k
join generations e on e.id = k.essay_id
left join templates t on t.id = k.rubric_id
left join models m on m.id = k.evaluator_id
left join generations d on d.id = e.parent_id
left join templates et on et.id = e.template_id
left join templates dt on dt.id = d.template_id
left join models dm on dm.id = d.model_id
left join combos c on c.id = d.combo_id;

-- Essays by the mean of the best score that each evaluator (rubric and model) gave, as a share of the scale; in
-- points, too, where all scores of the essay have one scale, which stands beside. Evaluators whose rubric states no
-- scale are counted and left out of the shares. Best first: `order by mean_of_maxima_0_to_1 desc nulls last,
-- mean_of_maxima desc nulls last, essay_gen_id`. Nine digits, so that equal essays are equal and the ID decides.
create view top_essays as
select e.gen_id as essay_gen_id, k.mean_of_maxima_0_to_1, case when k.one_scale then k.points end as mean_of_maxima,
  case when k.one_scale then k.scale_min end as scale_min, case when k.one_scale then k.scale_max end as scale_max,
  k.rubrics, k.evaluators, k.without_scale, k.evaluations, c.combo_id, dt.name as draft_template,
  dm.llm_model_id as draft_model, et.name as essay_template
from (
  select essay_id, round(avg(share), 9) as mean_of_maxima_0_to_1, round(avg(best), 9) as points,
    min(scale_min) as scale_min, max(scale_max) as scale_max, count(distinct rubric_id) as rubrics,
    count(*) as evaluators, count(*) - count(share) as without_scale, sum(n) as evaluations,
    min(scale_min) is max(scale_min) and min(scale_max) is max(scale_max) and count(scale_min) in (0, count(*))
      and (count(scale_min) > 0 or count(distinct rubric_id) < 2) as one_scale
  from (
    select essay_id, rubric_id, evaluator_id, scale_min, scale_max, count(*) as n, max(score) as best,
      max(score_0_to_1) as share
    from scored group by essay_id, rubric_id, evaluator_id, scale_min, scale_max
  ) group by essay_id
) k
join generations e on e.id = k.essay_id
left join generations d on d.id = e.parent_id
left join templates et on et.id = e.template_id
left join templates dt on dt.id = d.template_id
left join models dm on dm.id = d.model_id
left join combos c on c.id = d.combo_id;

-- How far the models agree that judged an essay by one rubric. The class goes by the range of all their scores,
-- replicates included, as a share of the scale: up to 1/9 of it high, 2/9 moderate, 3/9 low, above that poor
-- (DayDreaming's one, two and three points of its scale 0 to 9); `insufficient_data` below two models, `no_scale`
-- where the rubric states none. `range_of_means` compares the models' means, so that replicates do not widen it.
create view agreement as
select e.gen_id as essay_gen_id, t.name as evaluation_template, k.scale_min, k.scale_max, k.evaluators, k.evaluations,
  k.lowest, k.highest, k.range, k.range_of_means, k.range_0_to_1,
  case when k.evaluators < 2 then 'insufficient_data' when k.range_0_to_1 is null then 'no_scale'
    when k.range_0_to_1 <= 1 / 9.0 + 1e-9 then 'high_agreement'
    when k.range_0_to_1 <= 2 / 9.0 + 1e-9 then 'moderate_agreement'
    when k.range_0_to_1 <= 3 / 9.0 + 1e-9 then 'low_agreement' else 'poor_agreement' end as agreement
from (
  select essay_id, rubric_id, scale_min, scale_max, count(*) as evaluators, sum(n) as evaluations,
    min(lowest) as lowest, max(highest) as highest, max(highest) - min(lowest) as range,
    max(mean) - min(mean) as range_of_means, max(share) - min(least) as range_0_to_1
  from (
    select essay_id, rubric_id, evaluator_id, scale_min, scale_max, count(*) as n, avg(score) as mean,
      min(score) as lowest, max(score) as highest, min(score_0_to_1) as least, max(score_0_to_1) as share
    from scored group by essay_id, rubric_id, evaluator_id, scale_min, scale_max
  ) group by essay_id, rubric_id, scale_min, scale_max
) k
join generations e on e.id = k.essay_id
left join templates t on t.id = k.rubric_id;

-- The same over all rubrics of an essay, as its origin did it: an evaluator is a rubric and a model, and all numbers
-- are shares of the rubrics' scales. Scores without a scale are left out.
create view agreement_across_rubrics as
select e.gen_id as essay_gen_id, k.rubrics, k.evaluators, k.evaluations, k.lowest_0_to_1, k.highest_0_to_1,
  k.highest_0_to_1 - k.lowest_0_to_1 as range_0_to_1, k.range_of_means_0_to_1,
  case when k.evaluators < 2 then 'insufficient_data'
    when k.highest_0_to_1 - k.lowest_0_to_1 <= 1 / 9.0 + 1e-9 then 'high_agreement'
    when k.highest_0_to_1 - k.lowest_0_to_1 <= 2 / 9.0 + 1e-9 then 'moderate_agreement'
    when k.highest_0_to_1 - k.lowest_0_to_1 <= 3 / 9.0 + 1e-9 then 'low_agreement'
    else 'poor_agreement' end as agreement
from (
  select essay_id, count(distinct rubric_id) as rubrics, count(*) as evaluators, sum(n) as evaluations,
    min(lowest) as lowest_0_to_1, max(highest) as highest_0_to_1, max(mean) - min(mean) as range_of_means_0_to_1
  from (
    select essay_id, rubric_id, evaluator_id, count(*) as n, avg(score_0_to_1) as mean,
      min(score_0_to_1) as lowest, max(score_0_to_1) as highest
    from scored where score_0_to_1 is not null group by essay_id, rubric_id, evaluator_id
  ) group by essay_id
) k
join generations e on e.id = k.essay_id;

-- Every task with the combo that its draft is about, in numbers: the ground of the matrix below.
create view tasks as
select g.id, g.stage, coalesce(g.combo_id, p.combo_id, d.combo_id) as combo_id, g.template_id, g.model_id,
  g.replicate, g.status
from generations g
left join generations p on p.id = g.parent_id
left join generations d on d.id = p.parent_id;

-- What is there and what is missing: a row for each combo and each (stage, template, model) that any combo has, with
-- its tasks by status. Holes are the rows with no task. `workbench report coverage --cohort` narrows it to a cohort.
create view task_matrix as
with cells as materialized (
  select stage, combo_id, template_id, model_id, count(*) as tasks, sum(status = 'done') as done,
    sum(status = 'planned') as planned, sum(status = 'failed') as failed, sum(status = 'blocked') as blocked
  from tasks group by stage, combo_id, template_id, model_id
)
select p.stage, c.combo_id, t.name as template_id, m.llm_model_id, coalesce(k.tasks, 0) as tasks,
  coalesce(k.done, 0) as done, coalesce(k.planned, 0) as planned, coalesce(k.failed, 0) as failed,
  coalesce(k.blocked, 0) as blocked
from (select distinct stage, template_id, model_id from cells) p
cross join (select distinct combo_id from cells) q
left join cells k
  on k.combo_id is q.combo_id and k.template_id is p.template_id and k.model_id is p.model_id and k.stage = p.stage
left join combos c on c.id = q.combo_id
left join templates t on t.id = p.template_id
left join models m on m.id = p.model_id;

-- How complete each cohort is, stage by stage; a cohort without members has one row without a stage.
create view cohort_progress as
select c.name as cohort, g.stage, count(g.id) as members, coalesce(sum(g.status = 'done'), 0) as done,
  coalesce(sum(g.status = 'planned'), 0) as planned, coalesce(sum(g.status = 'failed'), 0) as failed,
  coalesce(sum(g.status = 'blocked'), 0) as blocked, sum(g.status = 'done') * 1.0 / count(g.id) as done_0_to_1
from cohorts c
left join cohort_members m on m.cohort_id = c.id
left join generations g on g.id = m.generation_id
group by c.id, g.stage;

-- What was paid, by stage, template and model; `model` is the provider's own name of it. Every call counts: `failed`
-- ones that were billed are in `cost` and apart in `failed_cost`. `unpriced` calls have tokens but no known price.
create view costs as
select coalesce(k.stage, 'topics') as stage, t.name as template_id, m.llm_model_id, k.provider, k.model, k.calls,
  k.failed, k.unpriced, k.tokens_in, k.tokens_out, k.cost, k.failed_cost
from (
  select g.stage, g.template_id, g.model_id, k.provider, k.model, count(*) as calls,
    sum(k.status <> 'sent' and k.outcome is not 'ok') as failed, sum(k.cost is null) as unpriced,
    sum(k.tokens_in) as tokens_in, sum(k.tokens_out) as tokens_out, sum(k.cost) as cost,
    sum(case when k.status <> 'sent' and k.outcome is not 'ok' then k.cost end) as failed_cost
  from calls k left join generations g on g.id = k.generation_id
  group by 1, 2, 3, 4, 5
) k
left join templates t on t.id = k.template_id
left join models m on m.id = k.model_id;

-- What the full-text index reads: the texts of each answer.
create view search_source as
select x.id, p.text as prompt, x.raw, case when x.parsed_hash = x.raw_hash then null else x.parsed end as parsed
from contents x left join prompts p on p.hash = x.prompt_hash;
