import type { KeptKind } from "#ports/retention-store.ts";
import type { Statement } from "./database.ts";

const tables: Readonly<Record<KeptKind, string>> = { outputs: "outputs", artifacts: "artifacts", logs: "log_chunks" };

/** Of a run `r` that ended `ms` ago, in milliseconds, and that no task waits for. */
function mayLose(ms: string): string {
  return `r.ended_at <= now() - ${ms}::double precision * interval '1 millisecond'
      AND NOT EXISTS (SELECT 1 FROM waits w WHERE w.child_run_id = r.run_id AND w.has_open_child)`;
}

/**
 * Walks from run to run in the index of the rows, whatever number of rows each has. Keys rise with the making of runs: behind the
 * first run that was made too late no other can have ended in time.
 */
function listAged(kind: KeptKind): Statement {
  const table = tables[kind];
  const next = (after: string): string =>
    `SELECT run_key FROM ${table} WHERE run_key > ${after} ORDER BY run_key LIMIT 1`;
  return {
    name: `list_aged_${kind}`,
    text: `WITH RECURSIVE keys AS (
        (${next("$1")})
        UNION ALL SELECT (${next("keys.run_key")}) FROM keys WHERE keys.run_key IS NOT NULL
      ), looked AS (SELECT run_key FROM keys WHERE run_key IS NOT NULL LIMIT $3)
      SELECT run_key, COALESCE(r.queued_at > now() - $2::double precision * interval '1 millisecond', false) AS is_young,
        COALESCE(${mayLose("$2")}, false) AS is_aged
      FROM looked LEFT JOIN dag_runs r USING (run_key) ORDER BY run_key`,
  };
}

/** The run is locked first, and must still have ended: who reruns it comes before or after. */
const aged = `aged AS (SELECT r.run_key FROM dag_runs r WHERE r.run_key = ANY($1::bigint[]) AND ${mayLose("$2")}
      ORDER BY r.run_key FOR UPDATE SKIP LOCKED)`;

function noted(kind: KeptKind): string {
  return `noted AS (INSERT INTO removals (run_key, kind, retention_ms) SELECT run_key, '${kind}', $2 FROM aged
      ON CONFLICT (run_key, kind) DO UPDATE SET removed_at = now(), retention_ms = excluded.retention_ms)`;
}

/** What was decided for the run as it was before, with its outputs, is refused. */
const removeOutputs = `WITH ${aged}, ${noted("outputs")}, changed AS (
      UPDATE dag_runs r SET sequence = r.sequence + 1, revision = r.revision + 1 FROM aged WHERE r.run_key = aged.run_key
    ), doomed AS (SELECT o.run_key, o.ordinal, o.key FROM outputs o JOIN aged USING (run_key) LIMIT $3
    ), gone AS (DELETE FROM outputs o USING doomed d WHERE o.run_key = d.run_key AND o.ordinal = d.ordinal AND o.key = d.key RETURNING 1)
    SELECT count(*)::integer AS count FROM gone`;

const removeArtifacts = `WITH ${aged}, ${noted("artifacts")}, doomed AS (
      SELECT a.artifact_key FROM artifacts a JOIN aged USING (run_key) LIMIT $3
    ), gone AS (DELETE FROM artifacts a USING doomed d WHERE a.artifact_key = d.artifact_key RETURNING a.location
    ), unlisted AS (INSERT INTO unlisted_files (location, due_at) SELECT location, now() FROM gone
      ON CONFLICT (location) DO UPDATE SET due_at = excluded.due_at)
    SELECT count(*)::integer AS count FROM gone`;

const removeLogs = `WITH ${aged}, ${noted("logs")}, doomed AS (
      SELECT l.run_key, l.ordinal, l.generation, l.try_number, l.chunk_sequence, l.created_at FROM log_chunks l JOIN aged USING (run_key) LIMIT $3
    ), gone AS (DELETE FROM log_chunks l USING doomed d WHERE l.run_key = d.run_key AND l.ordinal = d.ordinal AND l.generation = d.generation
      AND l.try_number = d.try_number AND l.chunk_sequence = d.chunk_sequence AND l.created_at = d.created_at RETURNING 1)
    SELECT count(*)::integer AS count FROM gone`;

export const listAgedStatements: Readonly<Record<KeptKind, Statement>> = {
  outputs: listAged("outputs"),
  artifacts: listAged("artifacts"),
  logs: listAged("logs"),
};

export const removeStatements: Readonly<Record<KeptKind, Statement>> = {
  outputs: { name: "remove_outputs", text: removeOutputs },
  artifacts: { name: "remove_artifacts", text: removeArtifacts },
  logs: { name: "remove_logs", text: removeLogs },
};

export const listRemovals: Statement = {
  name: "list_removals",
  text: "SELECT kind, removed_at, retention_ms FROM removals WHERE run_key = $1 ORDER BY kind",
};

export const listUnlistedFiles: Statement = {
  name: "list_unlisted_files",
  text: "SELECT location, failure_count FROM unlisted_files WHERE due_at <= now() ORDER BY due_at, location LIMIT $1",
};

/** One that is listed again, or about to be, is none of these. */
export const forgetFiles: Statement = {
  name: "forget_files",
  text: "DELETE FROM unlisted_files WHERE location = ANY($1::text[]) AND due_at <= now()",
};

/** One that is about to be listed is due later than now, and stays so. */
export const postponeFiles: Statement = {
  name: "postpone_files",
  text: `UPDATE unlisted_files u SET due_at = now() + f.due_in_ms * interval '1 millisecond', failure_count = u.failure_count + 1,
      failure = f.reason FROM unnest($1::text[], $2::double precision[], $3::text[]) f (location, due_in_ms, reason)
      WHERE u.location = f.location AND u.due_at <= now()`,
};

/** By the places of the artifacts of the attempt that the location names: `run/ordinal/generation.try/name`. */
const unknown = `SELECT f.location FROM unnest($1::text[]) f (location)
      WHERE NOT EXISTS (SELECT 1 FROM unlisted_files u WHERE u.location = f.location)
        AND NOT EXISTS (SELECT 1 FROM artifacts a WHERE a.run_key = split_part(f.location, '/', 1)::bigint
          AND a.ordinal = split_part(f.location, '/', 2)::integer AND a.generation = split_part(split_part(f.location, '/', 3), '.', 1)::integer
          AND a.try_number = split_part(split_part(f.location, '/', 3), '.', 2)::integer AND a.location = f.location)`;

export const findUnknownFiles: Statement = { name: "find_unknown_files", text: unknown };

export const noteFiles: Statement = {
  name: "note_files",
  text: `INSERT INTO unlisted_files (location, due_at) SELECT location, now() FROM (${unknown}) files ON CONFLICT DO NOTHING`,
};
