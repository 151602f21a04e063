import type { Definition } from "#definition/model.ts";
import type { Store } from "#ports/store.ts";
import { startSchedule } from "#schedule/schedule-start.ts";
import { createLogger } from "#telemetry/logger.ts";
import { evaluateSchedules, type EvaluationResult } from "./evaluate-schedules.ts";
import type { LastingFailure } from "./make-scheduled-run.ts";
import { randomSuffix } from "./run-id.ts";
import type { ScheduleLag } from "./schedule-lag.ts";
import { createScheduledDefinitions } from "./scheduled-definitions.ts";

export const silentLogger = createLogger({ level: "silent", format: "json", component: "test" });

/** Puts a definition in force as the parser does; `now` is when. */
export async function registerDefinition(store: Store, next: Definition, now: number = store.now()): Promise<void> {
  const { schedule } = next;
  await store.definitions.register({
    dagId: next.id,
    filePath: `${next.id}.yaml`,
    source: "file",
    text: "",
    hash: JSON.stringify(next),
    definition: next,
    description: "",
    owner: "",
    tags: [],
    schedule: schedule === null ? null : startSchedule(schedule, now),
  });
}

export interface Evaluator {
  readonly failures: ReadonlyMap<string, LastingFailure>;
  evaluate(changes?: {
    store?: Store;
    signal?: AbortSignal;
    epoch?: number;
    lag?: ScheduleLag;
  }): Promise<EvaluationResult>;
}

/** The evaluation of a leader over a store. */
export function createEvaluator(store: Store, epoch: number): Evaluator {
  const failures = new Map<string, LastingFailure>();
  const definitions = createScheduledDefinitions(store);
  const { signal } = new AbortController();
  const context = { store, epoch, failures, definitions, createSuffix: randomSuffix, signal, logger: silentLogger };
  return { failures, evaluate: (changes = {}) => evaluateSchedules({ ...context, ...changes }) };
}

/** The dates of a DAG's scheduled runs, oldest first, to the second. */
export async function scheduledDates(store: Store, dagId: string): Promise<string[]> {
  const dates: string[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<Store["queries"]["listRuns"]>> = await store.queries.listRuns(
      { limit: 100, cursor, sort: null },
      { dagId, states: [] },
    );
    for (const run of page.items) {
      if (run.runType === "scheduled") dates.push(new Date(run.logicalAt).toISOString().replace(".000Z", "Z"));
    }
    cursor = page.nextCursor;
  } while (cursor !== null);
  return dates.sort();
}
