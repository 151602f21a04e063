import type { ResourceAmounts } from "#core/resource-amounts.ts";
import type { QueuedInstance } from "#ports/queued-instance.ts";
import type { HeldAttempt, RunFacts, RunStore } from "#ports/run-store.ts";
import type { RunType } from "#ports/new-run.ts";
import type { Wake } from "#ports/wake.ts";
import type { Database } from "../database.ts";
import { changeRuns } from "../../changes/change-runs.ts";
import { tellOfNewRun } from "../../changes/new-run-wakes.ts";
import { roomWakes } from "../../changes/room-wakes.ts";
import { type CreateContext, createRun } from "./create-run.ts";
import { ampleCache, type CacheLimits } from "../../changes/cache-limits.ts";
import { RunCache } from "../../changes/run-cache.ts";
import { findAnswer, keepAnswer } from "./request-answers.ts";
import type { RunLoader } from "./run-loader.ts";
import { createRunTable } from "./run-table.ts";
import { clearDispatched, stampDispatched } from "./dispatch-stamps.ts";
import * as dispatch from "./dispatch-queries.ts";
import { pickQueued } from "./pick-queued.ts";
import { SlotRowMaker } from "./slot-statement.ts";
import * as lookups from "./run-lookups.ts";

interface FactsRow {
  readonly run_key: number;
  readonly run_id: string;
  readonly dag_id: string;
  readonly version_key: number;
  readonly revision: number;
  readonly run_type: RunType;
  readonly logical_at: number;
  readonly interval_start_at: number;
  readonly interval_end_at: number;
  readonly started_at: number | null;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly traceparent: string | null;
}

interface RefRow {
  readonly run_key: number;
  readonly ordinal: number;
  readonly generation: number;
  readonly try_number: number;
}

interface HeldRow {
  readonly run_key: number;
  readonly ordinal: number;
  readonly run_id: string;
  readonly task_id: string;
  readonly map_index: number | null;
  readonly fence: number;
  readonly worker_key: number;
  readonly is_running: boolean;
  readonly resources: ResourceAmounts | null;
}

interface DueRow {
  readonly run_key: number;
  readonly ordinal: number | null;
  readonly fence: number;
  readonly what: "retry" | "queue_timeout" | "retry_timeout" | "run_timeout" | "deadline";
}

/** Runs in PostgreSQL. `now` is the estimate of the database clock that decisions are made with. */
export function createRunRepository(options: {
  database: Database;
  /** Of all that reads runs in this process: it keeps their plans. */
  loader: RunLoader;
  wake: Wake;
  now: () => number;
  cache?: CacheLimits;
}): RunStore {
  const { database, loader, wake, now, cache: limits = ampleCache } = options;
  const slotRows = new SlotRowMaker();
  const table = createRunTable(database, loader, slotRows);
  const context: CreateContext = { database, table, loader, slotRows, cache: new RunCache(limits.instances), now };
  return {
    async createRun(run) {
      const result = await createRun(context, run);
      tellOfNewRun(wake, run, result);
      return result;
    },
    async changeRuns(changes) {
      const results = await changeRuns(context, changes);
      if (results.some((result) => result.kind === "applied" && result.decision.events.length > 0))
        wake.notify("outbox");
      for (const [place, result] of results.entries()) {
        if (result.kind !== "applied") continue;
        for (const log of changes[place]?.logs?.(result.decision) ?? [])
          wake.notify("logs", `${log.runKey}/${log.ordinal}`);
        if (result.run.run.endedAt !== null) wake.notify("ended", result.run.run.runId);
        for (const channel of roomWakes(result.run, result.decision)) wake.notify(channel);
      }
      return results;
    },
    async findRunKey(runId) {
      const [row] = await database.query<{ run_key: number }>(lookups.findRunKey, [runId]);
      return row?.run_key ?? null;
    },
    findAnswer: (request) => findAnswer(database, request),
    keepAnswer: (answer) => keepAnswer(database, answer),
    readPlan: (versionKey) => loader.plan(database, versionKey),
    async readFacts(runKeys) {
      return (await database.query<FactsRow>(lookups.readFacts, [runKeys])).map(fromFactsRow);
    },
    pickQueued: (options) => pickQueued(database, options),
    stampDispatched: (instances, redispatchAfterMs) => stampDispatched(database, instances, redispatchAfterMs),
    clearDispatched: (instances) => clearDispatched(database, instances),
    async listDue(limit) {
      const rows = await database.query<DueRow>(dispatch.listDue, [limit]);
      return rows.map((row) => ({ runKey: row.run_key, ordinal: row.ordinal, fence: row.fence, what: row.what }));
    },
    async nextDueInMs() {
      const [row] = await database.query<{ ms: number | null }>(dispatch.nextDue, []);
      return row?.ms ?? null;
    },
    async listHeldByLostWorkers(limit) {
      return (await database.query<HeldRow>(dispatch.listHeldByLostWorkers, [limit])).map(fromHeldRow);
    },
    async listHeldByWorker(workerKey) {
      return (await database.query<HeldRow>(dispatch.listHeldByWorker, [workerKey])).map(fromHeldRow);
    },
    async listAwaitingEvaluation(limit) {
      return (await database.query<RefRow>(dispatch.listAwaitingEvaluation, [limit])).map(fromRefRow);
    },
    async listAdmissible(limit) {
      const rows = await database.query<{ run_key: number }>(dispatch.listAdmissible, [limit]);
      return rows.map((row) => row.run_key);
    },
    readOutputs(runKey, ordinals) {
      return database.query(lookups.readOutputs, [runKey, ordinals]);
    },
  };
}

function fromRefRow(row: RefRow): QueuedInstance {
  return { runKey: row.run_key, ordinal: row.ordinal, generation: row.generation, tryNumber: row.try_number };
}

function fromHeldRow(row: HeldRow): HeldAttempt {
  return {
    runKey: row.run_key,
    ordinal: row.ordinal,
    runId: row.run_id,
    taskId: row.task_id,
    mapIndex: row.map_index,
    fence: row.fence,
    workerKey: row.worker_key,
    isRunning: row.is_running,
    ...(row.resources === null ? {} : { requests: row.resources }),
  };
}

function fromFactsRow(row: FactsRow): RunFacts {
  return {
    runKey: row.run_key,
    runId: row.run_id,
    dagId: row.dag_id,
    versionKey: row.version_key,
    revision: row.revision,
    runType: row.run_type,
    logicalAt: row.logical_at,
    intervalStartAt: row.interval_start_at,
    intervalEndAt: row.interval_end_at,
    startedAt: row.started_at,
    parameters: row.parameters,
    traceparent: row.traceparent,
  };
}
