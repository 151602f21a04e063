-- Sensors: what makes a run when it changes. A row a sensor of a definition, written when it is registered.
CREATE TABLE sensors (
  sensor_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  dag_key bigint NOT NULL REFERENCES dags ON DELETE CASCADE,
  sensor_id text NOT NULL,
  definition jsonb NOT NULL,
  is_paused boolean NOT NULL DEFAULT false,
  -- It knows what was there before; until then a look finds out and nothing fires.
  has_baseline boolean NOT NULL DEFAULT false,
  -- Grows with each change of what it remembers, and guards it.
  state_version bigint NOT NULL DEFAULT 0,
  next_at timestamptz NOT NULL DEFAULT now(),
  factor integer NOT NULL DEFAULT 1,
  quiet_count integer NOT NULL DEFAULT 0,
  failure_count integer NOT NULL DEFAULT 0,
  last_polled_at timestamptz,
  last_event_at timestamptz,
  error text,
  error_since timestamptz,
  UNIQUE (dag_key, sensor_id)
) WITH (fillfactor = 70);
CREATE INDEX sensors_next_at ON sensors (next_at) WHERE NOT is_paused;

-- What a sensor remembers, item by item: a folder may hold many files.
CREATE TABLE sensor_state (
  sensor_key bigint NOT NULL REFERENCES sensors ON DELETE CASCADE,
  item text NOT NULL,
  value jsonb NOT NULL,
  PRIMARY KEY (sensor_key, item)
);

-- What sensors saw, each with its run, or with the reason for which it made none.
CREATE TABLE sensor_events (
  event_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sensor_key bigint NOT NULL REFERENCES sensors ON DELETE CASCADE,
  subject text NOT NULL,
  data jsonb NOT NULL,
  run_id text,
  reason text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sensor_events_by_sensor ON sensor_events (sensor_key, event_key DESC);
CREATE INDEX sensor_events_by_subject ON sensor_events (sensor_key, subject);
CREATE INDEX sensor_events_created_at ON sensor_events (created_at);

-- For those that wait for runs of other definitions.
CREATE INDEX dag_runs_ended ON dag_runs (dag_key, ended_at) WHERE ended_at IS NOT NULL;
