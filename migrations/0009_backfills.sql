-- Backfills: slots of a schedule that are made, or made again, in a range of dates.
CREATE TABLE backfills (
  backfill_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  backfill_id text NOT NULL UNIQUE,
  dag_key bigint NOT NULL REFERENCES dags ON DELETE CASCADE,
  -- The version whose schedule lists the slots; runs are made by the one in force.
  version_key bigint NOT NULL REFERENCES dag_versions ON DELETE CASCADE,
  from_at timestamptz NOT NULL,
  to_at timestamptz NOT NULL,
  selection text NOT NULL CHECK (selection IN ('missing', 'failed', 'all')),
  newest_first boolean NOT NULL,
  max_active_runs integer NOT NULL,
  priority_offset integer NOT NULL,
  parameters jsonb NOT NULL,
  note text NOT NULL,
  created_by text NOT NULL,
  slot_count integer NOT NULL,
  request_id text,
  body_hash text,
  state text NOT NULL DEFAULT 'planning' CHECK (state IN ('planning', 'running', 'cancelling', 'cancelled', 'completed')),
  is_paused boolean NOT NULL DEFAULT false,
  cancel_runs boolean NOT NULL DEFAULT false,
  -- Slots up to it are listed: the cursor of the paged work.
  planned_to timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  UNIQUE (created_by, request_id)
);
CREATE INDEX backfills_open ON backfills (backfill_key) WHERE ended_at IS NULL;

-- One row a slot. A slot leaves `waiting` once, with what became of it; `active` ends with its run.
CREATE TABLE backfill_slots (
  backfill_key bigint NOT NULL REFERENCES backfills ON DELETE CASCADE,
  logical_at timestamptz NOT NULL,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'active', 'ended', 'left', 'refused')),
  run_key bigint,
  reason text,
  PRIMARY KEY (backfill_key, logical_at)
);
CREATE INDEX backfill_slots_waiting ON backfill_slots (backfill_key, logical_at) WHERE state = 'waiting';
CREATE INDEX backfill_slots_active ON backfill_slots (backfill_key) WHERE state = 'active';
CREATE INDEX backfill_slots_by_run ON backfill_slots (backfill_key, run_key DESC) WHERE run_key IS NOT NULL;

-- Added to the definition's priority: a backfill gives way to live runs.
ALTER TABLE dag_runs ADD COLUMN priority_offset integer NOT NULL DEFAULT 0;

-- Which definition answers a webhook's path. Those of archived definitions may be taken over.
CREATE TABLE webhooks (
  name text PRIMARY KEY,
  dag_key bigint NOT NULL REFERENCES dags ON DELETE CASCADE
);
CREATE INDEX webhooks_by_dag ON webhooks (dag_key);
