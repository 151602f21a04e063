import { decideRun } from "#core/decide-run.ts";
import type { AttemptFailure, AttemptOutcome, RunEvent } from "#core/run-event.ts";
import type { Instance } from "#core/run-model.ts";
import type { NewRun } from "#ports/new-run.ts";
import type { RunChange, RunChangeResult } from "#ports/run-store.ts";
import type { Store } from "#ports/store.ts";
import { registerDag } from "./dag-builder.ts";
import type { TaskSpec } from "./plan-builder.ts";
import type { PlanSpec } from "./plan-spec.ts";

let lastRun = 0;

export function newRun(keys: { dagKey: number; versionKey: number }, changes: Partial<NewRun> = {}): NewRun {
  lastRun += 1;
  const logicalAt = changes.logicalAt ?? Date.UTC(2026, 0, 1) + lastRun;
  return {
    ...keys,
    runId: `dag__2026-01-01T00:00:00Z__${lastRun.toString(16).padStart(8, "0")}`,
    logicalAt,
    intervalStartAt: logicalAt,
    intervalEndAt: logicalAt,
    runType: "manual",
    triggeredBy: "test",
    externalTriggerId: "",
    note: "",
    parameters: {},
    warnings: [],
    traceparent: null,
    concurrencyKey: null,
    whenFull: "wait",
    replaceExisting: false,
    request: null,
    leaderEpoch: null,
    ...changes,
  };
}

/** A DAG of these tasks with one run. */
export async function startRun(
  store: Store,
  tasks: readonly TaskSpec[],
  options: Omit<PlanSpec, "tasks"> = {},
): Promise<{ runKey: number; runId: string }> {
  const keys = await registerDag(store, `dag_${lastRun}`, { tasks, ...options });
  const result = await store.runs.createRun(newRun(keys));
  if (result.kind !== "created") throw new Error(`no run: ${result.kind}`);
  return result;
}

/** Applies events to a run as an executor does. */
export async function change(store: Store, runKey: number, events: readonly RunEvent[]): Promise<RunChangeResult> {
  const decide: RunChange["decide"] = (run, { lacksRoom }) => decideRun(run, events, store.now(), { lacksRoom });
  const [result] = await store.runs.changeRuns([{ runKey, decide }]);
  if (result === undefined) throw new Error("no answer");
  return result;
}

export async function readInstances(store: Store, runKey: number): Promise<readonly Instance[]> {
  const [result] = await store.runs.changeRuns([{ runKey, decide: () => null }]);
  if (result?.kind !== "unchanged") throw new Error(`run ${runKey} cannot be read: ${result?.kind}`);
  return result.run.instances;
}

/** Claims the next attempt of an instance; answers the fence. */
export async function claim(store: Store, runKey: number, ordinal: number, workerKey = 1): Promise<number> {
  const instance = (await readInstances(store, runKey))[ordinal];
  const { generation = 1, tryNumber = 0 } = instance ?? {};
  const result = await change(store, runKey, [
    { kind: "claim", ordinal, generation, tryNumber: tryNumber + 1, workerKey },
  ]);
  if (result.kind !== "applied") throw new Error(`claim of ${ordinal} was not applied: ${result.kind}`);
  return result.run.instances[ordinal]?.fence ?? 0;
}

export const success: AttemptOutcome = { kind: "success", outputs: [] };

export function failure(changes: Partial<AttemptFailure> = {}): AttemptOutcome {
  const plain = {
    code: "exit_code",
    message: "exit code 1",
    exitCode: 1,
    signal: null,
    retryable: null,
    retryAfterMs: null,
    random: 0.5,
  };
  return { kind: "failed", failure: { ...plain, ...changes }, outputs: [] };
}

/** Claims and ends an instance. */
export async function runTask(
  store: Store,
  runKey: number,
  ordinal: number,
  outcome: AttemptOutcome,
): Promise<RunChangeResult> {
  const fence = await claim(store, runKey, ordinal);
  return change(store, runKey, [{ kind: "outcome", ordinal, fence, outcome }]);
}
