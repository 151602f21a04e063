-- What waits is ordered in lanes of one queue, DAG and pool: a pick walks the lanes of the queues that it is for and passes by
-- those whose pool is full, so that what nobody may take costs it nothing, however much there is. What waits for something else
-- than a worker is in no lane.
DROP INDEX task_instances_ready;
CREATE INDEX task_instances_ready ON task_instances (queue, dag_key, (COALESCE(pool, '')), priority DESC, dag_priority DESC, queued_at, run_key, ordinal)
  WHERE state = 'queued' AND NOT held AND items_total = 0 AND waits_for IS NULL;
DROP INDEX task_instances_ready_by_age;
CREATE INDEX task_instances_ready_by_age ON task_instances (queue, (COALESCE(pool, '')), queued_at, run_key, ordinal)
  WHERE state = 'queued' AND NOT held AND items_total = 0 AND waits_for IS NULL;
