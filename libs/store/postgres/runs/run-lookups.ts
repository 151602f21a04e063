export const readFacts = {
  name: "read_run_facts",
  text: `SELECT run_key, run_id, dag_id, version_key, revision, run_type, logical_at, interval_start_at, interval_end_at, started_at, parameters, traceparent
    FROM dag_runs WHERE run_key = ANY($1::bigint[])`,
};

export const readOutputs = {
  name: "read_outputs",
  text: "SELECT ordinal, key, value_json AS json FROM outputs WHERE run_key = $1 AND ordinal = ANY($2::integer[])",
};

export const findRunKey = { name: "find_run_key", text: "SELECT run_key FROM dag_runs WHERE run_id = $1" };

export const findRunOfDate = {
  name: "find_run_of_date",
  text: "SELECT run_key, run_id FROM dag_runs WHERE dag_key = $1 AND logical_at = from_ms($2) AND NOT is_archived",
};

export const findRequest = {
  name: "find_request",
  text: "SELECT body_hash, run_id, answer FROM requests WHERE caller = $1 AND request_id = $2 AND created_at > now() - interval '24 hours'",
};

export const forgetRequest = {
  name: "forget_request",
  text: "DELETE FROM requests WHERE caller = $1 AND request_id = $2 AND created_at <= now() - interval '24 hours'",
};

/** An answer of the last day stays as it is, one of an earlier day is nobody's any more. */
const isOver = "r.created_at <= now() - interval '24 hours'";
export const keepRequest = {
  name: "keep_request",
  text: `INSERT INTO requests AS r (caller, request_id, body_hash, run_id, answer) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (caller, request_id) DO UPDATE SET body_hash = CASE WHEN ${isOver} THEN excluded.body_hash ELSE r.body_hash END,
      run_id = CASE WHEN ${isOver} THEN excluded.run_id ELSE r.run_id END, answer = CASE WHEN ${isOver} THEN excluded.answer ELSE r.answer END,
      created_at = CASE WHEN ${isOver} THEN excluded.created_at ELSE r.created_at END
    RETURNING body_hash, run_id, answer`,
};

/** Raises the sequence, so that nobody changes the run by what he knew of it before. */
export const archiveRun = {
  name: "archive_run",
  text: "UPDATE dag_runs SET is_archived = true, sequence = sequence + 1 WHERE run_key = $1 AND NOT is_archived RETURNING run_key",
};
