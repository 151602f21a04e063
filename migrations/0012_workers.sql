-- What a worker tells of itself with each heartbeat, and whether it was asked to drain. A new start is a new row: it is not
-- draining, and counts from 0.
ALTER TABLE workers
  ADD COLUMN status_reason text NOT NULL DEFAULT '',
  ADD COLUMN cpu_percent real,
  ADD COLUMN memory_percent real,
  ADD COLUMN disk_percent real,
  ADD COLUMN drain_reason text,
  ADD COLUMN last_task_at timestamptz,
  ADD COLUMN succeeded_count bigint NOT NULL DEFAULT 0,
  ADD COLUMN failed_count bigint NOT NULL DEFAULT 0;
-- The history of a worker, newest first. None of these change with a heartbeat.
CREATE INDEX workers_by_id ON workers (worker_id, worker_key DESC);
