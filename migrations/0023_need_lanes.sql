-- builds concurrently: task_instances_need_lanes
-- The lanes of what waits, as before and by what tasks must have of their worker, so that a pick passes by those whose needs none
-- of its workers meets.
CREATE INDEX CONCURRENTLY task_instances_need_lanes ON task_instances
  (queue, dag_key, (COALESCE(pool, '')), (CASE WHEN labels IS NULL AND capabilities IS NULL AND resources IS NULL THEN '' ELSE hashtextextended(COALESCE(labels::text, '-') || COALESCE(capabilities::text, '-') || COALESCE(resources::text, '-'), 0)::text END), priority DESC, dag_priority DESC, queued_at, run_key, ordinal)
  WHERE state = 'queued' AND NOT held AND items_total = 0 AND waits_for IS NULL;
