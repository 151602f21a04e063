-- A DAG with much waiting work must not hold up the others: the dispatcher goes round by DAG. Each instance therefore knows
-- its DAG, and what waits is ordered by it; a second order, by age alone, lets nothing wait for ever.
ALTER TABLE task_instances ADD COLUMN dag_key bigint;
UPDATE task_instances t SET dag_key = r.dag_key FROM dag_runs r WHERE r.run_key = t.run_key;
ALTER TABLE task_instances ALTER COLUMN dag_key SET NOT NULL;
DROP INDEX task_instances_queued;
CREATE INDEX task_instances_ready ON task_instances (dag_key, priority DESC, dag_priority DESC, queued_at, run_key, ordinal)
  WHERE state = 'queued' AND NOT held AND items_total = 0;
CREATE INDEX task_instances_ready_by_age ON task_instances (queued_at, run_key, ordinal) WHERE state = 'queued' AND NOT held AND items_total = 0;
-- How many attempts of each DAG are out is read from the index alone.
DROP INDEX task_instances_held;
CREATE INDEX task_instances_held ON task_instances (worker_key) INCLUDE (dag_key) WHERE held;
