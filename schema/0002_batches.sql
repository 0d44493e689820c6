-- Calls that are handed to a provider as files, to be answered within a day at a lower price.

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
