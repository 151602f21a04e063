/** When its turn comes; one that came while the DAG was paused waits since that was resumed. */
const turnAt = "GREATEST(COALESCE(s.look_at, s.next_at), d.resumed_at)";

const leader = "SELECT 1 FROM leases WHERE name = 'scheduler' AND epoch = $2 AND expires_at > now()";

/** What is sent about schedules. Times come as milliseconds and are converted by `from_ms`. */
export const scheduleStatements = {
  /** A schedule that stays the same keeps its place: a slot that is due must not be lost to a new registration. */
  putSchedule: {
    name: "put_schedule",
    text: `INSERT INTO schedules AS s (dag_key, schedule_text, timezone, rule, next_at) VALUES ($1, $2, $3, $4, from_ms($5))
    ON CONFLICT (dag_key) DO UPDATE SET schedule_text = EXCLUDED.schedule_text, timezone = EXCLUDED.timezone, rule = EXCLUDED.rule,
      next_at = CASE WHEN ${isChanged()} THEN from_ms($6) ELSE s.next_at END,
      look_at = CASE WHEN ${isChanged()} THEN NULL ELSE s.look_at END,
      backlog_end = CASE WHEN ${isChanged()} THEN NULL ELSE s.backlog_end END`,
  },

  dropSchedule: { name: "drop_schedule", text: "DELETE FROM schedules WHERE dag_key = $1" },

  /** By the time to look, so that definitions with many missed slots and those with one take turns. */
  listDueSchedules: {
    name: "list_due_schedules",
    text: `SELECT s.dag_key, d.dag_id, d.active_version_key AS version_key, s.next_at, ${turnAt} AS turn_at, s.backlog_end, s.registered_at
    FROM schedules s JOIN dags d USING (dag_key)
    WHERE s.next_at IS NOT NULL AND COALESCE(s.look_at, s.next_at) <= now() AND d.is_active AND NOT d.is_paused
      AND d.active_version_key IS NOT NULL
    ORDER BY COALESCE(s.look_at, s.next_at), s.dag_key LIMIT $1`,
  },

  nextSchedule: {
    name: "next_schedule",
    text: `SELECT (extract(epoch FROM min(COALESCE(s.look_at, s.next_at)) - now()) * 1000)::double precision AS ms
    FROM schedules s JOIN dags d USING (dag_key) WHERE s.next_at IS NOT NULL AND d.is_active AND NOT d.is_paused`,
  },

  /** The leader's row is locked with them, so that no other can begin to lead before this is written. */
  moveSchedules: {
    name: "move_schedules",
    text: `WITH leader AS (${leader} FOR SHARE
    ), moved AS (
      UPDATE schedules s SET next_at = from_ms(m.slot_to), look_at = from_ms(m.look_at), backlog_end = from_ms(m.backlog_end),
        
        dropped = COALESCE(m.last_dropped || jsonb_build_object('at', round(extract(epoch FROM now()) * 1000)), s.dropped),
        dropped_count = s.dropped_count + m.dropped_count
      FROM json_to_recordset($1::json) AS m(dag_key bigint, slot_from double precision, slot_to double precision, look_at double precision,
        backlog_end double precision, dropped jsonb, last_dropped jsonb, dropped_count bigint)
      WHERE s.dag_key = m.dag_key AND s.next_at = from_ms(m.slot_from) AND EXISTS (SELECT 1 FROM leader)
      RETURNING s.dag_key, m.dropped
    ), event AS (
      INSERT INTO outbox (event_type, resource_type, resource_id, dag_id, data)
      SELECT 'dag.slots_dropped', 'dag', d.dag_id, d.dag_id, slots FROM moved JOIN dags d USING (dag_key), jsonb_array_elements(moved.dropped) AS slots
    ) SELECT dag_key FROM moved`,
  },

  listActiveRuns: {
    name: "list_active_runs_of_dag",
    text: `SELECT run_key FROM dag_runs WHERE dag_key = $1 AND ended_at IS NULL AND NOT is_archived AND run_type <> 'backfill'
    ORDER BY run_key LIMIT $2`,
  },

  pauseAfterFailures: {
    name: "pause_after_failures",
    text: `WITH leader AS (${leader} FOR SHARE
    ), ended AS (
      SELECT state FROM dag_runs WHERE dag_key = $1 AND ended_at IS NOT NULL AND NOT is_archived AND run_type = 'scheduled'
        AND ended_at > (SELECT COALESCE(resumed_at, '-infinity') FROM dags WHERE dag_key = $1)
      ORDER BY run_key DESC LIMIT $3
    ), paused AS (
      UPDATE dags SET is_paused = true, updated_at = now() WHERE dag_key = $1 AND NOT is_paused AND EXISTS (SELECT 1 FROM leader)
        AND (SELECT count(*) FILTER (WHERE state = 'failed') FROM ended) = $3::bigint
      RETURNING dag_id
    ), event AS (
      INSERT INTO outbox (event_type, resource_type, resource_id, dag_id, data)
      SELECT 'dag.paused', 'dag', dag_id, dag_id, jsonb_build_object('is_paused', true, 'failed_runs', $3::bigint) FROM paused
    ) SELECT dag_id FROM paused`,
  },
} as const;

/** Rows from before there was a rule are told by their text and zone. */
function isChanged(): string {
  return "((s.schedule_text, s.timezone) <> (EXCLUDED.schedule_text, EXCLUDED.timezone) OR s.rule <> EXCLUDED.rule) IS TRUE";
}
