import type { RunState, TaskState } from "#core/states.ts";
import type { Queries } from "#ports/queries.ts";
import type { RunView } from "#ports/run-views.ts";
import type { RunType } from "#ports/new-run.ts";
import type { Database } from "./database.ts";
import { type ListQuery, readPage } from "./page-statement.ts";

interface RunViewRow {
  readonly run_key: number;
  readonly run_id: string;
  readonly dag_id: string;
  readonly version: number;
  readonly state: RunState;
  readonly is_paused: boolean;
  readonly is_orphaned: boolean;
  readonly is_archived: boolean;
  readonly logical_at: number;
  readonly interval_start_at: number;
  readonly interval_end_at: number;
  readonly queued_at: number;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly run_type: RunType;
  readonly triggered_by: string;
  readonly external_trigger_id: string;
  readonly traceparent: string | null;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly note: string;
  readonly warnings: readonly string[];
  readonly counts: Readonly<Record<TaskState, number>>;
}

const runColumns = `r.run_key, r.run_id, r.dag_id, v.version, r.state, r.is_paused, r.is_orphaned, r.is_archived, r.logical_at,
  r.interval_start_at, r.interval_end_at, r.queued_at, r.started_at, r.ended_at, r.run_type, r.triggered_by, r.external_trigger_id,
  r.traceparent, r.parameters, r.note, r.warnings, r.counts`;

const runSource = "dag_runs r JOIN dag_versions v ON v.version_key = r.version_key";

const getRun = { name: "get_run_view", text: `SELECT ${runColumns} FROM ${runSource} WHERE r.run_id = $1` };

const latestRun = {
  name: "latest_run_id",
  text: `SELECT run_id FROM dag_runs WHERE dag_key = (SELECT dag_key FROM dags WHERE dag_id = $1) AND NOT is_archived ORDER BY run_key DESC LIMIT 1`,
};

const listUnended = {
  name: "list_unended_runs",
  text: "SELECT run_id FROM dag_runs WHERE run_id = ANY($1::text[]) AND ended_at IS NULL",
};

/** Newest first. What has not begun or ended sorts as if it will, after all others. */
export const runList = {
  columns: runColumns,
  from: runSource,
  order: [{ sql: "r.run_key", type: "bigint", descending: true }],
  sorts: {
    execution_date: { sql: "r.logical_at", type: "timestamptz" },
    queued_at: { sql: "r.queued_at", type: "timestamptz" },
    start_date: { sql: "COALESCE(r.started_at, 'infinity')", type: "timestamptz" },
    end_date: { sql: "COALESCE(r.ended_at, 'infinity')", type: "timestamptz" },
    dag_id: { sql: "r.dag_id", type: "text" },
    state: { sql: "r.state", type: "text" },
  },
  toItem: fromRow,
} satisfies Omit<ListQuery<RunViewRow, RunView>, "conditions">;

export function createRunQueries(
  database: Database,
): Pick<Queries, "listRuns" | "getRun" | "latestRunId" | "listUnended"> {
  return {
    listRuns(page, { dagId, states }) {
      const conditions = [
        ...(dagId === null ? [] : [{ sql: "r.dag_key = (SELECT dag_key FROM dags WHERE dag_id = ?)", value: dagId }]),
        ...(states.length === 0 ? [] : [{ sql: "r.state = ANY(?::text[])", value: states }]),
      ];
      return readPage(database, page, { ...runList, conditions });
    },
    async getRun(runId) {
      const [row] = await database.query<RunViewRow>(getRun, [runId]);
      return row === undefined ? null : fromRow(row);
    },
    async latestRunId(dagId) {
      const [row] = await database.query<{ run_id: string }>(latestRun, [dagId]);
      return row?.run_id ?? null;
    },
    async listUnended(runIds) {
      const rows = await database.query<{ run_id: string }>(listUnended, [runIds]);
      return rows.map((row) => row.run_id);
    },
  };
}

function fromRow(row: RunViewRow): RunView {
  return {
    runKey: row.run_key,
    runId: row.run_id,
    dagId: row.dag_id,
    version: row.version,
    state: row.state,
    isPaused: row.is_paused,
    isOrphaned: row.is_orphaned,
    isArchived: row.is_archived,
    logicalAt: row.logical_at,
    intervalStartAt: row.interval_start_at,
    intervalEndAt: row.interval_end_at,
    queuedAt: row.queued_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    runType: row.run_type,
    triggeredBy: row.triggered_by,
    externalTriggerId: row.external_trigger_id,
    traceparent: row.traceparent,
    parameters: row.parameters,
    note: row.note,
    warnings: row.warnings,
    counts: nonZeroCounts(row.counts),
  };
}

/** States that have instances. */
export function nonZeroCounts(counts: Readonly<Record<TaskState, number>>): RunView["counts"] {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}
