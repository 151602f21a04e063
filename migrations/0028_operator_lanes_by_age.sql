-- builds concurrently: task_instances_operator_lanes_by_age
CREATE INDEX CONCURRENTLY task_instances_operator_lanes_by_age ON task_instances
  (queue, (COALESCE(pool, '')), (CASE WHEN labels IS NULL AND preferred_labels IS NULL AND capabilities IS NULL AND resources IS NULL THEN operator_type ELSE hashtextextended(operator_type || ' ' || COALESCE(labels::text, '-') || COALESCE(preferred_labels::text, '-') || COALESCE(capabilities::text, '-') || COALESCE(resources::text, '-'), 0)::text END), queued_at, run_key, ordinal)
  WHERE state = 'queued' AND NOT held AND items_total = 0 AND waits_for IS NULL;
