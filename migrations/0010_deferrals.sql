-- What tasks wait for that need no worker: written before the instance begins to wait, once for each attempt.
CREATE TABLE waits (
  run_key bigint NOT NULL,
  ordinal integer NOT NULL,
  generation integer NOT NULL,
  try_number integer NOT NULL,
  kind text NOT NULL CHECK (kind IN ('time', 'condition', 'approval', 'run')),
  timeout_ms bigint,
  -- Runs that have triggered each other, up to the one that this wait makes.
  depth integer NOT NULL DEFAULT 0,
  -- Not jsonb: the fields of a form keep their order.
  details json NOT NULL,
  child_run_id text,
  -- The child goes on, or its end has not been looked at.
  has_open_child boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run_key, ordinal, generation, try_number)
);
CREATE INDEX waits_child ON waits (child_run_id) WHERE child_run_id IS NOT NULL;
CREATE INDEX waits_open_child ON waits (run_key) WHERE has_open_child;
-- Instances that wait for something else than a worker.
CREATE INDEX task_instances_waiting ON task_instances (waits_for, run_key, ordinal) WHERE state = 'queued' AND waits_for IS NOT NULL;
-- An attempt that needed no worker has none.
ALTER TABLE attempts ALTER COLUMN worker_key DROP NOT NULL;
-- When a run is late; null: never, or that has been published.
ALTER TABLE dag_runs ADD COLUMN deadline_at timestamptz;
CREATE INDEX dag_runs_deadline ON dag_runs (deadline_at) WHERE ended_at IS NULL AND deadline_at IS NOT NULL;
