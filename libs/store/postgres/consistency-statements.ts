import { ofRun } from "#core/limits.ts";

/** One kind of stray: rows `(subject, detail)`, at most `$1`; `$2` is its limit in milliseconds. */
interface StrayStatement {
  readonly name: string;
  readonly text: string;
}

/** Beyond so many rows a count is "or more": a check must end. */
const countLimit = 10_000;
/** So many of the last event ids are looked at for gaps. */
const eventWindow = 10_000;

const ago = "$2::bigint * interval '1 ms'";

/** Slots whose holder is gone or no longer holds them. A slot and its holder change in one transaction, so no snapshot has any. */
const idleSlots = `SELECT s.limit_name, s.number, s.run_key, s.ordinal, s.taken_at, format('%s, row %s', s.limit_name, s.number) AS subject
  FROM slot_rows s WHERE s.run_key IS NOT NULL AND NOT CASE WHEN s.ordinal = ${ofRun}
    THEN EXISTS (SELECT 1 FROM dag_runs r WHERE r.run_key = s.run_key AND r.ended_at IS NULL AND r.is_admitted)
    ELSE EXISTS (SELECT 1 FROM task_instances t WHERE t.run_key = s.run_key AND t.ordinal = s.ordinal AND t.held) END
  ORDER BY s.limit_name, s.number LIMIT $1`;

/** What is wrong beside runs, by kind. */
export const strayStatements = {
  outbox_stuck: {
    name: "stray_outbox",
    text: `SELECT '' AS subject, format('%s events have no id, the oldest since %s', count(*), min(created_at)) AS detail
      FROM (SELECT created_at FROM outbox WHERE event_id IS NULL AND created_at < now() - ${ago} ORDER BY outbox_key LIMIT ${countLimit}) waiting
      HAVING count(*) > 0 LIMIT $1`,
  },
  event_gap: {
    name: "stray_event_gap",
    text: `SELECT '' AS subject, format('%s events have %s ids from %s to %s', found, ids, oldest, newest) AS detail
      FROM (SELECT count(*) AS found, count(DISTINCT event_id) AS ids, min(event_id) AS oldest, max(event_id) AS newest FROM outbox
        WHERE event_id > (SELECT counter FROM leases WHERE name = 'relay') - ${eventWindow}) recent
      WHERE $2::bigint = 0 AND (found <> ids OR ids <> newest - oldest + 1) LIMIT $1`,
  },
  date_index: {
    name: "stray_date_index",
    text: `SELECT 'dag_runs_logical_date' AS subject, 'the unique index of DAG and logical date is missing or not valid' AS detail
      WHERE $2::bigint = 0 AND NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indexrelid = to_regclass('dag_runs_logical_date') AND i.indisvalid AND i.indisunique)
      LIMIT $1`,
  },
  lease_far: {
    name: "stray_lease",
    text: `SELECT name AS subject, format('%s holds it until %s', holder, expires_at) AS detail FROM leases
      WHERE expires_at > now() + ${ago} ORDER BY name LIMIT $1`,
  },
  slot_idle: {
    name: "stray_slot",
    text: `SELECT subject, format('instance %s of run row %s has it since %s', ordinal, run_key, taken_at) AS detail FROM (${idleSlots}) idle
      WHERE $2::bigint = 0`,
  },
  schedule_overdue: {
    name: "stray_schedule",
    text: `SELECT d.dag_id AS subject, format('its slot %s was to be looked at %s', s.next_at, COALESCE(s.look_at, s.next_at)) AS detail
      FROM schedules s JOIN dags d USING (dag_key)
      WHERE d.is_active AND NOT d.is_paused AND s.next_at IS NOT NULL AND GREATEST(COALESCE(s.look_at, s.next_at), d.resumed_at) < now() - ${ago} ORDER BY 1 LIMIT $1`,
  },
  version_missing: {
    name: "stray_version",
    text: `SELECT d.dag_id AS subject, 'it is in force, and has no version of its own' AS detail
      FROM dags d LEFT JOIN dag_versions v ON v.version_key = d.active_version_key AND v.dag_key = d.dag_key
      WHERE $2::bigint = 0 AND d.is_active AND v.version_key IS NULL ORDER BY 1 LIMIT $1`,
  },
  queue_without_worker: {
    name: "stray_queue",
    text: `SELECT queue AS subject, format('%s tasks wait, the oldest since %s', count(*), min(queued_at)) AS detail
      FROM (SELECT t.queue, t.queued_at FROM task_instances t JOIN dag_runs r USING (run_key)
        WHERE t.state = 'queued' AND NOT t.held AND t.items_total = 0 AND t.queued_at < now() - ${ago} AND t.waits_for IS NULL
          AND (t.due_at IS NULL OR t.due_at < now() - ${ago}) AND NOT r.is_paused LIMIT ${countLimit}) waiting
      WHERE NOT EXISTS (SELECT 1 FROM workers w WHERE w.status NOT IN ('lost', 'stopped') AND waiting.queue = ANY(w.queues))
      GROUP BY queue ORDER BY 1 LIMIT $1`,
  },
  worker_overdue: {
    name: "stray_worker",
    text: `SELECT worker_id AS subject, format('its lease ended %s, and it is %s', lease_expires_at, status) AS detail FROM workers
      WHERE status NOT IN ('lost', 'stopped') AND lease_expires_at < now() - ${ago} ORDER BY 1 LIMIT $1`,
  },
  files_overdue: {
    name: "stray_files",
    text: `WITH overdue AS (
        (SELECT location, failure_count, failure FROM unlisted_files WHERE failure_count >= $3::integer ORDER BY failure_count DESC LIMIT ${countLimit})
        UNION (SELECT location, failure_count, failure FROM unlisted_files WHERE due_at < now() - ${ago} ORDER BY due_at LIMIT ${countLimit})
      ) SELECT '' AS subject, format('%s files were to be removed, such as %s: %s', (SELECT count(*) FROM overdue), location,
          COALESCE(failure, 'nobody has tried')) AS detail
        FROM overdue ORDER BY failure_count DESC, location LIMIT least($1, 1)`,
  },
} as const satisfies Readonly<Record<string, StrayStatement>>;

/** What else the check reads and writes. */
export const consistencyStatements = {
  /** Two runs of one date; only looked for when the index that forbids them is gone. */
  duplicateDates: {
    name: "stray_duplicate_dates",
    text: `SELECT dag_id AS subject, format('%s runs of %s', count(*), logical_at) AS detail FROM dag_runs
    WHERE NOT is_archived GROUP BY dag_id, logical_at HAVING count(*) > 1 ORDER BY 1 LIMIT $1`,
  },

  listRuns: {
    name: "consistency_list_runs",
    text: `SELECT run_key, (SELECT count(*) FROM task_instances t WHERE t.run_key = r.run_key) AS instance_count
    FROM dag_runs r WHERE run_key > $1 AND ended_at IS NULL ORDER BY run_key LIMIT $2`,
  },

  listEndedRuns: {
    name: "consistency_list_ended",
    text: `SELECT run_key, (SELECT count(*) FROM task_instances t WHERE t.run_key = r.run_key) AS instance_count
    FROM dag_runs r WHERE run_key > $1 AND ended_at IS NOT NULL ORDER BY run_key LIMIT $2`,
  },

  /** Open ones, those that their instance says it holds, and all of instances that are missing. */
  listAttempts: {
    name: "consistency_attempts",
    text: `SELECT a.run_key, a.ordinal, a.generation, a.try_number, a.fence, a.worker_key, a.state = 'running' AS is_running,
      a.released_at IS NOT NULL AS is_released
    FROM attempts a LEFT JOIN task_instances t USING (run_key, ordinal)
    WHERE a.run_key = ANY($1::bigint[]) AND (a.released_at IS NULL OR t.run_key IS NULL OR (t.held AND t.held_fence = a.fence))
    ORDER BY a.run_key, a.ordinal, a.fence`,
  },

  listGoneWorkers: {
    name: "consistency_gone_workers",
    text: `SELECT DISTINCT t.run_key, COALESCE(t.worker_key, 0) AS worker_key FROM task_instances t LEFT JOIN workers w USING (worker_key)
    WHERE t.run_key = ANY($1::bigint[]) AND t.held AND (w.worker_key IS NULL OR w.status IN ('lost', 'stopped'))`,
  },

  listStaleOutputs: {
    name: "consistency_stale_outputs",
    text: `SELECT o.run_key, o.ordinal, o.key FROM outputs o LEFT JOIN task_instances t USING (run_key, ordinal)
    WHERE o.run_key = ANY($1::bigint[]) AND o.generation IS DISTINCT FROM t.generation ORDER BY 1, 2, 3`,
  },

  deleteStaleOutputs: {
    name: "consistency_delete_outputs",
    text: `DELETE FROM outputs o USING task_instances t
    WHERE o.run_key = $1 AND t.run_key = o.run_key AND t.ordinal = o.ordinal AND o.generation <> t.generation RETURNING 1`,
  },

  storeNow: {
    name: "consistency_now",
    text: "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::double precision AS now",
  },

  /** Waits for nobody: a run that another process writes is looked at again later. */
  lockRun: {
    name: "consistency_lock_run",
    text: "SELECT run_key FROM dag_runs WHERE run_key = $1 FOR UPDATE SKIP LOCKED",
  },

  findRun: { name: "consistency_find_run", text: "SELECT 1 AS found FROM dag_runs WHERE run_key = $1" },

  /** Whoever remembers the run reads all its instances again: what was changed by hand has raised no sequence. */
  markAllChanged: {
    name: "consistency_mark_changed",
    text: "UPDATE task_instances SET changed_sequence = $2 WHERE run_key = $1 AND changed_sequence <> $2",
  },

  freeIdleSlots: {
    name: "consistency_free_slots",
    text: `UPDATE slot_rows s SET run_key = NULL, ordinal = NULL, taken_at = NULL FROM (${idleSlots}) i
    WHERE s.limit_name = i.limit_name AND s.number = i.number AND s.run_key = i.run_key AND s.ordinal = i.ordinal AND s.taken_at = i.taken_at
    RETURNING i.subject`,
  },

  shortenLeases: {
    name: "consistency_shorten_leases",
    text: `UPDATE leases SET expires_at = now() + $1::bigint * interval '1 ms' WHERE expires_at > now() + $2::bigint * interval '1 ms' RETURNING name`,
  },

  forgetRequests: {
    name: "consistency_forget_requests",
    text: `DELETE FROM requests WHERE (caller, request_id) IN (SELECT caller, request_id FROM requests
    WHERE created_at < now() - interval '24 hours' ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING 1`,
  },

  readSettings: {
    name: "consistency_settings",
    text: `SELECT name, setting, (extract(epoch FROM clock_timestamp()) * 1000)::double precision AS now
    FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')`,
  },

  listWorkerVersions: {
    name: "consistency_worker_versions",
    text: "SELECT worker_id, version FROM workers WHERE status NOT IN ('lost', 'stopped') ORDER BY worker_id LIMIT 1000",
  },
} as const;
