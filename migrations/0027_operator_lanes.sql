-- builds concurrently: task_instances_operator_lanes
-- The lanes of what waits, as before and by all that says which workers may have it: also the operator and the labels that it
-- would like. A pick then passes by whole lanes that none of its workers may have. Operators are the lanes of what needs no more.
CREATE INDEX CONCURRENTLY task_instances_operator_lanes ON task_instances
  (queue, dag_key, (COALESCE(pool, '')), (CASE WHEN labels IS NULL AND preferred_labels IS NULL AND capabilities IS NULL AND resources IS NULL THEN operator_type ELSE hashtextextended(operator_type || ' ' || COALESCE(labels::text, '-') || COALESCE(preferred_labels::text, '-') || COALESCE(capabilities::text, '-') || COALESCE(resources::text, '-'), 0)::text END), priority DESC, dag_priority DESC, queued_at, run_key, ordinal)
  WHERE state = 'queued' AND NOT held AND items_total = 0 AND waits_for IS NULL;
