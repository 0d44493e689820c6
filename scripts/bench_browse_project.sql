-- The record of scripts/bench_browse_project.py: texts come from pool, latencies from spans.

create temp table n (i integer primary key);
insert into n with recursive n (i) as (select 0 union all select i + 1 from n where i < :most) select i from n;

-- Topics, combos, templates, models.
insert into topic_models (id, name, kind, created)
  values (1, 'encyclopedia', 'tree', :at), (2, 'links', 'graph', :at);
insert into topics (id, topic_model_id, uuid, title, depth, leaf, place)
  select i + 1, 1, printf('00000000-0000-5000-8000-%012x', i),
    case when i = 0 then 'Everything' else (select word from words where id = i * 7 % :words) || ' and '
      || (select word from words where id = i / 3 % :words) || ' ' || i end,
    case when i = 0 then 0 when i <= 20 then 1 when i <= 420 then 2 else 3 end, i > 420, i
  from n where i <= 420 + :leaves;
insert into topic_edges (parent_id, child_id, place, main)
  select case when i <= 20 then 1 when i <= 420 then (i - 1) % 20 + 2 else (i - 1) % 400 + 22 end, i + 1, i, 1
  from n where i between 1 and 420 + :leaves;
insert into topics (topic_model_id, uuid, title, depth, leaf, place)
  select 2, printf('00000000-0000-5000-9000-%012x', i), 'node ' || i, case when i = 0 then 0 else 1 + i % 4 end,
    i % 4 = 3, i from n where i < 200;
insert into topic_edges (parent_id, child_id, place, main)
  select p.id, t.id, t.place, 1 from topics t join topics p on p.topic_model_id = 2 and p.depth = t.depth - 1
    and p.place = (select min(place) from topics q where q.topic_model_id = 2 and q.depth = t.depth - 1
      and q.place >= t.place / 3) where t.topic_model_id = 2;
insert into combos (id, combo_id, topic_id) select id, uuid, id from topics where topic_model_id = 1 and leaf = 1;
insert into templates (id, stage, name, description) values (1, 'draft', 'qa', 'A question and its answer'),
  (2, 'draft', 'plain', ''), (3, 'draft', 'long', ''), (4, 'essay', 'polish', ''),
  (5, 'evaluation', 'novelty', 'How new it is'), (6, 'evaluation', 'style', 'How well it is written');
insert into template_versions (id, template_id, hash, text, mode, parser, scale_min, scale_max, created)
  select id, id, content_hash(name), 'Write about { topic }}.', 'llm', case stage when 'evaluation' then 'score'
    else '' end, case stage when 'evaluation' then 0 end, case stage when 'evaluation' then 9 end, :at from templates;
update templates set version_id = id;
insert into models (id, llm_model_id, price_in, price_out) values (1, 'writer-a', 1.5, 6), (2, 'writer-b', 0.5, 2),
  (3, 'judge-a', 3, 15), (4, 'judge-b', 0.5, 2);
insert into model_versions (id, model_id, hash, provider, name, parameters, created)
  select id, id, content_hash(llm_model_id), 'bench', llm_model_id, '{"temperature": 0.8}', :at from models;
update models set version_id = id;
insert into replication (stage, replicates) values ('draft', 2), ('essay', 1), ('evaluation', 2);

-- Generations of samples over the topics, and of a cohort through three stages.
insert into generations (gen_id, stage, combo_id, template_id, model_id, replicate, status, created, place)
  select gen_id('draft', c.combo_id, 'qa', 'writer-a', 1 + n.i / :leaves), 'draft', c.id, 1, 1, 1 + n.i / :leaves,
    'planned', :at, n.i % :leaves from n join combos c on c.id = 422 + n.i % :leaves where n.i < :samples;
insert into generations (gen_id, stage, combo_id, template_id, model_id, replicate, status, created)
  select gen_id('draft', c.combo_id, t.name, m.llm_model_id, 1), 'draft', c.id, t.id, m.id, 1, 'planned', :at
  from n join combos c on c.id = 422 + n.i / 2 join templates t on t.id = 2 + n.i % 2
    join models m on m.id = 1 + n.i / 2 % 2 where n.i < :drafts;
insert into generations (gen_id, stage, parent_id, template_id, model_id, replicate, status, created)
  select gen_id('essay', gen_id, 'polish', 1), 'essay', id, 4, 1, 1, 'planned', :at
  from generations where template_id in (2, 3);
insert into generations (gen_id, stage, parent_id, template_id, model_id, replicate, status, created)
  select gen_id('evaluation', g.gen_id, t.name, m.llm_model_id, r.replicate), 'evaluation', g.id, t.id, m.id,
    r.replicate, 'planned', :at
  from generations g join templates t on t.id in (5, 6) join models m on m.id in (3, 4)
    join (select 1 as replicate union all select 2) r where g.template_id = 4 and g.id % 2;
insert into cohorts (id, name, mode, spec, settings, created) values (1, 'pilot', 'spec', 'axes: {}', '{}', :at);
insert into cohort_members (cohort_id, generation_id, place, allocated)
  select 1, id, row_number() over (order by id), 1 from generations where template_id > 1;
update generations set origin_cohort_id = 1 where template_id > 1;
create temp table ends as select id, case when id % 97 = 0 then 'failed' when template_id = 1 and id > :samples * 0.97
  or stage = 'evaluation' and id % 31 = 0 then 'planned' else 'done' end as status from generations;
create unique index temp.ends_id on ends (id);

-- Prompts, and what is answered.
insert into prompts (hash, system, text)
  select content_hash('p' || c.id || t.name), 'You write for a garden encyclopedia.', t.name || ': write about '
    || (select title from topics where id = c.topic_id) || '. '
    || substr((select text from pool where id = c.id % :pool), 1, 300)
  from combos c join templates t on t.id = 1 or t.id in (2, 3) and c.id < 422 + :drafts / 2 + 1;
insert into prompts (hash, system, text)
  select content_hash('q' || id || stage), '', stage || ' of this text: '
    || (select text from pool where id = g.parent_id % :pool)
  from generations g where stage <> 'draft';
-- An essay's own worth, the judge's and the rubric's leaning, and noise, in half points.
create temp table marks (id integer primary key, score real);
insert into marks
  select id, min(9, max(0, round(2 * ((parent_id * 7919 % 97 + parent_id * 104729 % 89) / 31.0 + 1.2
    + (model_id = 3) * 0.5 + (template_id = 6) * 0.9 + (id * 48271 % 101 + id * 16807 % 103 - 102) / 75.0)) / 2))
  from generations where stage = 'evaluation';
create temp table answers as
  select g.id as generation_id, row_number() over (order by g.id) as place, g.stage, g.template_id,
    g.model_id, e.status,
    coalesce(content_hash('p' || g.combo_id || t.name), content_hash('q' || g.id || g.stage)) as prompt_hash,
    case when g.stage = 'evaluation' then 'REASONING: ' || p.text || ' SCORE: ' || s.score
      else p.text || ' (' || g.id || ')' end as raw, s.score || '' as parsed
  from generations g left join marks s on s.id = g.id join ends e on e.id = g.id
    join templates t on t.id = g.template_id
    join pool p on p.id = g.id * 31 % :pool where e.status <> 'planned';

-- Runs, calls, answers, scores.
insert into runs (id, job, config, status, version, started) select i + 1, 'generate encyclopedia',
  '{"topics": "encyclopedia", "concurrency": 16}', 'done', '0.1.0',
  strftime('%Y-%m-%dT%H:%M:%fZ', '2026-01-01', (i * 3) || ' hours')
  from n where i <= (select max(place) from answers) / :run;
insert into calls (run_id, generation_id, attempt, provider, model, started, latency_ms, status, outcome,
    http_status, error)
  select 1 + place / :run, generation_id, 1, 'bench', 'model-' || model_id,
    strftime('%Y-%m-%dT%H:%M:%fZ', '2026-01-01', (place / :run * 3) || ' hours',
      ((place % :run) * 0.075) || ' seconds'),
    120 + s.ms / 10, 'failed', case when generation_id % 3 then 'rate_limited' else 'timeout' end,
    case when generation_id % 3 then 429 end, 'slow down' from answers a join spans s on s.id = a.place % :spans
  where generation_id % 50 = 0;
insert into calls (run_id, generation_id, attempt, provider, model, started, latency_ms, status, outcome, http_status,
    tokens_in, tokens_out, cost, body)
  select 1 + place / :run, generation_id, 1 + (generation_id % 50 = 0), 'bench', 'model-' || model_id,
    strftime('%Y-%m-%dT%H:%M:%fZ', '2026-01-01', (place / :run * 3) || ' hours', ((place % :run) * 0.075
      + (generation_id % 50 = 0) * 2) || ' seconds'),
    s.ms, 'answered', case status when 'done' then 'ok' else 'refused' end, 200, 90, 240, 0.0018, zeroblob(200)
  from answers a join spans s on s.id = a.place * 7 % :spans;
insert into contents (generation_id, revision, hash, outcome, prompt_hash, raw_hash, parsed_hash, raw, parsed,
    finish_reason, tokens_in, tokens_out, template_version_id, model_version_id, call_id, created)
  select a.generation_id, 1, content_hash(a.generation_id || a.raw),
    case a.status when 'done' then 'ok' else 'refused' end,
    a.prompt_hash, content_hash(a.raw), content_hash(coalesce(a.parsed, a.raw)), a.raw, a.parsed, 'stop', 90, 240,
    a.template_id, a.model_id, k.id, :at
  from answers a join calls k on k.generation_id = a.generation_id and k.status = 'answered' order by a.place;
insert into contents (generation_id, revision, hash, outcome, prompt_hash, raw_hash, parsed_hash, raw, created)
  select generation_id, 2, content_hash(hash || 2), outcome, prompt_hash, content_hash('Anew. ' || raw),
    content_hash('Anew. ' || raw), 'Anew. ' || raw, :at
  from contents where generation_id % 1000 = 0 and parsed is null;
update generations set content_id = (select x.id from contents x where x.generation_id = generations.id
  order by x.revision desc limit 1), status = e.status,
  outcome = case e.status when 'done' then 'ok' else 'refused' end
  from ends e where e.id = generations.id and e.status <> 'planned';
update generations set ready = 1 where status = 'planned';
insert into scores (generation_id, content_id, score, scale_min, scale_max)
  select g.id, x.id, x.parsed, 0, 9 from generations g join contents x on x.id = g.content_id
  where g.stage = 'evaluation' and g.status = 'done';
update runs set (calls, done, failed, tokens_in, tokens_out, cost, ended) = (
  select count(*), total(outcome = 'ok'), total(outcome = 'refused'), total(tokens_in), total(tokens_out), total(cost),
    max(started) from calls k where k.run_id = runs.id);

-- Events, alerts, migrations.
update runs set status = 'running', ended = null, slot = 1 where id = (select max(id) from runs);
update runs set status = 'failed' where id = 2;
insert into events (run_id, at, event, data)
  select id, started, 'generation_start', '{"concurrency": 16}' from runs;
insert into events (run_id, at, event, data)
  select run_id, started, 'retry', '{"outcome": "' || outcome || '", "wait": 2.0}'
  from calls where status = 'failed';
insert into events (run_id, at, event, data)
  select run_id, started, 'sample_failed', '{"outcome": "refused"}'
  from calls where outcome = 'refused';
insert into events (run_id, at, event, data)
  select id, ended, 'generation_complete', '{}' from runs where ended is not null;
insert into alerts (kind, facts, blocking, at) values ('drift', '{"template": "qa"}', 0, :at),
  ('collision', json_object('gen_id', (select gen_id from generations where id = 7)), 1, :at);
insert into migrations (kind, plan, changes, state, at, version, digest_before, digest_after)
  values ('ids', '{"to_scheme": "v1"}', '{"draft": {"migrate": 20000}}', 'applied', :at,
    '0.1.0',
    content_hash('before'), content_hash('after')),
  ('rename', '{"template": ["question", "qa"]}', '{}', 'rolled back', :at, '0.1.0', content_hash('after'),
    content_hash('x'));
insert into migration_map (migration_id, generation_id, stage, old_id, new_id, status, reason)
  select 1, id, stage, 'doc_' || id, gen_id, 'migrate',
    case when id % 9 then 'legacy id' else '' end from generations where id <= 20000;
insert into migration_problems (migration_id, severity, stage, place, code, detail)
  select 1, case i % 3 when 0 then 'error' when 1 then 'warning' else 'info' end, 'draft', 'doc_' || i,
    'missing_parent', 'no draft of this name' from n where i < 60;
