export const waitColumns =
  "w.run_key, w.ordinal, w.generation, w.try_number, w.kind, w.timeout_ms, w.depth, w.details, w.child_run_id";

/** Joins a wait to the instance that waits by it now: in its generation, its try yet to come. */
export const isWaitingBy = `t.run_key = w.run_key AND t.ordinal = w.ordinal AND t.generation = w.generation AND t.try_number + 1 = w.try_number
      AND t.state = 'queued' AND t.waits_for = w.kind`;

export const openColumns = `${waitColumns}, r.run_id, t.fence, t.started_at`;

export const listUnstarted = {
  name: "list_unstarted_waits",
  text: `SELECT t.run_key, t.ordinal FROM task_instances t JOIN dag_runs r USING (run_key)
    WHERE t.state = 'queued' AND t.waits_for = $1 AND NOT t.held AND NOT r.is_paused ORDER BY t.run_key, t.ordinal LIMIT $2`,
};

/** A repeat reads what the first one wrote: an insert that does nothing returns nothing. */
export const saveWait = {
  name: "save_wait",
  text: `WITH saved AS (INSERT INTO waits AS w (run_key, ordinal, generation, try_number, kind, timeout_ms, depth, details)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING ${waitColumns})
    SELECT * FROM saved
    UNION ALL SELECT ${waitColumns} FROM waits w WHERE run_key = $1 AND ordinal = $2 AND generation = $3 AND try_number = $4 LIMIT 1`,
};

export const listDueWaits = {
  name: "list_due_waits",
  text: `SELECT ${openColumns} FROM task_instances t JOIN waits w ON ${isWaitingBy} JOIN dag_runs r ON r.run_key = t.run_key
    WHERE t.state = 'queued' AND t.due_at <= now() AND t.waits_for IS NOT NULL ORDER BY t.due_at LIMIT $1`,
};

export const lookAtWaits = {
  name: "look_at_waits",
  text: `SELECT EXISTS (SELECT 1 FROM task_instances t WHERE t.state = 'queued' AND t.waits_for = $1 AND NOT t.held) AS has_unstarted,
    EXISTS (SELECT 1 FROM task_instances t WHERE t.state = 'queued' AND t.waits_for IS NOT NULL AND t.due_at <= now()) AS has_due,
    EXISTS (SELECT 1 FROM waits WHERE has_open_child) AS has_children,
    (SELECT (extract(epoch FROM min(due_at) - now()) * 1000)::double precision FROM task_instances
      WHERE state = 'queued' AND waits_for IS NOT NULL AND due_at > now()) AS next_due_in_ms`,
};
