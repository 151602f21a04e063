-- Limits are numbered rows, each taken by one holder: who takes one finds it free and locks it, in the transaction that makes
-- the holder, and the transaction that ends the holder frees it. Nothing is ever counted up or down.
CREATE TABLE slot_rows (
  limit_name text NOT NULL,
  number integer NOT NULL,
  run_key bigint,
  -- The instance of the run whose attempt holds it; -1: the run itself.
  ordinal integer,
  taken_at timestamptz,
  PRIMARY KEY (limit_name, number)
) WITH (fillfactor = 70);
CREATE INDEX slot_rows_holder ON slot_rows (run_key, ordinal) WHERE run_key IS NOT NULL;

-- Limits that tasks of any DAG name; their size is changed by hand.
CREATE TABLE pools (
  name text PRIMARY KEY,
  size integer NOT NULL CHECK (size >= 0),
  description text NOT NULL DEFAULT ''
);

-- A run without room in its limits waits; `needs` names them, so that those that might have room are found without its version.
ALTER TABLE dag_runs ADD COLUMN is_admitted boolean NOT NULL DEFAULT true, ADD COLUMN concurrency_key text,
  ADD COLUMN needs jsonb NOT NULL DEFAULT '[]', ADD COLUMN max_active_tasks integer;
CREATE INDEX dag_runs_waiting ON dag_runs (dag_key, priority DESC, run_key) WHERE NOT is_admitted AND ended_at IS NULL;
