import type { RunState } from "#core/states.ts";
import type { StoredProblem } from "#ports/stored-problem.ts";
import type { DroppedSlots } from "#ports/schedule-store.ts";
import type { DagView, ImportErrorView } from "#ports/dag-views.ts";
import type { Queries } from "#ports/queries.ts";
import type { Database } from "./database.ts";
import { type ListQuery, readPage } from "./page-statement.ts";

interface DagRow {
  readonly dag_key: number;
  readonly dag_id: string;
  readonly description: string;
  readonly owner: string;
  readonly tags: readonly string[];
  readonly schedule_text: string;
  readonly timezone: string;
  readonly is_active: boolean;
  readonly is_paused: boolean;
  readonly version: number;
  readonly file_path: string | null;
  readonly hash: string;
  readonly registered_at: number;
  readonly next_at: number | null;
  readonly dropped: (DroppedSlots & { readonly at: number }) | null;
  readonly dropped_count: number | null;
  readonly definition: unknown;
  readonly last_run_id: string | null;
  readonly last_logical_at: number;
  readonly last_state: RunState;
  readonly last_started_at: number | null;
  readonly last_ended_at: number | null;
  readonly problems: readonly StoredProblem[] | null;
}

const dagColumns = `d.dag_key, d.dag_id, d.description, d.owner, d.tags, COALESCE(s.schedule_text, '') AS schedule_text,
  COALESCE(s.timezone, v.definition ->> 'timezone', 'UTC') AS timezone, d.is_active, d.is_paused, v.version, d.file_path, v.hash,
  d.registered_at, s.next_at, s.dropped, s.dropped_count, v.definition, r.run_id AS last_run_id, r.logical_at AS last_logical_at, r.state AS last_state,
  r.started_at AS last_started_at, r.ended_at AS last_ended_at, e.problems`;

const dagSource = `dags d JOIN dag_versions v ON v.version_key = d.active_version_key LEFT JOIN schedules s ON s.dag_key = d.dag_key
  LEFT JOIN import_errors e ON e.file_path = d.file_path AND d.is_active
  LEFT JOIN LATERAL (SELECT run_id, logical_at, state, started_at, ended_at FROM dag_runs
    WHERE dag_key = d.dag_key AND NOT is_archived ORDER BY run_key DESC LIMIT 1) r ON true`;

const getDag = { name: "get_dag_view", text: `SELECT ${dagColumns} FROM ${dagSource} WHERE d.dag_id = $1` };

const dagList = {
  columns: dagColumns,
  from: dagSource,
  order: [{ sql: "d.dag_id", type: "text", descending: false }],
  sorts: {
    dag_id: { sql: "d.dag_id", type: "text" },
    owner: { sql: "d.owner", type: "text" },
    next_run: { sql: "COALESCE(s.next_at, 'infinity')", type: "timestamptz" },
    registered_at: { sql: "d.registered_at", type: "timestamptz" },
  },
  toItem: fromDagRow,
} satisfies Omit<ListQuery<DagRow, DagView>, "conditions">;

/** Words of the name, the description, the owner and the tags; `?` is lower case already. */
const textCondition =
  "position(? IN lower(concat_ws(' ', d.dag_id, d.description, d.owner, array_to_string(d.tags, ' ')))) > 0";

const errorList = {
  columns: "file_path, since, problems",
  from: "import_errors",
  conditions: [],
  order: [{ sql: "file_path", type: "text", descending: false }],
  sorts: { file_path: { sql: "file_path", type: "text" }, since: { sql: "since", type: "timestamptz" } },
  toItem: (row: { file_path: string; since: number; problems: readonly StoredProblem[] }): ImportErrorView => ({
    filePath: row.file_path,
    since: row.since,
    problems: row.problems,
  }),
} as const;

export function createDagQueries(database: Database): Pick<Queries, "listDags" | "getDag" | "listImportErrors"> {
  return {
    listDags(page, { isActive, text }) {
      const conditions = [
        ...(isActive === null ? [] : [{ sql: "d.is_active = ?", value: isActive }]),
        ...(text === null ? [] : [{ sql: textCondition, value: text.toLowerCase() }]),
      ];
      return readPage(database, page, { ...dagList, conditions });
    },
    async getDag(dagId) {
      const [row] = await database.query<DagRow>(getDag, [dagId]);
      return row === undefined ? null : fromDagRow(row);
    },
    listImportErrors: (page) => readPage(database, page, errorList),
  };
}

function fromDagRow(row: DagRow): DagView {
  return {
    dagKey: row.dag_key,
    dagId: row.dag_id,
    description: row.description,
    owner: row.owner,
    tags: row.tags,
    scheduleText: row.schedule_text,
    timezone: row.timezone,
    isActive: row.is_active,
    isPaused: row.is_paused,
    version: row.version,
    filePath: row.file_path,
    fileHash: row.hash,
    registeredAt: row.registered_at,
    nextAt: row.next_at,
    droppedSlots: row.dropped === null ? null : { ...row.dropped, totalCount: row.dropped_count ?? 0 },
    definition: row.definition,
    lastRun: row.last_run_id === null ? null : lastRunOf(row, row.last_run_id),
    problems: row.problems ?? [],
  };
}

function lastRunOf(row: DagRow, runId: string): DagView["lastRun"] {
  const isOver = row.last_started_at !== null && row.last_ended_at !== null;
  const durationMs = isOver ? row.last_ended_at - row.last_started_at : null;
  return { runId, logicalAt: row.last_logical_at, state: row.last_state, durationMs };
}
