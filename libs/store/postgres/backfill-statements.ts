const leader = "SELECT 1 FROM leases WHERE name = 'scheduler' AND epoch = $2 AND expires_at > now() FOR SHARE";

const waitingSlots = `SELECT s.logical_at, r.run_key, r.run_id, r.state, r.ended_at, r.run_type, r.external_trigger_id
  FROM backfill_slots s JOIN backfills b USING (backfill_key)
    LEFT JOIN dag_runs r ON r.dag_key = b.dag_key AND r.logical_at = s.logical_at AND NOT r.is_archived
  WHERE s.backfill_key = $1 AND s.state = 'waiting'`;

const columns = `b.backfill_key, b.backfill_id, b.dag_key, d.dag_id, b.version_key, b.from_at, b.to_at, b.selection, b.newest_first, b.max_active_runs,
  b.priority_offset, b.parameters, b.note, b.created_by, b.slot_count, b.state, b.is_paused, b.cancel_runs, b.planned_to, b.created_at, b.ended_at`;

const progress = `(SELECT json_build_object(
    'active', count(*) FILTER (WHERE s.run_key IS NOT NULL AND r.ended_at IS NULL),
    'success', count(*) FILTER (WHERE r.ended_at IS NOT NULL AND r.state = 'success'),
    'failed', count(*) FILTER (WHERE r.ended_at IS NOT NULL AND r.state = 'failed'),
    'cancelled', count(*) FILTER (WHERE r.ended_at IS NOT NULL AND r.state = 'cancelled'),
    'left', count(*) FILTER (WHERE s.state = 'left'),
    'refused', count(*) FILTER (WHERE s.state = 'refused'),
    'refusal', max(s.reason) FILTER (WHERE s.state = 'refused'))
  FROM backfill_slots s LEFT JOIN dag_runs r ON r.run_key = s.run_key WHERE s.backfill_key = b.backfill_key AND s.state <> 'waiting') AS progress`;

export const backfillColumns = `${columns}, ${progress}`;

export const backfillSource = "backfills b JOIN dags d USING (dag_key)";

/** What is sent about backfills. Times come as milliseconds and are converted by `from_ms`; `$2` is the leader's epoch where one is checked. */
export const backfillStatements = {
  create: {
    name: "create_backfill",
    text: `INSERT INTO backfills (backfill_id, dag_key, version_key, from_at, to_at, selection, newest_first, max_active_runs, priority_offset,
      parameters, note, created_by, slot_count, request_id, body_hash, planned_to)
    VALUES ($1, $2, $3, from_ms($4), from_ms($5), $6, $7, $8, $9, $10::jsonb, $11, $12, $13, $14, $15, from_ms($4) - interval '1 ms')
    ON CONFLICT (created_by, request_id) DO NOTHING RETURNING backfill_id`,
  },

  findRequest: {
    name: "find_backfill_request",
    text: "SELECT backfill_id, body_hash FROM backfills WHERE created_by = $1 AND request_id = $2",
  },

  get: {
    name: "get_backfill",
    text: `SELECT ${backfillColumns} FROM ${backfillSource} WHERE b.backfill_id = $1`,
  },

  findRuns: {
    name: "find_runs_of_dates",
    text: `SELECT logical_at, run_key, run_id, state, ended_at, run_type, external_trigger_id FROM dag_runs
    WHERE dag_key = $1 AND logical_at = ANY(SELECT from_ms(at) FROM unnest($2::double precision[]) AS at) AND NOT is_archived`,
  },

  setPaused: {
    name: "set_backfill_paused",
    text: "UPDATE backfills SET is_paused = $2 WHERE backfill_id = $1 AND ended_at IS NULL RETURNING backfill_key",
  },

  cancel: {
    name: "cancel_backfill",
    text: `UPDATE backfills SET state = 'cancelling', cancel_runs = cancel_runs OR $2 WHERE backfill_id = $1 AND ended_at IS NULL
    RETURNING backfill_key`,
  },

  listOpen: {
    name: "list_open_backfills",
    text: `SELECT ${columns} FROM ${backfillSource}
    WHERE b.ended_at IS NULL AND b.backfill_key > $1
      AND (b.state = 'cancelling' OR (NOT b.is_paused AND d.is_active AND NOT d.is_paused AND d.active_version_key IS NOT NULL))
    ORDER BY b.backfill_key LIMIT $2`,
  },

  /** The cursor is where the caller read it, or nothing is written. */
  addSlots: {
    name: "add_backfill_slots",
    text: `WITH leader AS (${leader}
    ), moved AS (
      UPDATE backfills SET planned_to = from_ms($5), state = CASE WHEN $6 THEN 'running' ELSE state END
      WHERE backfill_key = $1 AND state = 'planning' AND planned_to = from_ms($4) AND EXISTS (SELECT 1 FROM leader)
      RETURNING backfill_key
    ), added AS (
      INSERT INTO backfill_slots (backfill_key, logical_at)
      SELECT backfill_key, from_ms(at) FROM moved, unnest($3::double precision[]) AS at
    ) SELECT backfill_key FROM moved`,
  },

  settle: {
    name: "settle_backfill",
    text: `WITH leader AS (${leader}
    ), adopted AS (
      UPDATE backfill_slots s SET state = 'active', run_key = r.run_key
      FROM backfills b JOIN dag_runs r ON r.dag_key = b.dag_key AND r.run_type = 'backfill' AND r.external_trigger_id = b.backfill_id
        AND r.ended_at IS NULL AND NOT r.is_archived
      WHERE b.backfill_key = $1 AND s.backfill_key = $1 AND s.logical_at = r.logical_at AND s.state = 'waiting' AND EXISTS (SELECT 1 FROM leader)
      RETURNING 1
    ), ended AS (
      UPDATE backfill_slots s SET state = 'ended' FROM dag_runs r
      WHERE s.backfill_key = $1 AND s.state = 'active' AND r.run_key = s.run_key AND r.ended_at IS NOT NULL AND EXISTS (SELECT 1 FROM leader)
      RETURNING 1
    ) SELECT (SELECT count(*) FROM backfill_slots WHERE backfill_key = $1 AND state = 'active')
      + (SELECT count(*) FROM adopted) - (SELECT count(*) FROM ended) AS active FROM leader`,
  },

  listWaitingOldest: {
    name: "list_waiting_slots",
    text: `${waitingSlots} ORDER BY s.logical_at LIMIT $2`,
  },

  listWaitingNewest: {
    name: "list_waiting_slots_newest",
    text: `${waitingSlots} ORDER BY s.logical_at DESC LIMIT $2`,
  },

  markSlots: {
    name: "mark_backfill_slots",
    text: `WITH leader AS (${leader})
    UPDATE backfill_slots s SET state = m.state, run_key = m.run_key, reason = m.reason
    FROM json_to_recordset($3::json) AS m(logical_at double precision, state text, run_key bigint, reason text)
    WHERE s.backfill_key = $1 AND s.logical_at = from_ms(m.logical_at) AND s.state = 'waiting' AND EXISTS (SELECT 1 FROM leader)`,
  },

  activateSlot: {
    name: "activate_backfill_slot",
    text: `WITH leader AS (${leader})
    UPDATE backfill_slots s SET state = 'active', run_key = $4 FROM backfills b
    WHERE s.backfill_key = $1 AND s.logical_at = from_ms($3) AND s.state = 'waiting' AND b.backfill_key = s.backfill_key
      AND b.state = 'running' AND EXISTS (SELECT 1 FROM leader)
    RETURNING s.run_key`,
  },

  setPriority: {
    name: "set_run_priority_offset",
    text: `WITH run AS (
      UPDATE dag_runs r SET priority_offset = $2 FROM dag_runs before WHERE r.run_key = $1 AND before.run_key = r.run_key
      RETURNING before.priority_offset AS was
    ) UPDATE task_instances t SET dag_priority = t.dag_priority + $2 - run.was FROM run WHERE t.run_key = $1 AND run.was <> $2`,
  },

  listActiveRuns: {
    name: "list_active_backfill_runs",
    text: `SELECT s.run_key FROM backfill_slots s JOIN dag_runs r USING (run_key)
    WHERE s.backfill_key = $1 AND s.state = 'active' AND r.ended_at IS NULL AND NOT r.cancel_requested ORDER BY s.logical_at LIMIT $2`,
  },

  finish: {
    name: "finish_backfill",
    text: `WITH leader AS (${leader})
    UPDATE backfills SET state = $3, ended_at = now() WHERE backfill_key = $1 AND ended_at IS NULL
      AND state = CASE $3 WHEN 'cancelled' THEN 'cancelling' ELSE 'running' END AND EXISTS (SELECT 1 FROM leader)`,
  },
} as const;
