import type { DagView, ImportErrorView } from "#ports/dag-views.ts";
import type { Queries } from "#ports/queries.ts";
import type { RunView } from "#ports/run-views.ts";
import { nonZeroCounts } from "../postgres/run-queries.ts";
import { createMemoryExplainQueries } from "./explain-queries.ts";
import { createMemoryInstanceQueries } from "./instance-queries.ts";
import type { MemoryState } from "./memory-state.ts";
import type { StoredDag } from "./stored-definition.ts";
import type { StoredRun } from "./stored-run.ts";
import { never, pageOf } from "./page.ts";
import { activeVersion } from "./schedules.ts";
import { createMemoryVersionQueries } from "./version-queries.ts";
import { createMemoryWorkerQueries } from "./worker-queries.ts";

const dagList = {
  order: [{ value: (dag: DagView) => dag.dagId, descending: false }],
  sorts: {
    dag_id: (dag: DagView) => dag.dagId,
    owner: (dag: DagView) => dag.owner,
    next_run: (dag: DagView) => dag.nextAt ?? never,
    registered_at: (dag: DagView) => dag.registeredAt,
  },
};

const errorList = {
  order: [{ value: (error: ImportErrorView) => error.filePath, descending: false }],
  sorts: { file_path: (error: ImportErrorView) => error.filePath, since: (error: ImportErrorView) => error.since },
};

export const runList = {
  order: [{ value: (run: RunView) => run.runKey, descending: true }],
  sorts: {
    execution_date: (run: RunView) => run.logicalAt,
    queued_at: (run: RunView) => run.queuedAt,
    start_date: (run: RunView) => run.startedAt ?? never,
    end_date: (run: RunView) => run.endedAt ?? never,
    dag_id: (run: RunView) => run.dagId,
    state: (run: RunView) => run.state,
  },
};

export function createMemoryQueries(state: MemoryState): Queries {
  return {
    ...createMemoryInstanceQueries(state),
    ...createMemoryExplainQueries(state),
    ...createMemoryVersionQueries(state),
    ...createMemoryWorkerQueries(state),
    async listDags(page, { isActive, text }) {
      const views = [...state.dags.values()].flatMap((dag) => dagView(state, dag));
      const found = views.filter(
        (view) => (isActive === null || view.isActive === isActive) && (text === null || holdsText(view, text)),
      );
      return pageOf(found, page, dagList);
    },
    async getDag(dagId) {
      const dag = state.dags.get(dagId);
      return dag === undefined ? null : (dagView(state, dag)[0] ?? null);
    },
    async listImportErrors(page) {
      const views = [...state.importErrors.values()].map(({ filePath, since, problems }) => ({
        filePath,
        since,
        problems,
      }));
      return pageOf(views, page, errorList);
    },
    async listRuns(page, { dagId, states }) {
      const found = [...state.runs.values()].filter(
        ({ row }) => (dagId === null || row.dagId === dagId) && (states.length === 0 || states.includes(row.state)),
      );
      return pageOf(
        found.map((run) => runView(state, run)),
        page,
        runList,
      );
    },
    async getRun(runId) {
      const run = state.findRun(runId);
      return run === undefined ? null : runView(state, run);
    },
    async latestRunId(dagId) {
      return latestRun(state, dagId)?.row.runId ?? null;
    },
    async listUnended(runIds) {
      return runIds.filter((runId) => state.findRun(runId)?.row.endedAt === null);
    },
    async ping() {
      // Memory always answers.
    },
  };
}

function holdsText(view: DagView, text: string): boolean {
  return [view.dagId, view.description, view.owner, view.tags.join(" ")]
    .join(" ")
    .toLowerCase()
    .includes(text.toLowerCase());
}

function latestRun(state: MemoryState, dagId: string): StoredRun | undefined {
  let latest: StoredRun | undefined;
  for (const run of state.runs.values()) {
    if (run.row.dagId === dagId && !run.row.isArchived && run.row.runKey > (latest?.row.runKey ?? 0)) latest = run;
  }
  return latest;
}

/** Nothing for a DAG that never had a version in force. */
function dagView(state: MemoryState, dag: StoredDag): readonly DagView[] {
  const version = activeVersion(state, dag);
  if (version === undefined) return [];
  const { content } = version;
  const last = latestRun(state, dag.dagId)?.row;
  const isOver = last !== undefined && last.startedAt !== null && last.endedAt !== null;
  return [
    {
      dagKey: dag.dagKey,
      dagId: dag.dagId,
      description: content.description,
      owner: content.owner,
      tags: content.tags,
      scheduleText: dag.schedule?.text ?? "",
      timezone: dag.schedule?.timezone ?? timezoneOf(content.definition),
      isActive: dag.isActive,
      isPaused: dag.isPaused,
      version: version.version,
      filePath: dag.filePath,
      fileHash: content.hash,
      registeredAt: dag.registeredAt,
      nextAt: dag.schedule?.nextAt ?? null,
      droppedSlots: dag.schedule?.dropped ?? null,
      definition: content.definition,
      lastRun:
        last === undefined
          ? null
          : {
              runId: last.runId,
              logicalAt: last.logicalAt,
              state: last.state,
              durationMs: isOver ? (last.endedAt ?? 0) - (last.startedAt ?? 0) : null,
            },
      problems: (dag.isActive && dag.filePath !== null && state.importErrors.get(dag.filePath)?.problems) || [],
    },
  ];
}

function timezoneOf(definition: unknown): string {
  const has = typeof definition === "object" && definition !== null && "timezone" in definition;
  return has && typeof definition.timezone === "string" ? definition.timezone : "UTC";
}

export function runView(state: MemoryState, { row, made, isOrphaned }: StoredRun): RunView {
  return {
    runKey: row.runKey,
    runId: row.runId,
    dagId: row.dagId,
    version: state.versions.get(row.versionKey)?.version ?? 0,
    state: row.state,
    isPaused: row.isPaused,
    isOrphaned,
    isArchived: row.isArchived,
    logicalAt: row.logicalAt,
    intervalStartAt: made.intervalStartAt,
    intervalEndAt: made.intervalEndAt,
    queuedAt: row.queuedAt,
    startedAt: row.startedAt,
    endedAt: row.endedAt,
    runType: made.runType,
    triggeredBy: made.triggeredBy,
    externalTriggerId: made.externalTriggerId,
    traceparent: made.traceparent,
    parameters: made.parameters,
    note: made.note,
    warnings: made.warnings,
    counts: nonZeroCounts(row.counts),
  };
}
