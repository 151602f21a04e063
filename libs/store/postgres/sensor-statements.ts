const leader = "SELECT 1 FROM leases WHERE name = 'scheduler' AND epoch = $2 AND expires_at > now()";

const polledColumns = `s.sensor_key, s.dag_key, d.dag_id, d.active_version_key AS version_key, s.sensor_id, s.definition, s.state_version,
  s.has_baseline, s.factor, s.quiet_count, s.failure_count`;

/** Those that may be polled, without those of the keys `$1` and of the types `$2`. */
const polled = `FROM sensors s JOIN dags d USING (dag_key)
  WHERE NOT s.is_paused AND d.is_active AND NOT d.is_paused AND d.active_version_key IS NOT NULL AND s.sensor_key <> ALL($1::bigint[])
  AND COALESCE(s.definition->>'type', '') <> ALL($2::text[])`;

/** What follows from the row `sensor` that was advanced: `$3` items to put, `$4` items to drop. */
const patch = `dropped AS (
    DELETE FROM sensor_state i USING sensor WHERE i.sensor_key = sensor.sensor_key AND i.item = ANY($4::text[]) RETURNING 1
  ), put AS (
    INSERT INTO sensor_state (sensor_key, item, value)
    SELECT sensor.sensor_key, i.item, COALESCE(i.value, 'null') FROM sensor, json_to_recordset($3::json) AS i(item text, value jsonb)
    ON CONFLICT (sensor_key, item) DO UPDATE SET value = EXCLUDED.value
  )`;

/** What is sent about sensors. Times come as milliseconds and are converted by `from_ms`. */
export const sensorStatements = {
  /** Sensors of a definition that comes into force: those that it has no more go, with all that belongs to them. */
  put: {
    name: "put_sensors",
    text: `WITH next AS (
      SELECT * FROM json_to_recordset($2::json) AS n(id text, source text, definition jsonb)
    ), gone AS (
      DELETE FROM sensors WHERE dag_key = $1 AND sensor_id NOT IN (SELECT id FROM next)
    ), forgotten AS (
      DELETE FROM sensor_state i USING sensors s, next n
      WHERE i.sensor_key = s.sensor_key AND s.dag_key = $1 AND s.sensor_id = n.id AND s.definition->>'source' <> n.source
    )
    INSERT INTO sensors AS s (dag_key, sensor_id, definition) SELECT $1, id, definition FROM next
    ON CONFLICT (dag_key, sensor_id) DO UPDATE SET definition = EXCLUDED.definition, next_at = now(), factor = 1, quiet_count = 0,
      failure_count = 0,
      state_version = CASE WHEN ${isSame()} THEN s.state_version ELSE s.state_version + 1 END,
      has_baseline = s.has_baseline AND ${isSame()},
      error = CASE WHEN ${isSame()} THEN s.error END, error_since = CASE WHEN ${isSame()} THEN s.error_since END`,
  },

  setPaused: {
    name: "set_sensor_paused",
    text: `UPDATE sensors s SET is_paused = $3, next_at = CASE WHEN $3 THEN s.next_at ELSE now() END
    FROM dags d WHERE d.dag_key = s.dag_key AND d.dag_id = $1 AND d.is_active AND s.sensor_id = $2 RETURNING s.sensor_key`,
  },

  requestPoll: {
    name: "request_sensor_poll",
    text: `UPDATE sensors s SET next_at = now() FROM dags d
    WHERE d.dag_key = s.dag_key AND d.dag_id = $1 AND d.is_active AND s.sensor_id = $2 RETURNING s.sensor_key`,
  },

  listDue: {
    name: "list_due_sensors",
    text: `SELECT ${polledColumns} ${polled} AND s.next_at <= now() ORDER BY s.next_at, s.sensor_key LIMIT $3`,
  },

  nextDue: {
    name: "next_due_sensor",
    text: `SELECT (extract(epoch FROM min(s.next_at) - now()) * 1000)::double precision AS ms ${polled}`,
  },

  readState: {
    name: "read_sensor_state",
    text: `SELECT s.state_version, COALESCE((SELECT json_object_agg(i.item, i.value) FROM sensor_state i WHERE i.sensor_key = s.sensor_key), '{}') AS items
    FROM sensors s WHERE s.sensor_key = $1`,
  },

  /** The leader's row is locked with it, so that no other can begin to lead before this is written. */
  record: {
    name: "record_sensor_poll",
    text: `WITH leader AS (${leader} FOR SHARE
    ), before AS (SELECT error FROM sensors WHERE sensor_key = $1
    ), sensor AS (
      UPDATE sensors s SET last_polled_at = now(), state_version = s.state_version + CASE WHEN $6::boolean THEN 1 ELSE 0 END,
        has_baseline = s.has_baseline OR $6::boolean,
        next_at = CASE WHEN s.next_at > from_ms($7) THEN s.next_at ELSE from_ms($8) END,
        factor = $9, quiet_count = $10, failure_count = $11, error = $12::text,
        error_since = CASE WHEN $12::text IS NULL THEN NULL ELSE COALESCE(s.error_since, now()) END,
        last_event_at = CASE WHEN $13::json IS NULL THEN s.last_event_at ELSE now() END
      WHERE s.sensor_key = $1 AND s.state_version = $5::bigint AND EXISTS (SELECT 1 FROM leader)
      RETURNING s.sensor_key, s.dag_key, s.sensor_id
    ), ${patch}, seen AS (
      INSERT INTO sensor_events (sensor_key, subject, data, reason)
      SELECT sensor.sensor_key, e.subject, e.data, e.reason FROM sensor, json_to_recordset(COALESCE($13::json, '[]')) AS e(subject text, data jsonb, reason text)
    ), event AS (
      INSERT INTO outbox (event_type, resource_type, resource_id, dag_id, data)
      SELECT 'sensor.failed', 'sensor', d.dag_id || '/' || sensor.sensor_id, d.dag_id, jsonb_build_object('sensor_id', sensor.sensor_id, 'error', $12::text)
      FROM sensor JOIN dags d USING (dag_key), before WHERE $12::text IS NOT NULL AND before.error IS NULL RETURNING 1
    ) SELECT EXISTS (SELECT 1 FROM sensor) AS is_written, EXISTS (SELECT 1 FROM event) AS has_failed`,
  },

  /** The event of a run: guarded by the state that it follows from. `$2`: the run, in the same transaction. */
  fire: {
    name: "fire_sensor",
    text: `WITH sensor AS (
      UPDATE sensors s SET state_version = s.state_version + 1, last_event_at = now()
      WHERE s.sensor_key = $1 AND s.state_version = $5::bigint AND s.has_baseline RETURNING s.sensor_key, s.dag_key, s.sensor_id
    ), ${patch}, seen AS (
      INSERT INTO sensor_events (sensor_key, subject, data, run_id) SELECT sensor.sensor_key, $6::text, $7::jsonb, $2::text FROM sensor
    ), event AS (
      INSERT INTO outbox (event_type, resource_type, resource_id, dag_id, data)
      SELECT 'sensor.event', 'sensor', d.dag_id || '/' || sensor.sensor_id, d.dag_id,
        jsonb_build_object('sensor_id', sensor.sensor_id, 'subject', $6::text, 'dag_run_id', $2::text)
      FROM sensor JOIN dags d USING (dag_key)
    ) SELECT sensor_key FROM sensor`,
  },

  listEndedRuns: {
    name: "list_ended_runs_for_sensor",
    text: `SELECT r.run_id, r.state, r.logical_at, r.ended_at FROM dag_runs r JOIN dags d ON d.dag_key = r.dag_key
    WHERE d.dag_id = $2 AND r.ended_at BETWEEN from_ms($4) AND from_ms($5) AND r.state = ANY($3::text[]) AND NOT r.is_archived
      AND NOT EXISTS (SELECT 1 FROM sensor_events e WHERE e.sensor_key = $1 AND e.subject = r.run_id)
    ORDER BY r.ended_at, r.run_key LIMIT $6`,
  },

  dropEvents: {
    name: "drop_sensor_events",
    text: `DELETE FROM sensor_events WHERE event_key IN (SELECT event_key FROM sensor_events WHERE created_at < from_ms($1) LIMIT $2) RETURNING event_key`,
  },
} as const;

function isSame(): string {
  return "s.definition->>'source' = EXCLUDED.definition->>'source'";
}
