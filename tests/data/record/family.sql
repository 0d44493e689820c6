-- One small family, with IDs made by the workbench's own function.
insert into topic_models (id, name, kind, created) values (1, 'sea', 'tree', '2026-01-01T00:00:00.000Z');
insert into topics (id, topic_model_id, uuid, title, depth, leaf, place) values
  (1, 1, '00000000-0000-4000-8000-000000000001', 'The sea', 0, 0, 1),
  (2, 1, '00000000-0000-4000-8000-000000000002', 'Lighthouses', 1, 1, 2),
  (3, 1, '00000000-0000-4000-8000-000000000003', 'Tides', 1, 1, 3);
insert into topic_edges (parent_id, child_id, place, main) values (1, 2, 1, 1), (1, 3, 2, 1);
insert into combos (id, combo_id, topic_id) values
  (1, '00000000-0000-4000-8000-000000000002', 2), (2, '00000000-0000-4000-8000-000000000003', 3);
insert into templates (id, stage, name) values (1, 'draft', 'story'), (2, 'essay', 'polish'), (3, 'evaluation', 'rubric');
insert into template_versions (id, template_id, hash, text, mode, created) values
  (1, 1, content_hash('t1'), 'Write about {{ topic }}.', 'llm', '2026-01-01T00:00:00.000Z'),
  (2, 2, content_hash('t2'), 'Polish {{ draft_block }}.', 'llm', '2026-01-01T00:00:00.000Z'),
  (3, 3, content_hash('t3'), 'Judge {{ response }}.', 'llm', '2026-01-01T00:00:00.000Z');
update templates set version_id = id;
insert into models (id, llm_model_id) values (1, 'offline-a');
insert into model_versions (id, model_id, hash, provider, name, parameters, created) values
  (1, 1, content_hash('m1'), 'offline', 'a', '{}', '2026-01-01T00:00:00.000Z');
update models set version_id = 1;
insert into cohorts (id, name, mode, created) values (1, 'spring', 'spec', '2026-01-01T00:00:00.000Z');

insert into generations (id, gen_id, stage, combo_id, template_id, model_id, replicate, status, outcome, created) values
  (1, gen_id('draft', '00000000-0000-4000-8000-000000000002', 'story', 'offline-a', 1), 'draft', 1, 1, 1, 1,
    'planned', null, '2026-01-01T00:00:01.000Z'),
  (2, gen_id('draft', '00000000-0000-4000-8000-000000000003', 'story', 'offline-a', 1), 'draft', 2, 1, 1, 1,
    'failed', 'truncated', '2026-01-01T00:00:02.000Z');
insert into generations (id, gen_id, stage, parent_id, template_id, model_id, replicate, status, created)
select 3, gen_id('essay', gen_id, 'polish', 1), 'essay', 1, 2, 1, 1, 'planned', '2026-01-01T00:00:03.000Z'
from generations where id = 1;
insert into generations (id, gen_id, stage, parent_id, template_id, model_id, replicate, status, created)
select 4, gen_id('essay', gen_id, 'polish', 2), 'essay', 1, 2, 1, 2, 'planned', '2026-01-01T00:00:04.000Z'
from generations where id = 1;
insert into generations (id, gen_id, stage, parent_id, template_id, model_id, replicate, status, created)
select 5, gen_id('evaluation', gen_id, 'rubric', 'offline-a', 1), 'evaluation', 3, 3, 1, 1, 'planned',
  '2026-01-01T00:00:05.000Z'
from generations where id = 3;

insert into prompts (hash, text) values (content_hash('Write about Lighthouses.'), 'Write about Lighthouses.');
insert into contents (id, generation_id, revision, hash, outcome, prompt_hash, raw_hash, parsed_hash, raw, parsed,
  finish_reason, parent_content_id, template_version_id, model_version_id, created) values
  (1, 1, 1, content_hash('c1'), 'ok', content_hash('Write about Lighthouses.'), content_hash('The lamp turned.'),
    content_hash('The lamp turned.'), 'The lamp turned.', null, 'stop', null, 1, 1, '2026-01-01T00:00:06.000Z'),
  (2, 3, 1, content_hash('c2'), 'ok', null, content_hash('r2'), content_hash('p2'),
    'Here it is: The lamp turned slowly.', 'The lamp turned slowly.', 'stop', 1, 2, 1, '2026-01-01T00:00:07.000Z'),
  (3, 4, 1, content_hash('c3'), 'ok', null, content_hash('The lamp went dark.'), content_hash('The lamp went dark.'),
    'The lamp went dark.', null, 'stop', 1, 2, 1, '2026-01-01T00:00:08.000Z'),
  (4, 5, 1, content_hash('c4'), 'ok', null, content_hash('SCORE: 7.5'), content_hash('SCORE: 7.5'), 'SCORE: 7.5',
    null, 'stop', 2, 3, 1, '2026-01-01T00:00:09.000Z'),
  (5, 2, 1, content_hash('c5'), 'truncated', null, content_hash('Ti'), null, 'Ti', null, 'length', null, 1, 1,
    '2026-01-01T00:00:10.000Z');
update generations set content_id = (select x.id from contents x where x.generation_id = generations.id);
update generations set status = 'done', outcome = 'ok' where id <> 2;
insert into scores (generation_id, content_id, score, scale_min, scale_max) values (5, 4, 7.5, 0, 9);
insert into cohort_members (cohort_id, generation_id, place) select 1, id, id from generations where id <> 4;

insert into runs (id, job, config, status, version, started, ended, done, failed, calls) values
  (1, 'cohort spring', '{}', 'done', '0.1.0', '2026-01-01T00:00:01.000Z', '2026-01-01T00:00:11.000Z', 4, 1, 5);
insert into calls (run_id, generation_id, attempt, provider, model, started, latency_ms, status, outcome) values
  (1, 1, 1, 'offline', 'a', '2026-01-01T00:00:05.000Z', 12.5, 'answered', 'ok');
insert into events (run_id, at, event, data) values
  (1, '2026-01-01T00:00:01.000Z', 'generation_start', '{"unique_topics": 2, "total_samples": 2}'),
  (1, '2026-01-01T00:00:11.000Z', 'generation_complete', '{"total_samples": 1, "failed_samples": 1}'),
  (null, '2026-01-01T00:00:12.000Z', 'alert', '{"kind": "collision"}');
insert into alerts (id, kind, facts, blocking, generation_id, at) values
  (1, 'collision', '{"other": "d_x"}', 1, 2, '2026-01-01T00:00:12.000Z');
insert into migrations (id, kind, plan, state, at, version) values
  (1, 'ids', '{}', 'applied', '2026-01-01T00:00:13.000Z', '0.1.0');
insert into migration_map (migration_id, generation_id, stage, old_id, new_id, status)
select 1, id, stage, 'Old-Draft-1', gen_id, 'migrate' from generations where id = 1;
