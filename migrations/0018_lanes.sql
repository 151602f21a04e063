-- builds concurrently: task_instances_lanes
-- What waits is ordered in lanes of one queue, DAG and pool: a pick walks the lanes of the queues that it is for and passes by
-- those of which nothing may be taken now. What waits for something else than a worker is in no lane.
CREATE INDEX CONCURRENTLY task_instances_lanes ON task_instances
  (queue, dag_key, (COALESCE(pool, '')), priority DESC, dag_priority DESC, queued_at, run_key, ordinal)
  WHERE state = 'queued' AND NOT held AND items_total = 0 AND waits_for IS NULL;
