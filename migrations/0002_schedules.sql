-- What the long form of schedules needs: when to look, what waits, what was left out.

ALTER TABLE schedules
  -- What decides the times, as text; null: registered before there was one.
  ADD COLUMN rule text,
  -- When the scheduler looks at the slot next_at; null: at that time itself.
  ADD COLUMN look_at timestamptz,
  -- Slots up to it are made one after the other, whatever is missed later.
  ADD COLUMN backlog_end timestamptz,
  -- The slots that were last left out, and how many were so far.
  ADD COLUMN dropped jsonb,
  ADD COLUMN dropped_count bigint NOT NULL DEFAULT 0;
DROP INDEX schedules_next_at;
CREATE INDEX schedules_look_at ON schedules ((COALESCE(look_at, next_at))) WHERE next_at IS NOT NULL;

-- Failures before it don't pause the DAG again.
ALTER TABLE dags ADD COLUMN resumed_at timestamptz;

CREATE INDEX dag_runs_active_by_dag ON dag_runs (dag_key) WHERE ended_at IS NULL;
