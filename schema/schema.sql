-- A workbench project: one SQLite file for text that was made with language models.
--
-- How to read it. What is written about is a *combo*: one topic of a topic model, or a set of
-- concepts. A *generation* is one task and its result, in three stages: a draft of a combo, an essay
-- from a draft, an evaluation of an essay. What identifies a task is its signature (combo, template,
-- model, replicate, or the parent instead of the combo), and `gen_id` is a pure function of it.
-- Inside the file a generation is a number, `generations.id`, which never changes; its public name
-- `gen_id` may be rewritten by a migration, and old ones stay known in `migration_map`.
--
-- The texts lie apart, in `contents`: append-only, one row for each answer that a generation ever
-- got, with `generations.content_id` pointing at the current one. Start with the views:
-- `generation_texts` (rows with their texts), `completions`, `coverage`, `lineage`, `costs`.
--
-- JSON columns are written by the workbench and not checked here: older SQLite refuses JSON functions in
-- a schema that it does not trust. All times are ISO 8601 in UTC, for display only. All hashes are BLAKE2b in hex.
-- This page is the sum of the numbered steps beside it; views stand in views.sql.

-- What the project is: name, uuid, scheme (how IDs are made), created, version (who wrote it last).
create table project (
  id integer primary key,
  key text not null unique,
  value text not null
) strict;

-- Trees and graphs of topics.
create table topic_models (
  id integer primary key autoincrement,
  name text not null collate nocase unique,
  kind text not null check (kind in ('tree', 'graph')),
  leaves_only integer not null default 0 check (leaves_only in (0, 1)), -- graphs: only leaves are written about
  growth text,             -- how it is grown by a model; null when it was read
  created text not null
) strict;

-- One node of a topic model. A uuid names the same topic in every file.
create table topics (
  id integer primary key autoincrement,
  topic_model_id integer not null references topic_models (id),
  uuid text not null collate nocase,
  title text not null,
  depth integer not null check (depth >= 0),
  leaf integer not null check (leaf in (0, 1)),
  place integer not null,                                               -- order of the topic in its model
  growth text check (growth in ('pending', 'done', 'failed')),          -- of models that are grown: are its children known?
  unique (topic_model_id, uuid)
) strict;
create index topics_uuid on topics (uuid);
create index topics_place on topics (topic_model_id, place);
create index topics_growth on topics (topic_model_id, growth, depth, place) where growth is not null;

-- Who hangs below whom. `main` marks the edge on the path that a topic is prompted with.
create table topic_edges (
  id integer primary key autoincrement,
  parent_id integer not null references topics (id),
  child_id integer not null references topics (id),
  place integer not null,
  main integer not null check (main in (0, 1)),
  unique (parent_id, child_id)
) strict;
create unique index topic_edges_main on topic_edges (child_id) where main = 1;
create index topic_edges_child on topic_edges (child_id);

-- IDs that other programs gave to a topic.
create table topic_aliases (
  id integer primary key autoincrement,
  topic_id integer not null references topics (id),
  alias text not null,
  unique (alias, topic_id)
) strict;
create index topic_aliases_topic on topic_aliases (topic_id);

-- Topics that could not be grown, by us or by the program whose file was read; detail is verbatim.
create table topic_failures (
  id integer primary key autoincrement,
  topic_model_id integer not null references topic_models (id),
  topic_id integer references topics (id),
  detail text not null,
  at text not null
) strict;
create index topic_failures_model on topic_failures (topic_model_id);
create index topic_failures_topic on topic_failures (topic_id);

-- Named ideas with descriptions at three levels.
create table concepts (
  id integer primary key autoincrement,
  concept_id text not null collate nocase unique,
  name text not null,
  sentence text,
  paragraph text,
  article text
) strict;

-- What a draft is about: a topic (combo_id is its uuid), a set of concepts at a level, or 'none'.
create table combos (
  id integer primary key autoincrement,
  combo_id text not null collate nocase unique,
  topic_id integer references topics (id),
  level text check (level in ('sentence', 'paragraph', 'article', 'name')),
  k integer                                                             -- the largest set of the selection it came from
) strict;
create index combos_topic on combos (topic_id);

create table combo_members (
  id integer primary key autoincrement,
  combo_id integer not null references combos (id),
  concept_id integer not null references concepts (id),
  place integer not null,
  unique (combo_id, concept_id)
) strict;
create index combo_members_concept on combo_members (concept_id);

-- Prompt templates by stage and name; the text is in the version.
create table templates (
  id integer primary key autoincrement,
  stage text not null check (stage in ('draft', 'essay', 'evaluation', 'topics')),
  name text not null collate nocase,
  description text not null default '',
  version_id integer references template_versions (id),                 -- the text that new work uses
  source text,                                                          -- the file it was read from, to report drift
  unique (stage, name)
) strict;
create index templates_version on templates (version_id);

-- Every text that a template ever had. Generations name the version that they were made with.
create table template_versions (
  id integer primary key autoincrement,
  template_id integer not null references templates (id),
  hash text not null,                                                   -- over everything that shapes prompt and parse
  text text not null,                                                   -- Jinja2
  mode text not null check (mode in ('llm', 'copy')),
  parser text not null default '',
  system text not null default '',
  minimum_lines integer not null default 0,
  scale_min real,
  scale_max real,
  schema text,             -- JSON Schema of structured answers
  created text not null,
  unique (template_id, hash)
) strict;

-- The catalogue of models. No URL that a key would follow, and no key, is ever stored.
create table models (
  id integer primary key autoincrement,
  llm_model_id text not null collate nocase unique,
  display_name text not null default '',
  version_id integer references model_versions (id),
  price_in real,                                                        -- money per million tokens in
  price_out real                                                        -- money per million tokens out
) strict;
create index models_version on models (version_id);

-- Every setting that a model ever had here.
create table model_versions (
  id integer primary key autoincrement,
  model_id integer not null references models (id),
  hash text not null,
  provider text not null,                                               -- the alias that is bound on each machine
  name text not null,                                                   -- the provider's own name of the model
  parameters text not null,
  created text not null,
  unique (model_id, hash)
) strict;

-- Named sets of generations with what selected them.
create table cohorts (
  id integer primary key autoincrement,
  name text not null collate nocase unique,
  mode text not null,                                                   -- spec, imported, or how it was curated
  spec text,                                                            -- the spec's own text
  settings text,       -- seed, limits, what curated it
  created text not null
) strict;

-- The files that a spec includes, so that this file alone can compile it again.
create table cohort_files (
  id integer primary key autoincrement,
  cohort_id integer not null references cohorts (id),
  path text not null,
  text text not null,
  hash text not null,
  unique (cohort_id, path)
) strict;

-- One task and, once run, its result. Parent: the draft of an essay, the essay of an evaluation.
create table generations (
  id integer primary key autoincrement,                                 -- inside the file; never reused, never migrated
  gen_id text not null,                                                 -- the public ID; unique by index, since rewrites swap IDs
  stage text not null check (stage in ('draft', 'essay', 'evaluation')),
  combo_id integer references combos (id),                              -- drafts
  parent_id integer references generations (id),                        -- essays and evaluations
  template_id integer references templates (id),
  model_id integer references models (id),                              -- essays: who writes it, though no part of the signature
  replicate integer check (replicate >= 1),                             -- 1-based; cycle + 1
  status text not null check (status in ('planned', 'blocked', 'done', 'failed')),
  ready integer not null default 0 check (ready in (0, 1)),             -- may be sent now: wanted, and its parent is done
  outcome text,                                                         -- of the last answer, or why it is blocked
  content_id integer references contents (id),                          -- the current text
  origin_cohort_id integer references cohorts (id),
  place integer not null default 0,                                     -- order of work within a replicate: the topic's place
  legacy integer not null default 0 check (legacy in (0, 1)),           -- imported under an ID that is no function of its signature
  synthetic integer not null default 0 check (synthetic in (0, 1)),     -- made by a migration or by the offline model
  created text not null,
  check (legacy = 1 or (template_id is not null and replicate is not null
    and gen_id glob case stage when 'draft' then 'd_[0-9a-z]*' when 'essay' then 'e_[0-9a-z]*' else 'v_[0-9a-z]*' end)),
  check (legacy = 1 or (stage = 'draft') = (combo_id is not null)),
  check (legacy = 1 or (stage <> 'draft') = (parent_id is not null)),
  check (legacy = 1 or stage = 'essay' or model_id is not null),
  check (status <> 'done' or content_id is not null)
) strict;
create unique index generations_gen_id on generations (gen_id);
create unique index generations_draft on generations (combo_id, template_id, model_id, replicate)
  where stage = 'draft' and legacy = 0;
create unique index generations_essay on generations (parent_id, template_id, replicate)
  where stage = 'essay' and legacy = 0;
create unique index generations_evaluation on generations (parent_id, template_id, model_id, replicate)
  where stage = 'evaluation' and legacy = 0;
create index generations_ready on generations (stage, template_id, model_id, replicate, place) where ready = 1;
create index generations_parent on generations (parent_id) where parent_id is not null;
create index generations_combo on generations (combo_id) where combo_id is not null;
create index generations_status on generations (stage, status);
create index generations_template on generations (template_id);
create index generations_model on generations (model_id);
create index generations_outcome on generations (outcome) where outcome <> 'ok';
create index generations_cohort on generations (origin_cohort_id) where origin_cohort_id is not null;
create index generations_content on generations (content_id);

-- Prompts, stored once however many calls share them.
create table prompts (
  id integer primary key autoincrement,
  hash text not null unique,                                            -- over system and text
  system text not null default '',
  text text not null
) strict;

-- The answers of a generation, append-only. The current one: a good one before a bad one, then the
-- highest revision, then the greatest hash; a pure function of the set, so that merges agree.
create table contents (
  id integer primary key autoincrement,
  generation_id integer not null references generations (id),
  revision integer not null,                                            -- 1 for the first answer; a forced re-run adds one
  hash text not null,                                                   -- over outcome, prompt, raw, parsed and the parent's text
  outcome text not null,                                                -- ok, or why it cannot be used
  detail text,
  prompt_hash text,
  raw_hash text,
  parsed_hash text,
  raw text,                                                             -- the answer's text, cleaned when lossy
  parsed text,                                                          -- null when it failed, or when it is the raw text (same hash)
  lossy integer not null default 0 check (lossy in (0, 1)),
  truncated integer not null default 0 check (truncated in (0, 1)),
  synthetic integer not null default 0 check (synthetic in (0, 1)),     -- written by the offline model or by a migration
  finish_reason text,
  tokens_in integer,
  tokens_out integer,
  parent_content_id integer references contents (id),                   -- the parent's text that it was made from
  template_version_id integer references template_versions (id),
  model_version_id integer references model_versions (id),
  call_id integer references calls (id),
  created text not null,
  unique (generation_id, revision, hash)
) strict;
create index contents_parent on contents (parent_content_id) where parent_content_id is not null;

-- One execution of a command that calls models.
create table runs (
  id integer primary key autoincrement,
  job text not null,                                                    -- what it works on; caps hold across the runs of a job
  config text not null,
  status text not null check (status in ('running', 'done', 'failed', 'stopped', 'interrupted', 'lost')),
  slot integer,                                                         -- the live process, while running
  version text not null,
  started text not null,
  ended text,
  done integer not null default 0,
  failed integer not null default 0,
  skipped integer not null default 0,
  calls integer not null default 0,
  tokens_in integer not null default 0,
  tokens_out integer not null default 0,
  cost real not null default 0
) strict;
create index runs_job on runs (job);

-- One call to a model, written before it is sent; `sent` with no live process means: outcome unknown.
create table calls (
  id integer primary key autoincrement,
  run_id integer references runs (id),
  generation_id integer references generations (id),
  topic_id integer references topics (id),                              -- or the topic whose growth it serves
  attempt integer not null,
  provider text not null,
  model text not null,
  started text not null,
  latency_ms real,
  status text not null check (status in ('sent', 'answered', 'failed', 'unknown')),
  outcome text,
  http_status integer,
  tokens_in integer,
  tokens_out integer,
  cost real,
  error text,
  body blob                                                             -- as it came, before it was judged
) strict;
create index calls_generation on calls (generation_id) where generation_id is not null;
create index calls_topic on calls (topic_id) where topic_id is not null;
create index calls_run on calls (run_id);

-- What a live process works on; a slot is a locked byte of the sibling lock file.
create table claims (
  id integer primary key autoincrement,
  slot integer not null,
  generation_id integer references generations (id),
  topic_id integer references topics (id),
  check ((generation_id is null) <> (topic_id is null))
) strict;
create unique index claims_generation on claims (generation_id) where generation_id is not null;
create unique index claims_topic on claims (topic_id) where topic_id is not null;

create table events (
  id integer primary key autoincrement,
  run_id integer references runs (id),
  at text not null,
  event text not null,
  data text not null
) strict;
create index events_run on events (run_id);

-- Files of calls that a provider answers within a day. The uuid is in the file's name and in the batch's metadata
-- over there, so that after a kill it is found before anything is sent a second time.
create table batches (
  id integer primary key autoincrement,
  uuid text not null unique,
  run_id integer not null references runs (id),                         -- the run that put it together; its job is charged
  provider text not null,
  model text not null,                                                  -- a file asks one model, by the provider's name for it
  state text not null check (state in ('filling', 'uploading', 'uploaded', 'submitting', 'submitted', 'ended', 'given up')),
  slot integer,                                                         -- the live process that works on it at this moment
  requests integer not null default 0,
  bytes integer not null default 0,
  file_id text,                                                         -- the provider's own IDs of file and batch
  remote_id text,
  status text,                                                          -- the provider's last word on it
  error text,
  created text not null,
  submitted text,
  ended text
) strict;
create index batches_open on batches (id) where state not in ('ended', 'given up');
create index batches_run on batches (run_id);

-- The calls of a batch. While a line is open its task is in flight, for hours and without a live process, and nobody
-- else may send it. When it closes without an answer that counts, the task is what it was before: still to be sent.
create table batch_lines (
  id integer primary key autoincrement,
  batch_id integer not null references batches (id),
  generation_id integer not null references generations (id),
  call_id integer references calls (id),
  custom_id text not null,                                              -- the task's public ID when the line was written
  open integer not null check (open in (0, 1)),
  request text,                                                         -- the line as it is sent; dropped once it was
  prompt_hash text not null,
  template_version_id integer not null references template_versions (id),
  model_version_id integer references model_versions (id),
  parent_content_id integer references contents (id),
  reserved real,                                                        -- the most that it may cost, for caps
  unique (batch_id, custom_id)
) strict;
create unique index batch_lines_open on batch_lines (generation_id) where open = 1;
create index batch_lines_generation on batch_lines (generation_id);
create index batch_lines_call on batch_lines (call_id) where call_id is not null;
create index batch_lines_parent on batch_lines (parent_content_id) where parent_content_id is not null;

-- What an evaluation's text says, as a number on its template's scale.
create table scores (
  id integer primary key autoincrement,
  generation_id integer not null references generations (id),
  content_id integer not null unique references contents (id),
  score real,
  scale_min real,
  scale_max real,
  detail text
) strict;
create index scores_generation on scores (generation_id);

create table cohort_members (
  id integer primary key autoincrement,
  cohort_id integer not null references cohorts (id),
  generation_id integer not null references generations (id),
  place integer not null,
  allocated integer not null default 0 check (allocated in (0, 1)),     -- its replicate was chosen by this cohort
  unique (cohort_id, generation_id)
) strict;
create index cohort_members_generation on cohort_members (generation_id);

-- How many replicates one cohort build may allocate for a signature, by stage.
create table replication (
  id integer primary key,
  stage text not null unique check (stage in ('draft', 'essay', 'evaluation')),
  replicates integer not null check (replicates >= 1)
) strict;

-- Recorded, reversible rewrites; imports and merges are among them.
create table migrations (
  id integer primary key autoincrement,
  kind text not null,
  plan text not null,
  changes text not null default '{}',
  state text not null check (state in ('applied', 'rolled back')),
  by text not null default '',
  at text not null,
  rolled_back_at text,
  version text not null,
  snapshot text,
  digest_before text,
  digest_after text,
  digest_without_ids text
) strict;

-- Old to new ID of each row that a migration looked at. Old IDs resolve for ever.
create table migration_map (
  id integer primary key autoincrement,
  migration_id integer not null references migrations (id),
  generation_id integer references generations (id),
  stage text not null,
  old_id text not null,
  new_id text not null,
  status text not null check (status in ('migrate', 'unchanged', 'synthetic', 'blocked')),
  reason text not null default ''
) strict;
create index migration_map_migration on migration_map (migration_id);
create index migration_map_old on migration_map (old_id);
create index migration_map_generation on migration_map (generation_id);

create table migration_problems (
  id integer primary key autoincrement,
  migration_id integer not null references migrations (id),
  severity text not null check (severity in ('error', 'warning', 'info')),
  stage text not null default '',
  place text not null,                                                  -- the row: an ID, or file:line
  code text not null,
  detail text not null default ''
) strict;
create index migration_problems_migration on migration_problems (migration_id, severity, code);

-- Rows as they were before and after a migration, replayed backwards by its rollback.
create table migration_images (
  id integer primary key autoincrement,
  migration_id integer not null references migrations (id),
  table_name text not null,
  row_id integer not null,
  before text,                                                          -- null: the row was made
  after text                                                            -- null: the row was removed
) strict;
create index migration_images_migration on migration_images (migration_id);

-- Files that were read, and where each row came from, with its metadata verbatim.
create table imports (
  id integer primary key autoincrement,
  migration_id integer references migrations (id),
  kind text not null,
  source text not null,
  hash text,
  at text not null
) strict;
create index imports_migration on imports (migration_id);

create table import_rows (
  id integer primary key autoincrement,
  import_id integer not null references imports (id),
  generation_id integer references generations (id),
  topic_id integer references topics (id),
  place text not null,                                                  -- file:line or file
  name text not null default '',                                        -- which metadata, when a row has several
  metadata text not null                                                -- verbatim, even when it is not valid JSON
) strict;
create index import_rows_import on import_rows (import_id);
create index import_rows_generation on import_rows (generation_id) where generation_id is not null;
create index import_rows_topic on import_rows (topic_id) where topic_id is not null;

-- What a person must look at; a blocking one stops the work that it concerns.
create table alerts (
  id integer primary key autoincrement,
  kind text not null,
  facts text not null,
  blocking integer not null check (blocking in (0, 1)),
  generation_id integer references generations (id),
  at text not null,
  acknowledged text                                                     -- when; null while it is open
) strict;
create index alerts_generation on alerts (generation_id) where generation_id is not null;

-- Full text of prompts and answers, kept in step by the writer up to project key 'searched'.
create virtual table search using fts5 (
  prompt, raw, parsed, content='search_source', content_rowid='id', tokenize='porter unicode61'
);
