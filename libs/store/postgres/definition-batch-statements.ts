/** What is sent to register many definitions at once: one statement for each step of a registration. */
export const definitionBatchStatements = {
  /** In one order, so that two batches don't wait for each other. */
  insertDags: {
    name: "insert_dags",
    text: `INSERT INTO dags (dag_id, is_active) SELECT dag_id, false FROM unnest($1::text[]) AS dag_id ORDER BY dag_id
    ON CONFLICT (dag_id) DO NOTHING`,
  },

  lockDags: {
    name: "lock_dags",
    text: `SELECT d.dag_id, d.dag_key, d.is_active, d.file_path, d.active_version_key, v.version, v.hash
    FROM dags d LEFT JOIN dag_versions v ON v.version_key = d.active_version_key WHERE d.dag_id = ANY($1::text[])
    ORDER BY d.dag_id FOR UPDATE OF d`,
  },

  dropImportErrors: { name: "drop_import_errors", text: "DELETE FROM import_errors WHERE file_path = ANY($1::text[])" },

  /** Definitions that have some are registered by themselves. */
  dropWebhooks: { name: "drop_webhooks", text: "DELETE FROM webhooks WHERE dag_key = ANY($1::bigint[])" },
  dropSensors: { name: "drop_sensors", text: "DELETE FROM sensors WHERE dag_key = ANY($1::bigint[])" },

  /** A record without `version_key` is a new content; the others put the version in force that they name. */
  putVersions: {
    name: "put_dag_versions",
    text: `WITH next AS (
      SELECT * FROM json_to_recordset($1::json) AS n(dag_key bigint, dag_id text, version_key bigint, version integer, hash text,
        definition jsonb, source_text text, source text, file_path text, description text, owner text, tags text[], priority integer)
    ), inserted AS (
      INSERT INTO dag_versions (dag_key, version, hash, definition, source_text, source, file_path)
      SELECT n.dag_key, COALESCE((SELECT max(v.version) FROM dag_versions v WHERE v.dag_key = n.dag_key), 0) + 1, n.hash, n.definition,
        n.source_text, n.source, n.file_path FROM next n WHERE n.version_key IS NULL RETURNING dag_key, version_key, version
    ), chosen AS (
      SELECT dag_key, version_key, version FROM inserted
      UNION ALL SELECT dag_key, version_key, version FROM next WHERE version_key IS NOT NULL
    ), activated AS (
      UPDATE dags d SET active_version_key = c.version_key, file_path = n.file_path, is_active = true, description = n.description,
        owner = n.owner, tags = n.tags, priority = n.priority, updated_at = now()
      FROM next n JOIN chosen c USING (dag_key) WHERE d.dag_key = n.dag_key
    ), event AS (
      INSERT INTO outbox (event_type, resource_type, resource_id, dag_id, data)
      SELECT 'dag.updated', 'dag', n.dag_id, n.dag_id, jsonb_build_object('version', c.version, 'file_path', n.file_path)
      FROM next n JOIN chosen c USING (dag_key)
    ) SELECT dag_key, version FROM chosen`,
  },
} as const;
