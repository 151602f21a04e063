-- The tables of definitions, runs, workers, events and logs.
-- Keys inside are bigints; the text ids of the API are columns with a unique index. Times are timestamptz by the
-- database clock. Every change of a run or its instances raises dag_runs.sequence, the guard of each write.

CREATE TABLE dags (
  dag_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  dag_id text NOT NULL UNIQUE,
  active_version_key bigint,
  file_path text,
  is_active boolean NOT NULL DEFAULT true,
  is_paused boolean NOT NULL DEFAULT false,
  description text NOT NULL DEFAULT '',
  owner text NOT NULL DEFAULT '',
  tags text[] NOT NULL DEFAULT '{}',
  priority integer NOT NULL DEFAULT 0,
  registered_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX dags_file_path ON dags (file_path) WHERE is_active AND file_path IS NOT NULL;

CREATE TABLE dag_versions (
  version_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  dag_key bigint NOT NULL REFERENCES dags ON DELETE CASCADE,
  version integer NOT NULL,
  hash text NOT NULL,
  definition jsonb NOT NULL,
  source_text text NOT NULL,
  source text NOT NULL,
  file_path text,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (dag_key, version)
);
ALTER TABLE dags ADD FOREIGN KEY (active_version_key) REFERENCES dag_versions DEFERRABLE INITIALLY DEFERRED;

CREATE TABLE import_errors (
  file_path text PRIMARY KEY,
  hash text NOT NULL,
  problems jsonb NOT NULL,
  since timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE schedules (
  dag_key bigint PRIMARY KEY REFERENCES dags ON DELETE CASCADE,
  schedule_text text NOT NULL,
  timezone text NOT NULL,
  registered_at timestamptz NOT NULL DEFAULT now(),
  next_at timestamptz
);
CREATE INDEX schedules_next_at ON schedules (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE dag_runs (
  run_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id text NOT NULL UNIQUE,
  dag_key bigint NOT NULL REFERENCES dags,
  dag_id text NOT NULL,
  version_key bigint NOT NULL REFERENCES dag_versions,
  state text NOT NULL CHECK (state IN ('queued', 'running', 'success', 'failed', 'up_for_retry', 'cancelled')),
  sequence bigint NOT NULL DEFAULT 0,
  event_sequence bigint NOT NULL DEFAULT 0,
  counts jsonb NOT NULL,
  exempt_count integer NOT NULL DEFAULT 0,
  held_count integer NOT NULL DEFAULT 0,
  ever_started boolean NOT NULL DEFAULT false,
  cancel_requested boolean NOT NULL DEFAULT false,
  is_paused boolean NOT NULL DEFAULT false,
  is_orphaned boolean NOT NULL DEFAULT false,
  is_archived boolean NOT NULL DEFAULT false,
  logical_at timestamptz NOT NULL,
  interval_start_at timestamptz NOT NULL,
  interval_end_at timestamptz NOT NULL,
  queued_at timestamptz NOT NULL,
  started_at timestamptz,
  ended_at timestamptz,
  timeout_at timestamptz,
  run_type text NOT NULL CHECK (run_type IN ('scheduled', 'manual', 'backfill', 'sensor', 'trigger_dag', 'webhook')),
  triggered_by text NOT NULL,
  external_trigger_id text NOT NULL DEFAULT '',
  note text NOT NULL DEFAULT '',
  parameters jsonb NOT NULL,
  warnings jsonb NOT NULL DEFAULT '[]',
  traceparent text,
  priority integer NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
-- One run for each logical date, whatever asked for it (G8); replaced runs are archived.
CREATE UNIQUE INDEX dag_runs_logical_date ON dag_runs (dag_key, logical_at) WHERE NOT is_archived;
CREATE INDEX dag_runs_by_dag ON dag_runs (dag_key, run_key DESC);
CREATE INDEX dag_runs_active ON dag_runs (run_key) WHERE ended_at IS NULL;
CREATE INDEX dag_runs_timeout ON dag_runs (timeout_at) WHERE ended_at IS NULL AND timeout_at IS NOT NULL;

CREATE TABLE workers (
  worker_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  worker_id text NOT NULL,
  incarnation text NOT NULL UNIQUE,
  session_number bigint NOT NULL DEFAULT 1,
  status text NOT NULL DEFAULT 'healthy'
    CHECK (status IN ('starting', 'healthy', 'degraded', 'draining', 'recovering', 'lost', 'stopped')),
  hostname text NOT NULL,
  version text NOT NULL,
  executor_id text NOT NULL,
  queues text[] NOT NULL,
  slots integer NOT NULL,
  free_slots integer NOT NULL DEFAULT 0,
  labels jsonb NOT NULL DEFAULT '{}',
  capabilities text[] NOT NULL DEFAULT '{}',
  started_at timestamptz NOT NULL DEFAULT now(),
  last_heartbeat_at timestamptz,
  lease_expires_at timestamptz NOT NULL,
  ended_at timestamptz
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX workers_live_id ON workers (worker_id) WHERE status NOT IN ('lost', 'stopped');

-- Ordinals: the tasks of the version in its order, then items of fan-outs as they were made.
-- Instances, attempts and outputs have no foreign key to their run: each hop would pay for it (about 15 µs a row), the
-- run is written by the same statement, and rows are deleted run by run.
CREATE TABLE task_instances (
  run_key bigint NOT NULL,
  ordinal integer NOT NULL,
  task_index integer NOT NULL,
  task_id text NOT NULL,
  map_index integer,
  item_key text,
  operator_type text NOT NULL,
  state text NOT NULL CHECK (state IN ('none', 'queued', 'running', 'up_for_retry', 'success', 'failed', 'upstream_failed', 'skipped', 'removed')),
  reason text,
  generation integer NOT NULL DEFAULT 1,
  fence bigint NOT NULL DEFAULT 0,
  try_number integer NOT NULL DEFAULT 0,
  infra_tries integer NOT NULL DEFAULT 0,
  free_tries integer NOT NULL DEFAULT 0,
  in_degree integer NOT NULL,
  parents_success integer NOT NULL DEFAULT 0,
  parents_failed integer NOT NULL DEFAULT 0,
  parents_upstream_failed integer NOT NULL DEFAULT 0,
  parents_skipped integer NOT NULL DEFAULT 0,
  exempt_parents integer NOT NULL DEFAULT 0,
  exempt boolean NOT NULL DEFAULT false,
  held boolean NOT NULL DEFAULT false,
  held_fence bigint NOT NULL DEFAULT 0,
  awaits_evaluation boolean NOT NULL DEFAULT false,
  due_at timestamptz,
  waits_for text,
  queue_timeout_at timestamptz,
  retry_timeout_at timestamptz,
  queued_at timestamptz,
  first_started_at timestamptz,
  started_at timestamptz,
  ended_at timestamptz,
  worker_key bigint,
  last_error text,
  items_total integer NOT NULL DEFAULT 0,
  items_ended integer NOT NULL DEFAULT 0,
  items_failed integer NOT NULL DEFAULT 0,
  queue text NOT NULL,
  backend text,
  pool text,
  labels jsonb,
  resources jsonb,
  priority integer NOT NULL DEFAULT 0,
  dag_priority integer NOT NULL DEFAULT 0,
  -- The run's sequence at the last change: a stale cache reads what is newer.
  changed_sequence bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (run_key, ordinal)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
-- Partial indexes keep entries of rows that left them until a vacuum, so its threshold does not grow with the table.
-- The dispatcher's order; the rows in it are those that wait for a worker.
CREATE INDEX task_instances_queued ON task_instances (priority DESC, dag_priority DESC, queued_at, run_key, ordinal)
  WHERE state = 'queued' AND NOT held AND items_total = 0;
CREATE INDEX task_instances_held ON task_instances (worker_key) WHERE held;
CREATE INDEX task_instances_due ON task_instances (due_at) WHERE state IN ('queued', 'up_for_retry') AND due_at IS NOT NULL;
CREATE INDEX task_instances_queue_timeout ON task_instances (queue_timeout_at) WHERE state = 'queued' AND queue_timeout_at IS NOT NULL;
CREATE INDEX task_instances_retry_timeout ON task_instances (retry_timeout_at)
  WHERE state IN ('queued', 'running', 'up_for_retry') AND retry_timeout_at IS NOT NULL;
CREATE INDEX task_instances_awaiting ON task_instances (run_key) WHERE awaits_evaluation;

CREATE TABLE attempts (
  run_key bigint NOT NULL,
  ordinal integer NOT NULL,
  generation integer NOT NULL,
  try_number integer NOT NULL,
  state text NOT NULL CHECK (state IN ('running', 'success', 'failed', 'skipped', 'deferred', 'lost', 'stopped', 'superseded')),
  fence bigint NOT NULL,
  worker_key bigint NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz,
  released_at timestamptz,
  exit_code integer,
  signal text,
  error_code text,
  error_message text,
  retry_reason text,
  next_retry_at timestamptz,
  backoff_delay_ms bigint,
  PRIMARY KEY (run_key, ordinal, generation, try_number)
) WITH (fillfactor = 70);

CREATE TABLE outputs (
  run_key bigint NOT NULL,
  ordinal integer NOT NULL,
  key text NOT NULL,
  generation integer NOT NULL,
  value_json text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (run_key, ordinal, key)
);

-- The event log. event_id is null until the one relay gives it: gapless, and only committed events have one.
CREATE TABLE outbox (
  outbox_key bigint GENERATED ALWAYS AS IDENTITY,
  event_id bigint,
  event_type text NOT NULL,
  resource_type text NOT NULL,
  resource_id text NOT NULL,
  dag_id text,
  run_id text,
  run_key bigint,
  run_sequence bigint,
  data jsonb NOT NULL DEFAULT '{}',
  correlation_id text,
  created_at timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (created_at);
-- A waiting event is in the first index alone, a published one in the other two: each hop writes a few of them.
CREATE INDEX outbox_unpublished ON outbox (outbox_key) WHERE event_id IS NULL;
CREATE INDEX outbox_event_id ON outbox (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX outbox_by_run ON outbox (run_key, event_id) WHERE event_id IS NOT NULL AND run_key IS NOT NULL;

CREATE TABLE log_chunks (
  run_key bigint NOT NULL,
  ordinal integer NOT NULL,
  generation integer NOT NULL,
  try_number integer NOT NULL,
  chunk_sequence bigint NOT NULL,
  first_line bigint NOT NULL,
  line_count integer NOT NULL,
  dropped_bytes bigint NOT NULL DEFAULT 0,
  content bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run_key, ordinal, generation, try_number, chunk_sequence, created_at)
) PARTITION BY RANGE (created_at);

-- Makes the month's partitions of the append-only tables, from the last month to the one after next.
CREATE FUNCTION ensure_partitions() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  parent text;
  month timestamptz;
BEGIN
  FOREACH parent IN ARRAY ARRAY['outbox', 'log_chunks'] LOOP
    FOR step IN -1..2 LOOP
      month := date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + make_interval(months => step);
      EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)
          WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000)',
        parent || to_char(month AT TIME ZONE 'UTC', '_YYYY_MM'), parent, month, month + interval '1 month');
    END LOOP;
  END LOOP;
END $$;
SELECT ensure_partitions();

-- Leadership by rows. The epoch grows with each change of holder; counter is what its holder numbers with.
CREATE TABLE leases (
  name text PRIMARY KEY,
  holder text NOT NULL,
  epoch bigint NOT NULL DEFAULT 1,
  counter bigint NOT NULL DEFAULT 0,
  expires_at timestamptz NOT NULL
);

CREATE TABLE requests (
  caller text NOT NULL,
  request_id text NOT NULL,
  body_hash text NOT NULL,
  run_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (caller, request_id)
);
CREATE INDEX requests_created_at ON requests (created_at);

-- A time of the interfaces (milliseconds since 1970) as a timestamp.
CREATE FUNCTION from_ms(ms double precision) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN to_timestamp(ms / 1000.0);

-- Ends a statement whose guarded rows were not all found: nothing of it is written.
CREATE FUNCTION refuse_partial_write(expected bigint, written bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF expected <> written THEN
    RAISE EXCEPTION 'guard refused % of % rows', expected - written, expected USING ERRCODE = 'MR001';
  END IF;
END $$;
