import { takenResources } from "../worker-room.ts";

/**
 * What the timers and the reaper look for. Each is served by a partial index of its own, so that its
 * cost follows what waits, not what the tables hold.
 */
export const listDue = {
  name: "list_due",
  text: `(SELECT run_key, ordinal, fence, 'retry' AS what FROM task_instances WHERE state = 'up_for_retry' AND due_at <= now() LIMIT $1)
    UNION ALL (SELECT run_key, ordinal, fence, 'queue_timeout' FROM task_instances
      WHERE state = 'queued' AND queue_timeout_at <= now() AND items_total = 0 LIMIT $1)
    UNION ALL (SELECT run_key, ordinal, fence, 'retry_timeout' FROM task_instances
      WHERE state IN ('queued', 'running', 'up_for_retry') AND retry_timeout_at <= now() AND items_total = 0 LIMIT $1)
    UNION ALL (SELECT run_key, NULL, 0, 'run_timeout' FROM dag_runs r
      WHERE ended_at IS NULL AND timeout_at <= now() AND EXISTS (SELECT 1 FROM task_instances t
        WHERE t.run_key = r.run_key AND t.state IN ('none', 'queued', 'running', 'up_for_retry')) LIMIT $1)
    UNION ALL (SELECT run_key, NULL, 0, 'deadline' FROM dag_runs WHERE ended_at IS NULL AND deadline_at <= now() LIMIT $1)`,
};

export const nextDue = {
  name: "next_due",
  text: `SELECT (extract(epoch FROM min(at) - now()) * 1000)::double precision AS ms FROM (
    (SELECT due_at AS at FROM task_instances WHERE state IN ('queued', 'up_for_retry') AND due_at > now() ORDER BY due_at LIMIT 1)
    UNION ALL (SELECT queue_timeout_at FROM task_instances WHERE state = 'queued' AND queue_timeout_at > now() ORDER BY queue_timeout_at LIMIT 1)
    UNION ALL (SELECT retry_timeout_at FROM task_instances WHERE state IN ('queued', 'running', 'up_for_retry') AND retry_timeout_at > now()
      ORDER BY retry_timeout_at LIMIT 1)
    UNION ALL (SELECT timeout_at FROM dag_runs WHERE ended_at IS NULL AND timeout_at > now() ORDER BY timeout_at LIMIT 1)
    UNION ALL (SELECT deadline_at FROM dag_runs WHERE ended_at IS NULL AND deadline_at > now() ORDER BY deadline_at LIMIT 1)) due`,
};

const heldColumns = `t.run_key, t.ordinal, r.run_id, t.task_id, t.map_index, t.held_fence AS fence, t.worker_key, t.state = 'running' AS is_running,
    NULLIF(${takenResources}, '{}') AS resources`;

/** A held attempt belongs to a worker row; once that row is out of service nobody else will report it. */
export const listHeldByLostWorkers = {
  name: "list_held_by_lost",
  text: `SELECT ${heldColumns}
    FROM task_instances t JOIN workers w USING (worker_key) JOIN dag_runs r USING (run_key) WHERE t.held AND w.status IN ('lost', 'stopped') LIMIT $1`,
};

export const listHeldByWorker = {
  name: "list_held_by_worker",
  text: `SELECT ${heldColumns} FROM task_instances t JOIN dag_runs r USING (run_key) WHERE t.held AND t.worker_key = $1`,
};

export const listAwaitingEvaluation = {
  name: "list_awaiting_evaluation",
  text: `SELECT run_key, ordinal, generation, try_number + 1 AS try_number FROM task_instances WHERE awaits_evaluation LIMIT $1`,
};

/**
 * Runs that wait for room, of each DAG as many as it has room for, its most urgent first. A DAG without a limit of runs of
 * its own has runs that wait for their key alone. Whether there is room is decided where it is taken.
 */
export const listAdmissible = {
  name: "list_admissible",
  text: `WITH RECURSIVE waiting AS (
      (SELECT dag_key FROM dag_runs WHERE NOT is_admitted AND ended_at IS NULL ORDER BY dag_key LIMIT 1)
      UNION ALL
      SELECT (SELECT r.dag_key FROM dag_runs r WHERE NOT r.is_admitted AND r.ended_at IS NULL AND r.dag_key > w.dag_key ORDER BY r.dag_key LIMIT 1)
        FROM waiting w WHERE w.dag_key IS NOT NULL
    ), dags AS MATERIALIZED (
      SELECT dag_key, (SELECT CASE WHEN count(*) = 0 THEN NULL ELSE count(*) FILTER (WHERE s.run_key IS NULL) END
        FROM slot_rows s WHERE s.limit_name = 'runs/' || dag_key) AS room
      FROM waiting WHERE dag_key IS NOT NULL)
    SELECT r.run_key FROM dags d CROSS JOIN LATERAL (
      SELECT w.run_key FROM dag_runs w WHERE w.dag_key = d.dag_key AND NOT w.is_admitted AND w.ended_at IS NULL AND NOT w.is_paused
        AND NOT EXISTS (SELECT 1 FROM jsonb_to_recordset(w.needs) AS n("limit" text, size integer) WHERE w.concurrency_key IS NOT NULL
          AND EXISTS (SELECT 1 FROM slot_rows s WHERE s.limit_name = n."limit")
          AND NOT EXISTS (SELECT 1 FROM slot_rows s WHERE s.limit_name = n."limit" AND s.run_key IS NULL AND s.number <= n.size))
      ORDER BY w.priority DESC, w.run_key LIMIT LEAST($1, d.room)) r LIMIT $1`,
};
