/** What the definition repository sends. Times come as milliseconds and are converted by `from_ms`. */
export const definitionStatements = {
  insertDag: {
    name: "insert_dag",
    text: "INSERT INTO dags (dag_id, is_active) VALUES ($1, false) ON CONFLICT (dag_id) DO NOTHING",
  },

  /** Locks the DAG's row: registrations of one id wait for each other. */
  lockDag: {
    name: "lock_dag",
    text: `SELECT d.dag_key, d.is_active, d.file_path, d.active_version_key, v.version, v.hash
    FROM dags d LEFT JOIN dag_versions v ON v.version_key = d.active_version_key WHERE d.dag_id = $1 FOR UPDATE OF d`,
  },

  insertVersion: {
    name: "insert_dag_version",
    text: `INSERT INTO dag_versions (dag_key, version, hash, definition, source_text, source, file_path)
    SELECT $1::bigint, COALESCE(max(version), 0) + 1, $2, $3::jsonb, $4, $5, $6 FROM dag_versions WHERE dag_key = $1::bigint
    RETURNING version_key, version`,
  },

  activateVersion: {
    name: "activate_dag_version",
    text: `UPDATE dags SET active_version_key = $2, file_path = $3, is_active = true, description = $4, owner = $5, tags = $6, priority = $7,
    updated_at = now() WHERE dag_key = $1`,
  },

  /** The DAGs of a file, but not the one with key `$2`. */
  archiveDags: {
    name: "archive_dags",
    text: archiving("file_path = $1 AND is_active AND dag_key IS DISTINCT FROM $2::bigint"),
  },

  /** The DAGs of these files, but not those of the keys `$2`. */
  archiveFiles: {
    name: "archive_files",
    text: archiving("file_path = ANY($1::text[]) AND is_active AND dag_key <> ALL($2::bigint[])"),
  },

  archiveDag: { name: "archive_dag", text: archiving("dag_key = $1 AND is_active") },

  /** Names that another DAG in force has are not taken, and do not come back. */
  claimHooks: {
    name: "claim_webhooks",
    text: `WITH dropped AS (DELETE FROM webhooks WHERE dag_key = $1 AND name <> ALL($2::text[]))
    INSERT INTO webhooks AS w (name, dag_key) SELECT name, $1 FROM unnest($2::text[]) AS name
    ON CONFLICT (name) DO UPDATE SET dag_key = EXCLUDED.dag_key
    WHERE w.dag_key = EXCLUDED.dag_key OR NOT EXISTS (SELECT 1 FROM dags d WHERE d.dag_key = w.dag_key AND d.is_active)
    RETURNING name`,
  },

  findHookOwner: {
    name: "find_webhook_owner",
    text: "SELECT d.dag_id, d.file_path, d.is_active FROM webhooks w JOIN dags d USING (dag_key) WHERE w.name = $1",
  },

  emitDagEvent: {
    name: "emit_dag_event",
    text: "INSERT INTO outbox (event_type, resource_type, resource_id, dag_id, data) VALUES ($1, 'dag', $2::text, $2::text, $3::jsonb)",
  },

  /** A file that stays broken in the same way keeps its time and makes no event. */
  putImportError: {
    name: "put_import_error",
    text: `WITH written AS (
      INSERT INTO import_errors AS e (file_path, hash, problems) VALUES ($1, $2, $3::jsonb)
      ON CONFLICT (file_path) DO UPDATE SET hash = EXCLUDED.hash, problems = EXCLUDED.problems
      WHERE e.hash <> EXCLUDED.hash OR e.problems <> EXCLUDED.problems RETURNING file_path
    ), event AS (
      INSERT INTO outbox (event_type, resource_type, resource_id, dag_id, data)
      SELECT 'dag.validation_failed', 'dag', COALESCE(d.dag_id, w.file_path), d.dag_id,
        jsonb_build_object('file_path', w.file_path, 'problem_count', jsonb_array_length($3::jsonb))
      FROM written w LEFT JOIN dags d ON d.file_path = w.file_path AND d.is_active
    ) SELECT file_path FROM written`,
  },

  dropImportError: { name: "drop_import_error", text: "DELETE FROM import_errors WHERE file_path = $1" },

  setPaused: {
    name: "set_dag_paused",
    text: `WITH found AS (SELECT dag_key, dag_id, is_paused FROM dags WHERE dag_id = $1 FOR UPDATE
    ), changed AS (
      UPDATE dags d SET is_paused = $2, resumed_at = CASE WHEN $2 THEN d.resumed_at ELSE now() END, updated_at = now() FROM found f WHERE d.dag_key = f.dag_key AND f.is_paused <> $2 RETURNING d.dag_id
    ), event AS (
      INSERT INTO outbox (event_type, resource_type, resource_id, dag_id, data)
      SELECT 'dag.paused', 'dag', dag_id, dag_id, jsonb_build_object('is_paused', $2::boolean) FROM changed
    ) SELECT (SELECT count(*) FROM changed) AS changed FROM found`,
  },

  /** Without the content where the reader has that version, `$2`. */
  getActive: {
    name: "get_active_definition",
    text: `SELECT d.dag_key, d.dag_id, v.version_key, v.version, d.is_active, d.is_paused,
      CASE WHEN v.version_key IS DISTINCT FROM $2::bigint THEN v.definition END AS definition
    FROM dags d JOIN dag_versions v ON v.version_key = d.active_version_key WHERE d.dag_id = $1`,
  },

  getVersion: {
    name: "get_dag_version",
    text: "SELECT d.dag_id, v.version, v.file_path, v.definition FROM dag_versions v JOIN dags d USING (dag_key) WHERE v.version_key = $1",
  },

  /** The content that was last looked at: of a broken file that of its import error. */
  listKnownFiles: {
    name: "list_known_files",
    text: `SELECT COALESCE(e.file_path, f.file_path) AS file_path, COALESCE(e.hash, f.hash) AS hash, f.dag_id, f.dag_id IS NOT NULL AS is_active
    FROM (SELECT d.file_path, v.hash, d.dag_id FROM dags d JOIN dag_versions v ON v.version_key = d.active_version_key
      WHERE d.is_active AND d.file_path IS NOT NULL) f
    FULL JOIN import_errors e ON e.file_path = f.file_path ORDER BY 1`,
  },
} as const;

/** Takes DAGs out of force: schedule gone, runs in progress marked as orphaned, an event each. */
function archiving(condition: string): string {
  return `WITH archived AS (
      UPDATE dags SET is_active = false, updated_at = now() WHERE ${condition} RETURNING dag_key, dag_id, file_path
    ), unscheduled AS (DELETE FROM schedules s USING archived a WHERE s.dag_key = a.dag_key
    ), orphaned AS (UPDATE dag_runs r SET is_orphaned = true FROM archived a WHERE r.dag_key = a.dag_key AND r.ended_at IS NULL
    ), event AS (
      INSERT INTO outbox (event_type, resource_type, resource_id, dag_id, data)
      SELECT 'dag.archived', 'dag', dag_id, dag_id, jsonb_build_object('file_path', file_path) FROM archived
    ) SELECT dag_key FROM archived`;
}
