-- Reruns on another version or with other parameters. `revision` is raised by each: what is remembered of version and
-- parameters holds for one. `removed_tasks`: ids of tasks that the version no longer has, in the order of their task
-- indexes, which come behind those of the version.
ALTER TABLE dag_runs
  ADD COLUMN revision integer NOT NULL DEFAULT 0,
  ADD COLUMN removed_tasks text[] NOT NULL DEFAULT '{}';
